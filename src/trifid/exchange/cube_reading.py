"""A HiSS-Cube machine-learning cube back into a store.

Spectra are rebinned onto the grid, image pixels are nanomaggies again. A cube that trifid wrote
brings its ids, columns and tables along; one of HiSS-Cube itself has none: its rows are called
`file-NAME-NUMBER`, and their positions are unknown.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from trifid.config import parse
from trifid.errors import InputError, TrifidError
from trifid.exchange import hdf5
from trifid.exchange.cube import (
    BANDS,
    IMAGE,
    NANOMAGGY,
    SIZE,
    SPECTRA,
    SPECTRUM,
    WAVELENGTHS,
)
from trifid.exchange.rebin import Rebin
from trifid.exchange.wide import Place, by_presence, pattern_name, places
from trifid.files import safe_name
from trifid.schema import grid
from trifid.schema.block import Block, Fields
from trifid.schema.modality import (
    IDENTITY_COLUMNS,
    ImageSpec,
    ModalitySpec,
    SpectrumSpec,
    StoreSchema,
    TableSpec,
)
from trifid.store.shard import arrow_schema

_TARGETS = 256  # at once
_UNIT = 1e-17
_PIXEL_SCALE = 0.396  # [arcsec] of SDSS frames, where the file says nothing
_FAILURES = (OSError, KeyError, ValueError, TypeError, RuntimeError, TrifidError)


class Cube:
    """An open cube; a context manager.

    Attributes:
        schema: Of the store that is made of it.
        provenance: Of the store it was made from, where it says.
        rows: Number of targets.
    """

    def __init__(self, path: Path) -> None:
        """Opens and checks a file.

        Raises:
            InputError: If it is not such a cube.
            ConfigError: If h5py is not installed.
        """
        self._path, library = path, hdf5.library()
        try:
            self._file: Any = library.File(path, "r")
            self.rows = len(self._file[SPECTRUM])
            shapes = {name: self._file[name].shape for name in (SPECTRUM, IMAGE)}
            self._known = "trifid/schema" in self._file
            stored = self._stored() if self._known else None
        except _FAILURES as error:
            raise InputError(f"{path} is not a HiSS-Cube cube: {error!s:.200}") from None
        expected = {
            SPECTRUM: (self.rows, len(WAVELENGTHS)),
            IMAGE: (self.rows, len(BANDS), SIZE, SIZE),
        }
        if shapes != expected:
            raise InputError(f"{path}: {shapes}, expected {expected}")
        scale = float(self._file[IMAGE].attrs.get("pixel_scale", _PIXEL_SCALE))
        own: dict[str, ModalitySpec] = {
            "image": ImageSpec(bands=tuple(BANDS), height=SIZE, width=SIZE, pixel_scale=scale),
            "spectrum": SpectrumSpec(),
        }
        tables = {}
        if stored is not None:
            tables = {n: s for n, s in stored.modalities.items() if isinstance(s, TableSpec)}
        columns = stored.columns if stored is not None else IDENTITY_COLUMNS
        self.schema = StoreSchema(modalities=own | tables, columns=columns)
        self._original = stored

    def _stored(self) -> StoreSchema:
        schema = parse(StoreSchema, json.loads(self._file["trifid/schema"].asstr()[()]))
        arrow_schema(schema, schema.modalities)
        return schema

    @property
    def provenance(self) -> dict[str, str]:
        """Of the store it was made from; empty where the file says nothing."""
        if not self._known:
            return {}
        try:
            given: Any = json.loads(self._file["trifid/provenance"].asstr()[()])
            return {str(key): str(value) for key, value in dict(given).items()}
        except _FAILURES as error:
            raise InputError(f"{self._path}: no provenance: {error!s:.200}") from None

    def blocks(self) -> Iterator[Block]:
        """Its rows, one block for each set of modalities.

        Raises:
            InputError: If the file is damaged.
        """
        rebin = Rebin(WAVELENGTHS, grid.wavelengths())
        try:
            for begin in range(0, self.rows, _TARGETS):
                yield from self._part(slice(begin, min(begin + _TARGETS, self.rows)), rebin)
        except _FAILURES as error:
            raise InputError(f"{self._path} cannot be read: {error!s:.200}") from None

    def _part(self, span: slice, rebin: Rebin) -> Iterator[Block]:
        columns, held = self._columns(span)
        inputs: dict[str, Fields] = {
            "image": _images(self._file[IMAGE][span]),
            "spectrum": _spectra(self._file[SPECTRUM][span], self._errors(span), rebin),
        }
        present: dict[str, Any] = {
            "image": (inputs["image"]["flux"] != 0).any(axis=(1, 2, 3)),
            "spectrum": (inputs["spectrum"]["ivar"] > 0).any(axis=1),
        }
        for name, fields in self._tables(span).items():
            inputs[name] = fields
            present[name] = np.array([name in text.split("+") for text in held], bool)
        yield from by_presence(columns, inputs, present)

    def _errors(self, span: slice) -> np.ndarray:
        return self._file[f"{SPECTRA}/errors"][span]

    def _names(self, schema: StoreSchema) -> dict[str, str]:
        features = places(schema, arrays=False)
        scalars = arrow_schema(schema, ()).names
        return hdf5.dataset_names([*scalars, pattern_name(schema), *features], ())

    def _columns(self, span: slice) -> tuple[dict[str, list[Any]], list[str]]:
        """Scalar columns, and the modalities that a target's first row had."""
        schema = self._original
        if schema is None:
            count, stem = span.stop - span.start, safe_name(self._path.stem)
            ids = [f"file-{stem}-{row:06d}" for row in range(span.start, span.stop)]
            empty: list[Any] = [None] * count
            columns = dict.fromkeys(IDENTITY_COLUMNS, empty)
            return columns | {"object_id": ids, "group": ids}, [""] * count
        names, file = self._names(schema), self._file["catalogue"]
        columns = {
            name: hdf5.read_column(file, names[name], spec.type, span)
            for name, spec in schema.columns.items()
        }
        return columns, hdf5.read_column(file, names[pattern_name(schema)], "string", span)

    def _tables(self, span: slice) -> dict[str, Fields]:
        schema = self._original
        if schema is None:
            return {}
        names, file = self._names(schema), self._file["catalogue"]
        features = {place: names[name] for name, place in places(schema, arrays=False).items()}
        return {
            name: hdf5.read_features(file, [features[Place(name, f)] for f in spec.features], span)
            for name, spec in schema.modalities.items()
            if isinstance(spec, TableSpec)
        }

    def __enter__(self) -> "Cube":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _images(flux: np.ndarray) -> Fields:
    """Nanomaggies; 0 where the cube has no data."""
    values = flux.astype(np.float64) / NANOMAGGY[:, None, None]
    return {"flux": np.where(np.isfinite(values), values, 0.0).astype(np.float32)}


def _spectra(flux: np.ndarray, error: np.ndarray, rebin: Rebin) -> Fields:
    flux, error = flux.astype(np.float64) / _UNIT, error.astype(np.float64) / _UNIT
    good = np.isfinite(flux) & np.isfinite(error) & (error > 0)
    ivar = np.where(good, 1.0 / np.where(good, error, 1.0) ** 2, 0.0)
    values, deviation = rebin.apply(np.where(good, flux, 0.0), ivar)
    known = np.isfinite(values) & (deviation > 0)
    inverse = np.where(known, 1.0 / np.where(known, deviation, 1.0) ** 2, 0.0).astype(np.float32)
    known &= np.isfinite(inverse) & (inverse > 0)
    return {
        "flux": np.where(known, values, 0.0).astype(np.float32),
        "ivar": np.where(known, inverse, np.float32(0)),
        "mask": np.zeros(values.shape, np.int32),
    }
