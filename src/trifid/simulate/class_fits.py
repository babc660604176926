"""Template fits of each class as table features, of simulated and of real spectra alike.

How much worse a spectrum is fitted as a star, galaxy or quasar than as what fits best says more of
its class than the best class alone; a classifier trained on simulated skies weighs it with colours
and the spectrum itself. All templates are simulated.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from trifid.errors import StoreError
from trifid.physics.redshift import fit_redshifts
from trifid.progress import progress
from trifid.schema import grid
from trifid.schema.block import Block
from trifid.schema.modality import TableSpec
from trifid.simulate import templates
from trifid.store import Store, StoreWriter, write_shard

FEATURES = tuple(f"fit_{name}" for name in (*templates.KINDS, "line")) + tuple(
    f"fit_redshift_{name}" for name in ("galaxy", "quasar")
)
"""`fit_KIND`, `fit_line`: ln(1 + excess of chi2) of the best fit of a kind, of a parabola, over the
best of all; `fit_redshift_KIND`: ln(1 + z) of a kind's best fit. None has a unit."""
_TERMS = 3  # of the polynomials every fit has
_ROWS = 100


def class_fits(
    flux: np.ndarray, ivar: np.ndarray, *, source: str = "bagpipes"
) -> dict[str, np.ndarray]:
    """The features of B spectra, (B,) by name; NaN where there are too few pixels.

    Excesses are taken in units of the best reduced chi2 where that is above one, so that
    underestimated noise does not turn into certainty.

    Args:
        flux: (B, L) on the store's grid.
        ivar: (B, L); 0 = no data.
        source: Starlight of the galaxy templates: `populations.SOURCES`.
    """
    flux, ivar = flux.astype(np.float64), ivar.astype(np.float64)
    fits = {
        kind: fit_redshifts(flux, ivar, templates.load(source, kinds=[kind]), polynomials=_TERMS)
        for kind in templates.KINDS
    }
    pixels = (ivar > 0).sum(axis=1)
    chi2 = {kind: fit.reduced_chi2 * pixels for kind, fit in fits.items()}
    chi2["line"] = _polynomial_chi2(flux, ivar)
    least = np.min(list(chi2.values()), axis=0)
    unit = np.maximum(least / np.maximum(pixels, 1), 1.0)
    found = {f"fit_{name}": np.log1p((value - least) / unit) for name, value in chi2.items()}
    for kind in ("galaxy", "quasar"):
        found[f"fit_redshift_{kind}"] = np.log1p(fits[kind].redshift)
    return {name: found[name] for name in FEATURES}


def with_fits(
    store_folder: Path,
    out: Path,
    *,
    source: str = "bagpipes",
    kept: Mapping[str, str] | None = None,
) -> None:
    """Copies a store with `FEATURES` added to its table; every row needs a spectrum and a table.

    Args:
        store_folder: The store.
        out: The copy.
        source: Starlight of the galaxy templates: `populations.SOURCES`.
        kept: Features kept of its table, with the unit of each, for stores whose catalogues name
            different things; all by default.

    Raises:
        StoreError: If a row lacks one of them, or the store cannot be read or written.
    """
    store = Store.open(store_folder)
    table = store.schema.modalities.get("table")
    if not isinstance(table, TableSpec) or "spectrum" not in store.schema.modalities:
        raise StoreError(f"{store_folder}: needs the modalities spectrum and table")
    kept = kept or dict(zip(table.features, table.units, strict=True))
    if missing := [name for name in kept if name not in table.features]:
        raise StoreError(f"{store_folder}: its table has no feature {missing[0]!r}")
    places = [table.features.index(name) for name in kept]
    wider = TableSpec(features=(*kept, *FEATURES), units=(*kept.values(), *("" for _ in FEATURES)))
    schema = store.schema.replace(modalities=dict(store.schema.modalities) | {"table": wider})
    origin = store.manifest.provenance | {"fits": source}
    first = 0
    with (
        StoreWriter(out, schema, provenance=origin) as writer,
        progress("class fits", len(store)) as advance,
    ):
        for number, entry in enumerate(store.manifest.shards):
            rows = np.arange(first, first + entry.rows)
            block = _block(store, rows, entry.modalities, source, places)
            writer.add(write_shard(out, number, block, schema))
            first += entry.rows
            advance(entry.rows)
        writer.finish([])


def _block(
    store: Store, rows: np.ndarray, modalities: tuple[str, ...], source: str, places: list[int]
) -> Block:
    if not {"spectrum", "table"} <= set(modalities):
        raise StoreError(f"{store.folder}: row {rows[0]} has no spectrum or no table")
    fields = store.take(rows, modalities)
    inputs = {
        name: {part: array for part, array in value.items() if part != "present"}
        for name, value in fields.items()
    }
    spectrum, table = inputs["spectrum"], inputs["table"]
    parts = [
        class_fits(spectrum["flux"][i : i + _ROWS], spectrum["ivar"][i : i + _ROWS], source=source)
        for i in range(0, len(rows), _ROWS)
    ]
    extra = np.stack([np.concatenate([part[name] for part in parts]) for name in FEATURES], axis=1)
    known = np.isfinite(extra)
    inputs["table"] = {
        "values": np.concatenate(
            [table["values"][:, places], np.where(known, extra, 0.0).astype(np.float32)], axis=1
        ),
        "valid": np.concatenate([table["valid"][:, places], known.astype(np.uint8)], axis=1),
    }
    columns = store.columns().slice(int(rows[0]), len(rows)).to_pydict()
    return Block(columns, inputs)


def _polynomial_chi2(flux: np.ndarray, ivar: np.ndarray) -> np.ndarray:
    """chi2 of the best polynomial (B,)."""
    x = np.linspace(-1.0, 1.0, grid.LENGTH)
    powers = np.stack([x**order for order in range(_TERMS)])
    normal = np.einsum("pl,bl,ql->bpq", powers, ivar, powers, optimize=True)
    normal = normal + 1e-12 * np.eye(_TERMS)
    right = (ivar * flux) @ powers.T
    values = np.linalg.solve(normal, right[..., None])[..., 0]
    return (ivar * flux**2).sum(axis=1) - (values * right).sum(axis=1)
