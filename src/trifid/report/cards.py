"""The data card, the cost line and the environment."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from trifid.files import flattened
from trifid.report.labels import labels_table, task_of
from trifid.report.run import Document, RunFiles, Trained
from trifid.report.tables import Table
from trifid.report.text import count, duration, number, percent, size
from trifid.schema.modality import ImageSpec, ModalitySpec, PictureSpec, SpectrumSpec, TableSpec
from trifid.store.read import Store

_RUN_FACTS = {
    "store": "Store",
    "store_hash": "Store hash",
    "split": "Split",
    "split_hash": "Split hash",
    "rows": "Rows by part",
    "rows_without_input": "Labelled rows without any input",
    "rows_left_out": "Rows left out for a flag, by class",
    "leaky_inputs": "Leaky inputs",
    "seed": "Seed",
    "version": "trifid",
}


def data_tables(run: RunFiles, store: Store | None) -> list[Table]:
    """What the model saw: origin, rows, modalities, features, labels by part, what was skipped."""
    tables = [_origin(run, store)]
    if (labels := labels_table(run, store)) is not None:
        tables.append(labels)
    if store is not None:
        tables += [_modalities(store), _skipped(store)]
    tables.append(_inputs(run.recipe))
    return [table for table in tables if table.rows]


def cost_line(trained: Trained) -> str:
    """One sentence: parameters, time, rate, memory, device."""
    cost = trained.cost
    if not cost:
        return ""
    said = f"{count(cost.get('parameters'))} parameters, trained in "
    said += f"{duration(cost.get('train_seconds'))} at {number(cost.get('rows_per_second'), 0)} "
    said += f"rows per second on {cost.get('device', 'an unnamed device')}"
    if cost.get("threads"):
        said += f" with {cost['threads']} thread{'s' if cost['threads'] != 1 else ''}"
    return f"{said}; peak memory {size(cost.get('peak_memory_bytes'))}."


def cost_table(trained: Iterable[Trained]) -> Table | None:
    """The cost of every fold."""
    rows = tuple(
        (
            part.name,
            count(part.cost.get("parameters")),
            duration(part.cost.get("train_seconds")),
            number(part.cost.get("rows_per_second"), 0),
            size(part.cost.get("peak_memory_bytes")),
            str(part.cost.get("device", "")),
        )
        for part in trained
        if part.cost
    )
    head = ("Fold", "Parameters", "Time", "Rows per second", "Peak memory", "Device")
    return Table("Cost of each fold", head, rows) if rows else None


def flat(document: Document) -> Iterator[tuple[str, str]]:
    """Dotted keys and values of a nested document, as text."""
    for key, value in flattened(document):
        yield key, _said(value)


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_said(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)


def _inputs(recipe: Document) -> Table:
    """What the recipe gives the model, with a warning where a feature set is leaky."""
    rows = [
        (name, "; ".join(f"{key} {said}" for key, said in flat(config) if said not in ("0", name)))
        for name, config in recipe.get("inputs", {}).items()
    ]
    rows += [(f"Features of {name}", said) for name, said in _feature_sets(recipe)]
    rows += [(f"Split: {key}", value) for key, value in flat(recipe.get("split", {}))]
    return Table("What the recipe gives the model", ("Choice", "Value"), tuple(rows), kind="text")


def _feature_sets(recipe: Document) -> Iterator[tuple[str, str]]:
    task = task_of(recipe)
    if task is None:
        return
    for name, config in recipe.get("inputs", {}).items():
        known = task.feature_sets.get(config.get("feature_set", ""))
        if known is not None:
            kind = "LEAKY: made from the label, or nearly" if known.leaky else "Safe"
            yield name, f"{kind} ({known.note})"


def _origin(run: RunFiles, store: Store | None) -> Table:
    rows: list[tuple[str, str]] = []
    if store is not None:
        groups = len(store.columns("group")["group"].unique())
        rows += [("Rows in the store", count(len(store))), ("Sky objects (groups)", count(groups))]
        rows += [(f"Origin: {key}", value) for key, value in store.manifest.provenance.items()]
    given = [(name, run.run.get(key)) for key, name in _RUN_FACTS.items()]
    rows += [(name, _said(value)) for name, value in given if value not in (None, "", [], {})]
    return Table("Origin", ("Item", "Value"), tuple(rows), kind="text")


def _modalities(store: Store) -> Table:
    rows: list[tuple[str, ...]] = []
    for name, spec in store.schema.modalities.items():
        there = int(store.present(name).sum())
        share = percent(there / max(len(store), 1), 0)
        rows.append((name, count(there), share, described(spec)))
    head = ("Modality", "Rows", "Share", "What it is")
    return Table("Modalities in the store", head, tuple(rows), kind="text")


def described(spec: ModalitySpec) -> str:
    """What a modality is, in one line."""
    if isinstance(spec, ImageSpec):
        shape = f"{spec.height} × {spec.width} pixels of {spec.pixel_scale:.4g}″"
        return f"bands {''.join(spec.bands)}, {shape}, {spec.unit}"
    if isinstance(spec, PictureSpec):
        return f"colour picture, {spec.height} × {spec.width} pixels"
    if isinstance(spec, SpectrumSpec):
        return f"{spec.length} pixels of {spec.log10_step:g} dex, {spec.frame}, {spec.unit}"
    if isinstance(spec, TableSpec):
        pairs = zip(spec.features, spec.units, strict=True)
        named = [f"{name} [{unit}]" if unit else name for name, unit in pairs]
        return f"{len(named)} catalogue features: {', '.join(named)}"
    return f"light curve of {spec.length} points in {''.join(spec.bands)}, {spec.unit}"


def _skipped(store: Store) -> Table:
    skipped: pa.Table = store.skipped()
    reasons = Counter(skipped["reason"].to_pylist()).most_common()
    rows = tuple((reason, count(times)) for reason, times in reasons[:12]) or (("nothing", "0"),)
    note = f"{count(skipped.num_rows)} files or rows"
    return Table("Skipped when the store was made", ("Reason", "Times"), rows, note=note)
