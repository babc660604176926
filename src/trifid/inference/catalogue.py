"""A catalogue of predictions that one can publish: Parquet, FITS, VOTable or CSV."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from trifid.errors import ConfigError
from trifid.exchange.credit import data_credit, model_citation
from trifid.exchange.tables import FORMATS, write_catalogue
from trifid.exchange.ucd import ucd_of
from trifid.inference.predict import find_bundle
from trifid.inference.score import Scored, score_store
from trifid.models.base import gives_probabilities
from trifid.progress import progress
from trifid.store.read import Store
from trifid.training.bundle import Bundle, load_bundle
from trifid.version import __version__

Column = tuple[str, Any, str, str]  # name, values, unit, description


def predict_catalogue(bundle_folder: Path, store_folder: Path, out: Path) -> dict[str, Any]:
    """Predicts every row of a store and writes the catalogue; gives counts.

    Labels are never read. Memory holds the catalogue's columns, never images or spectra.

    Args:
        bundle_folder: A bundle or a run folder.
        store_folder: The store to classify.
        out: The catalogue; its suffix chooses the format.

    Raises:
        BundleError, StoreError: If one of them cannot be used, or they do not fit.
        ConfigError: If the suffix is not a known format, or the file cannot be there.
    """
    if out.suffix not in FORMATS:
        raise ConfigError(f"{out}: unknown format; use one of {', '.join(FORMATS)}")
    if out.is_dir() or not out.parent.is_dir():  # better now than after hours
        raise ConfigError(f"{out}: expected a file in a folder that exists")
    bundle, store = load_bundle(find_bundle(bundle_folder)), Store.open(store_folder)
    rows = np.arange(len(store), dtype=np.int64)
    identity = store.columns("object_id", "ra", "dec")
    parts: list[Scored] = []
    with progress("classifying", len(rows)) as advance:
        for done, scored in score_store(bundle, store, rows):
            parts.append(scored)
            advance(len(done))
    table = _table(identity, parts, bundle, data_credit(store.manifest.provenance))
    write_catalogue(table, out)
    used = table["used"].to_pylist()
    return {
        "rows": len(store),
        "without_input": used.count(""),
        "out_of_domain": int(np.sum(table["out_of_domain"].to_numpy())),
        "out": str(out),
    }


def _table(
    identity: pa.Table, parts: list[Scored], bundle: Bundle, credit: dict[str, str]
) -> pa.Table:
    inputs = tuple(bundle.pipeline.inputs)
    present = _joined([part.present for part in parts], len(inputs)).astype(bool)
    odd = _joined([part.outside for part in parts], len(inputs)).astype(bool)
    any_input = np.asarray(present.any(axis=1))
    used = ["+".join(n for n, p in zip(inputs, row, strict=True) if p) for row in present.tolist()]
    columns: list[Column] = [
        ("object_id", identity["object_id"], "", "key of the row"),
        ("ra", identity["ra"], "deg", "right ascension, ICRS"),
        ("dec", identity["dec"], "deg", "declination, ICRS"),
    ]
    columns += (
        _numbers(parts, bundle, any_input) if bundle.targets else _classes(parts, bundle, any_input)
    )
    columns += [
        ("used", pa.array(used), "", "inputs the answer rests on"),
        ("out_of_domain", pa.array(odd.any(axis=1)), "", "an input looks unlike training data"),
    ]
    fields = [
        pa.field(
            name, values.type, metadata={"unit": unit, "description": text, "ucd": ucd_of(name)}
        )
        for name, values, unit, text in columns
    ]
    card = bundle.card
    metadata = {
        "description": f"what trifid predicts for {len(used)} rows: task {card.task.name}",
        "task": card.task.name,
        "recipe": card.recipe.name,
        "bundle_sha256": bundle.hash,
        "trained_on_simulated_data": card.provenance.get("simulated", "unknown"),
        "trifid": __version__,
        **credit,
        "citation": model_citation(card.recipe.model),
    }
    return pa.table([c[1] for c in columns], schema=pa.schema(fields, metadata=metadata))


def _classes(parts: list[Scored], bundle: Bundle, known: np.ndarray) -> list[Column]:
    """The most probable class and all probabilities; votes have none."""
    classes = bundle.classes
    probabilities = _joined([part.probabilities for part in parts], len(classes))
    names = np.array([*classes, None], dtype=object)
    best = np.where(known, probabilities.argmax(axis=1), len(classes))
    probable = gives_probabilities(bundle.model)
    said = "most probable class" if probable else "class the model votes for"
    columns: list[Column] = [("predicted", pa.array(names[best], pa.string()), "", said)]
    for k, name in enumerate(classes if probable else ()):
        values = pa.array(probabilities[:, k], pa.float32(), mask=~known)
        columns.append((f"prob_{name}", values, "", f"calibrated probability of {name}"))
    return columns


def _numbers(parts: list[Scored], bundle: Bundle, known: np.ndarray) -> list[Column]:
    """Each number and, where the model predicts one, its standard deviation."""
    means = _joined([part.means for part in parts], len(bundle.targets))
    spreads = [part.sds for part in parts if part.sds is not None]
    sds = _joined(spreads, len(bundle.targets)) if spreads else None
    columns: list[Column] = []
    for k, (name, target) in enumerate(bundle.card.task.targets.items()):
        mean = pa.array(means[:, k], pa.float32(), mask=~known)
        columns.append((name, mean, target.unit, f"predicted {name}"))
        if sds is not None:
            sd = pa.array(sds[:, k], pa.float32(), mask=~known)
            columns.append((f"{name}_sd", sd, target.unit, "its calibrated standard deviation"))
    return columns


def _joined(parts: list[np.ndarray], width: int) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros((0, width))
