"""trifid info: what a store holds, and what it does not."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from trifid.schema.modality import ModalitySpec
    from trifid.store.read import Store

_NO_LABELS = frozenset({"plate", "mjd", "fiber", "specobjid", "bestobjid", "pixels_outside"})
_MOST_CLASSES = 32
_SHOWN = 20


def info(
    store: Annotated[Path, typer.Argument(help="Folder of the store.")],
    check: Annotated[
        bool, typer.Option("--check", help="Read every byte: hashes, columns, finite values.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show rows, groups, modalities, columns, classes and skipped files of a store."""
    import json

    from trifid.store.read import Store

    document = describe(Store.open(store, full=check))
    if as_json:
        typer.echo(json.dumps(document, allow_nan=False))
    else:
        _print(store, document)


def describe(store: "Store") -> dict[str, Any]:
    """The JSON document of `trifid info`: plain values, no NaN."""
    columns = store.columns()
    modalities = {
        name: {"rows": int(store.present(name).sum()), **_spec(spec)}
        for name, spec in sorted(store.schema.modalities.items())
    }
    return {
        "rows": len(store),
        "groups": len(columns.column("group").unique()),
        "modalities": modalities,
        "labels": _labels(store),
        "columns": {
            name: {
                "type": store.schema.columns[name].type,
                "unit": store.schema.columns[name].unit,
                "nulls": columns.column(name).null_count,
                "description": store.schema.columns[name].description,
            }
            for name in columns.column_names
        },
        "skipped": store.skipped().to_pylist(),
        "shards": len(store.manifest.shards),
        "bytes": sum(shard.bytes for shard in store.manifest.shards),
        "hash": store.hash(),
        "provenance": store.manifest.provenance,
    }


def _spec(spec: "ModalitySpec") -> dict[str, Any]:
    fields = {
        name: {"type": str(dtype), "shape": list(shape)}
        for name, (dtype, shape) in spec.fields().items()
    }
    return spec.model_dump(mode="json") | {"fields": fields}


def _labels(store: "Store") -> dict[str, dict[str, int]]:
    """How often each value occurs, in the columns that have few of them."""
    from trifid.schema.modality import IDENTITY_COLUMNS

    labels: dict[str, dict[str, int]] = {}
    for name, spec in store.schema.columns.items():
        if name in IDENTITY_COLUMNS or name in _NO_LABELS:
            continue
        if spec.type not in ("string", "int64", "bool"):
            continue
        column = store.columns(name).column(name).drop_null()
        counts = column.value_counts().to_pylist()
        if 0 < len(counts) <= min(_MOST_CLASSES, max(len(store) // 2, 1)):
            ordered = sorted(counts, key=lambda item: (-item["counts"], str(item["values"])))
            labels[name] = {str(item["values"]): item["counts"] for item in ordered}
    return labels


def _print(folder: Path, document: dict[str, Any]) -> None:
    from trifid.cli.tables import plain_console, print_table, printable

    console = plain_console()
    kind = "simulated " if document["provenance"].get("simulated") == "true" else ""
    console.print(
        printable(
            f"{folder}: {document['rows']} rows of {document['groups']} {kind}objects in "
            f"{document['shards']} shards, {document['bytes'] / 1e6:,.1f} MB"
        ),
        soft_wrap=True,
    )
    rows = document["rows"]
    print_table(
        console,
        "Modalities",
        ("name", "rows", "holds"),
        [
            (name, f"{entry['rows']} of {rows}", _holds(entry))
            for name, entry in document["modalities"].items()
        ],
    )
    print_table(
        console,
        "Columns",
        ("name", "type", "unit", "null"),
        [
            (name, entry["type"], entry["unit"], str(entry["nulls"]))
            for name, entry in document["columns"].items()
        ],
    )
    if document["labels"]:
        print_table(
            console,
            "Values of columns that have few",
            ("column", "values"),
            [(name, _counted(values)) for name, values in document["labels"].items()],
        )
    _print_skipped(console, document["skipped"])


def _print_skipped(console: Any, skipped: list[dict[str, str]]) -> None:
    from trifid.cli.tables import print_table

    if not skipped:
        console.print("Nothing was skipped.")
        return
    shown = skipped[:_SHOWN]
    title = f"Not stored: {len(skipped)}" + (
        f", the first {_SHOWN} (--json lists all)" if len(skipped) > _SHOWN else ""
    )
    lines = [(item["file"], item["object_id"], item["reason"]) for item in shown]
    print_table(console, title, ("file", "object", "why"), lines)


def _holds(entry: dict[str, Any]) -> str:
    if entry["kind"] == "table":
        return f"{len(entry['features'])} numbers: {', '.join(entry['features'])}"
    shapes = ", ".join(
        f"{name} {'x'.join(str(length) for length in field['shape'])} {field['type']}"
        for name, field in entry["fields"].items()
    )
    if entry["kind"] == "image":
        return f"{shapes} in {''.join(entry['bands'])}, {entry['pixel_scale']} arcsec a pixel"
    return shapes


def _counted(values: dict[str, int]) -> str:
    first = [f"{value or '(empty)'} {count}" for value, count in list(values.items())[:12]]
    more = len(values) - len(first)
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")
