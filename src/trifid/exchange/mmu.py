"""The layout of the Multimodal Universe: HDF5 files by place on the sky.

    OUT/image+spectrum+table/healpix=1234/001-of-001.hdf5     nested pixels of nside 16
        object_id, ra, dec, healpix, ...                       (N,) scalar columns
        table_modelmag_r, ...                                  (N,) float32, NaN = not valid
        spectrum_flux, _ivar, _lambda, _mask, _lsf_sigma       (N, L)
        image_flux, _ivar, _mask (N, C, H, W); image_band, _psf_fwhm, _scale (N, C)
    OUT/trifid.json                                            schema and origin, for the way back

Every file holds rows of one set of modalities, as the field's own files do. Masks are True where
data are bad: for spectra any mask bit or ivar 0, for images flux exactly 0 (no exposure). Beside
the field's names, `spectrum_bits` keeps the survey's mask bits. NaN is what a store does not know:
line spread, the variance of images, seeing.

Source: github.com/MultimodalUniverse/MultimodalUniverse, scripts/sdss, scripts/hsc and
scripts/legacysurvey, DESIGN.md.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trifid.config import parse
from trifid.errors import InputError, TrifidError
from trifid.exchange import hdf5
from trifid.exchange.output import new_folder
from trifid.exchange.wide import Place, Wide, pattern_name, places
from trifid.files import safe_name, write_json
from trifid.physics.healpix import nested_pixels
from trifid.progress import Advance
from trifid.schema.block import Block, Fields
from trifid.schema.modality import (
    ImageSpec,
    ModalitySpec,
    SpectrumSpec,
    StoreSchema,
    TableSpec,
)
from trifid.store.read import Store
from trifid.store.shard import arrow_schema

ORDER = 4  # nside 16
ABOUT, FILE = "trifid.json", "001-of-001.hdf5"
_CHUNK_BYTES = 32 * 2**20
_SPECTRUM = ("flux", "ivar", "mask", "lambda", "lsf_sigma", "bits")
_IMAGE = ("flux", "ivar", "mask", "band", "psf_fwhm", "scale")
_SMALLEST = 1e-6  # an inverse variance no larger counts as none, as the field's own files have it


@dataclass(frozen=True)
class Part:
    """The rows of one file."""

    modalities: tuple[str, ...]
    pixel: int
    rows: np.ndarray

    @property
    def file(self) -> str:
        """Where it lies."""
        name = "+".join(safe_name(name) for name in self.modalities) or "catalogue"
        return f"{name}/healpix={self.pixel}/{FILE}"


def write_mmu(store: Store, out: Path, advance: Advance) -> int:
    """Writes a store; gives how many rows were left out for want of a position.

    Memory holds the positions and a part of one file.

    Raises:
        InputError: If no row has a position.
        ConfigError: If `out` exists, or h5py is not installed.
        OSError: If it cannot be written.
    """
    hdf5.library()
    wide = Wide(store, arrays=False)
    parts = list(_parts(store))
    if not parts:
        raise InputError("no row has a position (ra, dec), and this layout divides the sky by it")
    credit = {k.decode(): v.decode() for k, v in (wide.kind.metadata or {}).items()}
    document = {
        "schema": store.schema.model_dump(mode="json"),
        "provenance": store.manifest.provenance,
        "credit": credit,
    }
    with new_folder(out) as folder:
        for part in parts:
            path = folder / part.file
            path.parent.mkdir(parents=True, exist_ok=True)
            with hdf5.new_file(path) as (file, check):
                hdf5.describe(file, credit)
                for count in _write(file, part, wide):
                    check()
                    advance(count)
        write_json(folder / ABOUT, document)
    return len(store) - sum(len(part.rows) for part in parts)


def _parts(store: Store) -> Iterator[Part]:
    columns = store.columns("ra", "dec")
    ra, dec = (columns[name].to_numpy() for name in ("ra", "dec"))  # null is NaN
    shards = store.manifest.shards
    patterns = sorted({shard.modalities for shard in shards})
    numbers = [patterns.index(shard.modalities) for shard in shards]
    pattern = np.repeat(numbers, [shard.rows for shard in shards])
    placed = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)
    for number, modalities in enumerate(patterns):
        rows = np.flatnonzero(placed & (pattern == number))
        pixels = nested_pixels(ra[rows], dec[rows], ORDER)
        for pixel in np.unique(pixels).tolist():
            yield Part(modalities, pixel, rows[pixels == pixel])


def _write(file: Any, part: Part, wide: Wide) -> Iterator[int]:
    """Fills a file; gives the number of rows after each part of them."""
    store, rows = wide.store, part.rows
    arrays = [name for name in part.modalities if not _is_table(store.schema, name)]
    absent = {
        name
        for name, place in places(store.schema, arrays=False).items()
        if place.modality not in part.modalities
    }
    names = _names(store.schema, wide.kind.names)
    fields = [field for field in wide.kind if field.name not in absent]
    count = len(rows)
    for field in fields:
        hdf5.create_column(file, names[field.name], field, count)
    file.create_dataset("healpix", data=np.full(count, part.pixel, np.int64))
    width = sum(_bytes(store.schema.modalities[name]) for name in arrays)
    step = max(1, min(4096, _CHUNK_BYTES // max(width, 1)))
    for begin in range(0, count, step):
        span = slice(begin, min(begin + step, count))
        table = wide.take(rows[span])
        for field in fields:
            hdf5.fill_column(file, names[field.name], table[field.name], span)
        for name, taken in store.take(rows[span], arrays).items():
            spec = store.schema.modalities[name]
            for key, values in _datasets(spec, taken).items():
                _fill(file, f"{name}_{key}", values, span, count)
        yield span.stop - span.start


def _names(schema: StoreSchema, columns: Iterable[str]) -> dict[str, str]:
    """The dataset of each column; those of arrays come first."""
    keys = {"spectrum": _SPECTRUM, "image": _IMAGE}
    arrays = [
        f"{name}_{key}"
        for name, spec in schema.modalities.items()
        if not isinstance(spec, TableSpec)
        for key in keys.get(spec.kind, tuple(spec.fields()))
    ]
    return hdf5.dataset_names(columns, ["healpix", *arrays])


def _is_table(schema: StoreSchema, name: str) -> bool:
    return isinstance(schema.modalities[name], TableSpec)


def _bytes(spec: ModalitySpec) -> int:
    return sum(dtype.itemsize * math.prod(shape) for dtype, shape in spec.fields().values())


def _fill(file: Any, name: str, values: np.ndarray, span: slice, count: int) -> None:
    """Writes some rows; a dataset whose rows are all alike is kept compressed."""
    if name not in file:
        kind = hdf5.library().string_dtype("utf-8") if values.dtype.kind == "O" else values.dtype
        alike = values.dtype.kind == "O" or np.array_equal(
            values[:1], values[-1:], equal_nan=values.dtype.kind == "f"
        )
        packed = {"compression": "gzip", "shuffle": True} if alike else {}
        file.create_dataset(name, (count, *values.shape[1:]), kind, **packed)
    file[name][span] = values


def _datasets(spec: ModalitySpec, taken: Fields) -> dict[str, np.ndarray]:
    """The datasets of a modality for some rows, under the names of the field."""
    if isinstance(spec, SpectrumSpec):
        return _spectra(spec, taken)
    if isinstance(spec, ImageSpec):
        return _images(spec, taken)
    return {name: taken[name] for name in spec.fields()}


def _spectra(spec: SpectrumSpec, taken: Fields) -> dict[str, np.ndarray]:
    wavelength = 10.0 ** (spec.log10_start + spec.log10_step * np.arange(spec.length))
    shape = taken["flux"].shape
    return {
        "flux": taken["flux"],
        "ivar": taken["ivar"],
        "mask": (taken["ivar"] <= _SMALLEST) | (taken["mask"] != 0),
        "lambda": np.broadcast_to(wavelength.astype(np.float32), shape),
        "lsf_sigma": np.full(shape, np.nan, np.float32),
        "bits": taken["mask"],
    }


def _images(spec: ImageSpec, taken: Fields) -> dict[str, np.ndarray]:
    flux = taken["flux"]
    each = flux.shape[:2]
    return {
        "flux": flux,
        "ivar": np.full(flux.shape, np.nan, np.float32),
        "mask": flux == 0,
        "band": np.broadcast_to(np.array(spec.bands, object), each),
        "psf_fwhm": np.full(each, np.nan, np.float32),
        "scale": np.full(each, spec.pixel_scale, np.float32),
    }


def read_about(folder: Path) -> tuple[StoreSchema, dict[str, str]]:
    """The schema and provenance of the store such a folder was made from.

    Raises:
        InputError: If `trifid.json` cannot be read, or names no possible schema.
    """
    path = folder / ABOUT
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        schema = parse(StoreSchema, document["schema"])
        arrow_schema(schema, schema.modalities)
        return schema, {str(k): str(v) for k, v in dict(document["provenance"]).items()}
    except (OSError, ValueError, KeyError, TypeError, RecursionError, TrifidError) as error:
        raise InputError(f"{path} cannot be read: {error!s:.200}") from None


def mmu_files(folder: Path) -> list[Path]:
    """The HDF5 files of this layout below a folder, in order.

    Raises:
        InputError: If there is none.
    """
    found = sorted([*folder.glob("healpix=*/*.hdf5"), *folder.glob("*/healpix=*/*.hdf5")])
    if not found:
        raise InputError(f"{folder}: no healpix=*/*.hdf5 below it")
    return found


def count_rows(path: Path) -> int:
    """The number of rows of a file.

    Raises:
        InputError: If it is no HDF5 file with `object_id`.
    """
    library = hdf5.library()
    try:
        with library.File(path, "r") as file:
            return len(file["object_id"])
    except (OSError, KeyError, TypeError) as error:
        raise InputError(f"{path} has no object_id: {error!s:.200}") from None


def read_blocks(path: Path, schema: StoreSchema) -> Iterator[Block]:
    """The rows of a file that `write_mmu` wrote.

    Raises:
        InputError: Naming the file and what does not fit the schema.
    """
    library = hdf5.library()
    try:
        with library.File(path, "r") as file:
            count = len(file["object_id"])
            features = places(schema, arrays=False)
            scalars = arrow_schema(schema, ()).names
            names = _names(schema, [*scalars, pattern_name(schema), *features])
            (pattern,) = {text.decode() for text in set(file[names[pattern_name(schema)]][:])}
            held = [name for name in pattern.split("+") if name]
            width = sum(_bytes(schema.modalities[name]) for name in held)
            step = max(1, min(4096, _CHUNK_BYTES // max(width, 1)))
            for begin in range(0, count, step):
                span = slice(begin, min(begin + step, count))
                yield _block(file, schema, held, names, span)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"{path} cannot be read back: {error!s:.200}") from None


def _block(
    file: Any, schema: StoreSchema, held: list[str], names: dict[str, str], span: slice
) -> Block:
    columns: dict[str, Any] = {
        name: hdf5.read_column(file, names[name], spec.type, span)
        for name, spec in schema.columns.items()
    }
    features = {place: names[name] for name, place in places(schema, arrays=False).items()}
    inputs: dict[str, Fields] = {}
    for modality in held:
        spec = schema.modalities[modality]
        if isinstance(spec, TableSpec):
            datasets = [features[Place(modality, part)] for part in spec.features]
            inputs[modality] = hdf5.read_features(file, datasets, span)
            continue
        stored = {"mask": "bits"} if isinstance(spec, SpectrumSpec) else {}
        inputs[modality] = {
            name: np.asarray(file[f"{modality}_{stored.get(name, name)}"][span], dtype)
            for name, (dtype, _) in spec.fields().items()
        }
    return Block(columns=columns, inputs=inputs)
