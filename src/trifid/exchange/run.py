"""Stores and tables out into the field's formats, and back into stores.

parquet   one file with everything; spectra and images as lists
hats      the same, divided by the sky: for LSDB
mmu       HDF5 files as in the Multimodal Universe
cube      the HDF5 cube of HiSS-Cube
fits, vot, csv    one flat table: no spectra, no images
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from trifid.errors import ConfigError, InputError, StoreError
from trifid.exchange import cube, hats, mmu, parquet, tables
from trifid.exchange.cube_reading import Cube
from trifid.exchange.mmu_foreign import ForeignFiles
from trifid.exchange.output import new_file
from trifid.exchange.wide import Wide, is_stored
from trifid.progress import Advance, progress
from trifid.schema.modality import TableSpec
from trifid.store.manifest import MANIFEST
from trifid.store.read import Store
from trifid.surveys.catalogue_hats import is_hats

FLAT = ("fits", "vot", "csv")
FORMATS = ("parquet", *FLAT, "hats", "mmu", "cube")
_SUFFIXES = {".h5": "cube", ".hdf5": "cube", ".vot": "vot", ".votable": "vot"} | {
    f".{name}": name for name in ("parquet", "fits", "csv")
}


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        rows: Of the source.
        format: One of `FORMATS`.
        left_out: Rows without a position, where the format divides the sky.
        without: Modalities that the format cannot hold.
        targets: Rows of a cube: one for each group.
    """

    rows: int
    format: str
    left_out: int = 0
    without: tuple[str, ...] = ()
    targets: int | None = None


def format_of(out: Path, given: str = "") -> str:
    """The format of an output: as given, else by its suffix.

    Raises:
        ConfigError: If there is no such format, or the suffix names none.
    """
    if given and given not in FORMATS:
        raise ConfigError(f"no format {given!r:.40}; there are {', '.join(FORMATS)}")
    form = given or _SUFFIXES.get(out.suffix.lower(), "")
    if not form:
        known = ", ".join(sorted(_SUFFIXES))
        raise ConfigError(f"{out}: say --format ({', '.join(FORMATS)}), or end it with {known}")
    return form


def export_store(folder: Path, out: Path, form: str = "") -> Exported:
    """Writes a store in another format, shard by shard where the format allows it.

    Args:
        folder: The store.
        out: A file, or for hats and mmu a folder, that does not exist yet.
        form: One of `FORMATS`; empty: by the suffix of `out`.

    Raises:
        StoreError: If the store cannot be read.
        ConfigError: If `out` exists, or the format does not fit the store.
        OSError: If `out` cannot be written; nothing of it is left then.
    """
    form, store = format_of(out, form), Store.open(folder)
    rows, specs = len(store), store.schema.modalities
    with progress(f"export to {form}", rows) as advance:
        if form == "parquet":
            parquet.write_parquet(Wide(store, arrays=True), out, advance)
            return Exported(rows, form)
        if form == "hats":
            wide = Wide(store, arrays=True)
            lost = hats.write_hats(wide, *_positions(store.columns("ra", "dec")), out, advance)
            return Exported(rows, form, left_out=lost)
        if form == "mmu":
            return Exported(rows, form, left_out=mmu.write_mmu(store, out, advance))
        if form == "cube":
            held = [name for name in specs if name in ("image", "spectrum")]
            held += [name for name, spec in specs.items() if isinstance(spec, TableSpec)]
            targets = cube.write_cube(store, out, advance)
            without = tuple(sorted(set(specs) - set(held)))
            return Exported(rows, form, without=without, targets=targets)
        _write_flat(_flat_table(store, advance), out, form)
        arrays = [name for name, spec in specs.items() if not isinstance(spec, TableSpec)]
        return Exported(rows, form, without=tuple(sorted(arrays)))


def export_table(table: pa.Table, out: Path, form: str = "") -> Exported:
    """Writes a flat table: predictions, or a catalogue.

    Raises:
        ConfigError: If `out` exists, or the format does not fit.
        InputError: If the format needs positions and the table has none.
        OSError: If `out` cannot be written; nothing of it is left then.
    """
    form = format_of(out, form)
    if form in ("mmu", "cube"):
        raise ConfigError(f"format {form} holds spectra and images: give a store, not a table")
    if form == "hats":
        if not {"ra", "dec"} <= set(table.column_names):
            raise InputError("the table has no columns ra and dec, by which HATS divides the sky")
        source = hats.TableRows(table)
        with progress("export to hats", table.num_rows) as advance:
            lost = hats.write_hats(source, *_positions(table), out, advance)
        return Exported(table.num_rows, form, left_out=lost)
    _write_flat(table, out, form)
    return Exported(table.num_rows, form)


