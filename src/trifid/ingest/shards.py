"""Reading the files of one shard's rows and writing it: the part that runs in workers."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from trifid.errors import InputError
from trifid.files import sha256_file
from trifid.ingest.frames import frame
from trifid.ingest.rows import Row, Source
from trifid.ingest.scan import reason, surveys
from trifid.ingest.schema import FLAGS, Naming, beside, reference_band
from trifid.schema.block import Block, Fields, Skipped
from trifid.schema.modality import ImageSpec, PictureSpec, StoreSchema
from trifid.store.manifest import ShardEntry
from trifid.store.shard import map_shard
from trifid.store.write import write_shard
from trifid.surveys.pictures import read_picture
from trifid.transforms.cutout import cutout


@dataclass(frozen=True)
class Setting:
    """What every shard of an ingest shares."""

    folder: Path
    out: Path
    schema: StoreSchema
    naming: Naming


@dataclass(frozen=True)
class Slice:
    """The rows of one catalogue that a shard needs, and where they belong.

    Attributes:
        name: Name of the catalogue's file.
        sha256: Its hash.
        places: Row of the shard of each catalogue row.
        scalars: Their text, integers and logicals.
        values, valid: Their features (n, F).
    """

    name: str
    sha256: str
    places: list[int]
    scalars: pa.RecordBatch
    values: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class Job:
    """One shard to write.

    Attributes:
        number: Of the shard.
        rows: Its rows, all with the same modalities.
        modalities: Those.
        slices: For each catalogue what these rows need of it.
        held: The shard of an interrupted ingest, where it is whole.
    """

    number: int
    rows: Sequence[Row]
    modalities: tuple[str, ...]
    slices: tuple[Slice, ...]
    held: ShardEntry | None = None


@dataclass(frozen=True)
class Done:
    """A finished job: the shard, unless no row was left, and the files that could not be read."""

    number: int
    entry: ShardEntry | None
    failed: list[Skipped]


class _Bad(Exception):  # noqa: N818  (carries which file of a row failed, and never leaves here)
    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path, self.why = path, why


def write(job: Job, setting: Setting) -> Done:
    """Reads a job's files and writes its shard; rows with an unreadable file are left out.

    A whole shard of this job that lies on disk already is kept; only the rows it lacks are tried
    again, to say why they are missing.
    """
    if job.held is not None:
        path = setting.out / job.held.file
        there = set(map_shard(path, setting.schema).column("object_id").to_pylist())
        lacking = [row for row in job.rows if row.object_id not in there]
        if len(there) + len(lacking) == len(job.rows):
            _, _, _, failed = _fill(replace(job, rows=lacking), setting)
            return Done(job.number, job.held, failed)
    kept, columns, inputs, failed = _fill(job, setting)
    if not kept:
        return Done(job.number, None, failed)
    _join(job, setting, kept, columns, inputs)
    entry = write_shard(setting.out, job.number, Block({**columns}, inputs), setting.schema)
    return Done(job.number, entry, failed)


def _fill(
    job: Job, setting: Setting
) -> tuple[list[int], dict[str, list[Any]], dict[str, Fields], list[Skipped]]:
    """Reads the rows' files: places of the rows read, their columns and arrays, and failures."""
    inputs: dict[str, Fields] = {
        name: {
            key: np.zeros((len(job.rows), *shape), dtype)
            for key, (dtype, shape) in setting.schema.modalities[name].fields().items()
        }
        for name in job.modalities
    }
    columns: dict[str, list[Any]] = {name: [] for name in setting.schema.columns}
    kept: list[int] = []
    failed: list[Skipped] = []
    for place, row in enumerate(job.rows):
        out = {n: {k: array[len(kept)] for k, array in f.items()} for n, f in inputs.items()}
        try:
            content = _read(row, setting, out)
        except _Bad as bad:
            failed.append(Skipped(bad.path, bad.why, row.object_id))
            for fields in out.values():
                for array in fields.values():
                    array[...] = 0
            continue
        for name, values in columns.items():
            values.append(content.get(name))
        kept.append(place)
    inputs = {n: {k: array[: len(kept)] for k, array in f.items()} for n, f in inputs.items()}
    return kept, columns, inputs, failed


def _read(row: Row, setting: Setting, out: Mapping[str, Fields]) -> dict[str, Any]:
    """Reads one row's files into `out` and gives its scalar columns.

    Raises:
        _Bad: Naming the file that cannot be read.
    """
    hashes: dict[str, str] = {}
    content: dict[str, Any] = {
        "object_id": row.object_id,
        "group": row.group,
        "ra": row.ra,
        "dec": row.dec,
        "bestobjid": row.bestobjid,
    }
    if row.object_id.startswith("sdss-"):
        content |= _parts(row.object_id)
    for source in row.spectra:
        content |= _read_spectrum(source, setting, out, hashes)
    content["bestobjid"] = content["bestobjid"] or row.bestobjid
    if row.picture is not None and "image_rgb" in out:
        _read_picture(row.picture, setting, out["image_rgb"]["pixels"], hashes)
    if row.images and "image" in out:
        content |= _read_image(row, setting, out["image"]["flux"], hashes)
    if row.hips and "image_hips" in out:
        as_image = replace(row, images=row.hips)
        _read_image(as_image, setting, out["image_hips"]["flux"], hashes, "image_hips")
    content["source_path"], content["source_sha256"] = list(hashes), list(hashes.values())
    return content


