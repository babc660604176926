"""The data card of a store: what it holds and where it came from, for people. Plain Markdown.

It follows from the store's content alone, without times and machine names, so a store that was
resumed has the same card as one written at once. No hash covers it.
"""

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from trifid.markdown import document, plain, table
from trifid.schema.modality import IDENTITY_COLUMNS, ImageSpec, ModalitySpec, TableSpec
from trifid.store.manifest import Manifest

CARD = "data_card.md"
_VALUES, _REASONS = 12, 10
_TERMS = {
    True: "Simulated: no survey's terms apply, and nothing in it is a statement about the sky.",
    False: (
        "Measured data: the terms of the survey that made them apply, and publications owe it its "
        "acknowledgement. That of the Sloan Digital Sky Survey is at "
        "<https://www.sdss.org/collaboration/citing-sdss/> (address unverified)."
    ),
}


def data_card(manifest: Manifest, batches: Sequence[pa.RecordBatch], skipped: Sequence[str]) -> str:
    """The card.

    Args:
        manifest: Of the store.
        batches: Its shards, in their order.
        skipped: The reason of each file or row that was not stored.
    """
    columns = {
        name: pa.chunked_array([batch.column(name) for batch in batches], type=None)
        for name in manifest.schema_.columns
        if batches and all(name in batch.schema.names for batch in batches)
    }
    simulated = manifest.provenance.get("simulated") == "true"
    groups = len(columns["group"].unique()) if "group" in columns else 0
    kind = "simulated " if simulated else ""
    said = f"{manifest.rows} rows of {groups} {kind}objects in {len(manifest.shards)} shards."
    reasons = Counter(skipped).most_common(_REASONS)
    return document(
        "Data card",
        [
            ("What it is", said),
            ("Origin", table(("item", "value"), sorted(manifest.provenance.items()))),
            ("Terms", _TERMS[simulated]),
            ("Modalities", table(("name", "rows", "what it is"), _modalities(manifest))),
            ("Columns", table(("name", "type", "unit", "nulls"), _columns(manifest, columns))),
            ("Labels and other names", _values(manifest, columns)),
            ("Not stored", table(("reason", "times"), reasons) or "Nothing was skipped."),
            (
                "How to use it",
                "A group is one object on the sky: its rows belong into one part of a split. Null "
                "labels are unlabelled, not a class. `trifid audit data` looks for leaks, `trifid "
                "info --check` reads every byte.",
            ),
        ],
    )


def _modalities(manifest: Manifest) -> list[tuple[object, ...]]:
    held = Counter[str]()
    for shard in manifest.shards:
        held.update(dict.fromkeys(shard.modalities, shard.rows))
    return [
        (name, held[name], _described(spec))
        for name, spec in sorted(manifest.schema_.modalities.items())
    ]


def _described(spec: ModalitySpec) -> str:
    if isinstance(spec, TableSpec):
        return f"{len(spec.features)} numbers: {', '.join(spec.features)}"
    if isinstance(spec, ImageSpec):
        shape = f"{spec.height} x {spec.width} pixels of {spec.pixel_scale:.4g} arcsec"
        return f"bands {''.join(spec.bands)}, {shape}"
    fields = (f"{name} {'x'.join(map(str, shape))}" for name, (_, shape) in spec.fields().items())
    return ", ".join(fields)


def _columns(manifest: Manifest, columns: dict[str, pa.ChunkedArray]) -> list[tuple[object, ...]]:
    return [
        (name, spec.type, spec.unit, columns[name].null_count if name in columns else "")
        for name, spec in sorted(manifest.schema_.columns.items())
    ]


def _values(manifest: Manifest, columns: dict[str, pa.ChunkedArray]) -> str:
    """How often each value occurs in columns of text and logicals that have few of them."""
    lines: list[str] = []
    for name, column in sorted(columns.items()):
        spec = manifest.schema_.columns[name]
        if name in IDENTITY_COLUMNS or spec.type not in ("string", "bool"):
            continue
        counts = column.drop_null().value_counts().to_pylist()
        if 1 < len(counts) <= _VALUES:
            ordered = sorted(counts, key=lambda item: (-item["counts"], str(item["values"])))
            said = ", ".join(f"{plain(item['values'])} {item['counts']}" for item in ordered)
            lines.append(f"- {plain(name)}: {said}")
    return "\n".join(lines)