def _write_flat(table: pa.Table, out: Path, form: str) -> None:
    with new_file(out) as temporary:
        tables.FORMATS[f".{form}"](table, temporary)


def _positions(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """(N,) ra and dec, NaN where null."""
    ra, dec = (table[name].cast(pa.float64()).to_numpy() for name in ("ra", "dec"))
    return ra, dec


def _flat_table(store: Store, advance: Advance) -> pa.Table:
    """The scalar columns and the features of tables, lists of text joined by semicolons."""
    wide, parts = Wide(store, arrays=False), []
    for rows in wide.shard_rows():
        parts.append(_without_lists(wide.take(rows)))
        advance(len(rows))
    return pa.concat_tables(parts) if parts else _without_lists(wide.kind.empty_table())


def _without_lists(table: pa.Table) -> pa.Table:
    for index, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            texts = [None if v is None else "; ".join(v) for v in table[index].to_pylist()]
            flat = pa.field(field.name, pa.string(), metadata=field.metadata)
            table = table.set_column(index, flat, pa.array(texts, pa.string()))
    return table


@dataclass(frozen=True)
class Imported:
    """What was read.

    Attributes:
        rows: Of the new store.
        format: One of `FORMATS`.
        ignored: Names in the files of others that have no place in a store.
    """

    rows: int
    format: str
    ignored: tuple[str, ...] = ()


def import_store(path: Path, out: Path) -> Imported:
    """Makes a store of what `trifid export`, or a neighbour of the field, wrote.

    Args:
        path: A Parquet file, a HATS catalogue, a folder of the Multimodal Universe, or a cube.
        out: The store; one that was not finished is written again.

    Raises:
        InputError: If the path is none of these, or is damaged.
        StoreError: If the store cannot be written, or `out` holds a finished one.
    """
    if (out / MANIFEST).exists():
        raise StoreError(f"{out} already holds a finished store: give another folder or remove it")
    if path.is_dir():
        return _import_folder(path, out)
    if not path.is_file():
        raise InputError(f"{path} does not exist")
    if path.suffix.lower() == ".parquet":
        return Imported(parquet.read_parquet([path], out, "parquet"), "parquet")
    if path.suffix.lower() in (".h5", ".hdf5"):
        with Cube(path) as found:
            origin = found.provenance | {"imported_from": "cube"}
            rows = parquet.write_store(out, found.schema, origin, found.blocks(), found.rows)
        return Imported(rows, "cube")
    raise InputError(
        f"{path}: expected .parquet or .h5; flat tables (FITS, VOTable, CSV) go to `trifid ingest`"
    )


def _import_folder(path: Path, out: Path) -> Imported:
    if is_hats(path) and not _made_of_store(path):
        raise InputError(
            f"{path} is a HATS catalogue that was not made of a store: give it to `trifid ingest`, "
            f"which makes a store of its table: trifid ingest {path} --out {out}"
        )
    if (path / hats.DATASET).is_dir():
        return Imported(parquet.read_parquet(hats.hats_files(path), out, "hats"), "hats")
    files = mmu.mmu_files(path)
    rows, origin = sum(map(mmu.count_rows, files)), {"imported_from": "mmu"}
    if (path / mmu.ABOUT).exists():
        schema, provenance = mmu.read_about(path)
        parts = (block for file in files for block in mmu.read_blocks(file, schema))
        blocks = parquet.merged(parts, schema)
        return Imported(parquet.write_store(out, schema, provenance | origin, blocks, rows), "mmu")
    foreign = ForeignFiles(files)
    blocks = parquet.merged(foreign.blocks(), foreign.schema)
    done = parquet.write_store(out, foreign.schema, origin, blocks, rows)
    return Imported(done, "mmu", foreign.ignored)


def _made_of_store(path: Path) -> bool:
    first = next((path / hats.DATASET).glob("Norder=*/Dir=*/Npix=*.parquet"), None)
    return first is not None and is_stored(parquet.read_kind(first))