def _parts(object_id: str) -> dict[str, int]:
    numbers = object_id.split("-")[1:4]
    if len(numbers) < 3 or not all(number.isdigit() for number in numbers):
        return {}
    return dict(zip(("plate", "mjd", "fiber"), map(int, numbers), strict=True))


def _read_spectrum(
    source: Source, setting: Setting, out: Mapping[str, Fields], hashes: dict[str, str]
) -> dict[str, Any]:
    path = setting.folder / source.path
    try:
        read = surveys()[source.survey].spectra.read(path, source.index)
    except InputError as error:
        raise _Bad(source.path, reason(path, error)) from None
    folder = source.path.removesuffix(path.name)
    hashes.update({folder + name: digest for name, digest in read.sources.items()})
    if source.modality in out:
        for key, values in (("flux", read.flux), ("ivar", read.ivar), ("mask", read.mask)):
            out[source.modality][key][:] = values
    if source.modality != "spectrum":
        columns = {beside(source.survey, name): value for name, value in read.columns.items()}
        return columns | {beside(source.survey, "id"): source.object_id}
    if "table" in out and setting.naming.own_row:
        places = setting.naming.places
        for name, value in read.features.items():
            if value is not None:
                out["table"]["values"][places[name]] = value
                out["table"]["valid"][places[name]] = 1
    return {"survey": source.survey} | read.columns


def _read_picture(name: str, setting: Setting, out: np.ndarray, hashes: dict[str, str]) -> None:
    spec = setting.schema.modalities["image_rgb"]
    path = setting.folder / name
    try:
        size = spec.height if isinstance(spec, PictureSpec) else None
        out[:] = read_picture(path, size)
        hashes[name] = sha256_file(path)
    except InputError as error:
        raise _Bad(name, reason(path, error)) from None
    except OSError as error:
        raise _Bad(name, f"cannot be read: {error.strerror}") from None


def _read_image(
    row: Row,
    setting: Setting,
    out: np.ndarray,
    hashes: dict[str, str],
    modality: str = "image",
) -> dict[str, bool | None]:
    spec = setting.schema.modalities[modality]
    if not isinstance(spec, ImageSpec) or row.ra is None or row.dec is None:
        raise _Bad(row.files[0], "no position to cut out")
    planes: list[tuple[np.ndarray, Any] | None] = []
    limits: list[float | None] = []
    for name in row.images:
        if name is None:
            planes.append(None)
            limits.append(None)
            continue
        path = setting.folder / name
        try:
            read = frame(path)
            hashes[name] = _sha256(path, path.stat().st_mtime_ns)
        except InputError as error:
            raise _Bad(name, reason(path, error)) from None
        except OSError as error:
            raise _Bad(name, f"cannot be read: {error.strerror}") from None
        planes.append((read.flux, read.wcs))
        limits.append(read.saturation)
    try:
        cut = cutout(
            planes,
            row.ra,
            row.dec,
            size=spec.height,
            pixel_scale=spec.pixel_scale,
            reference=reference_band("".join(spec.bands)),
        )
    except InputError as error:
        raise _Bad(next(name for name in row.images if name), str(error)) from None
    out[:] = cut.flux
    flags = (cut.missing_band, cut.edge, cut.misregistered, cut.blended)
    return dict(zip(FLAGS, (*flags, _saturated(cut.flux, limits)), strict=True))


def _saturated(flux: np.ndarray, limits: Sequence[float | None]) -> bool | None:
    """Whether a pixel of a band reaches its limit; None where no band has one."""
    pairs = zip(flux, limits, strict=True)
    known = [bool(band.max() >= limit) for band, limit in pairs if limit is not None]
    return any(known) if known else None


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, _mtime_ns: int) -> str:
    return sha256_file(path)


def _join(
    job: Job,
    setting: Setting,
    kept: list[int],
    columns: dict[str, list[Any]],
    inputs: dict[str, Fields],
) -> None:
    """Writes the catalogues' values into the kept rows."""
    at = {place: index for index, place in enumerate(kept)}
    start = 0
    for piece, names in zip(job.slices, setting.naming.scalars, strict=True):
        rows = [at.get(place) for place in piece.places]
        for name, stored in names.items():
            for row, value in zip(rows, piece.scalars.column(name).to_pylist(), strict=True):
                if row is not None:
                    columns[stored][row] = value
        width = piece.values.shape[1]
        for number, row in enumerate(rows):
            if row is None:
                continue
            columns["source_path"][row].append(piece.name)
            columns["source_sha256"][row].append(piece.sha256)
            if "table" in inputs:
                inputs["table"]["values"][row, start : start + width] = piece.values[number]
                inputs["table"]["valid"][row, start : start + width] = piece.valid[number]
        start += width
