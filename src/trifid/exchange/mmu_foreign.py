"""Files of the Multimodal Universe that trifid did not write, as rows of a store.

    object_id, ra, dec                  identity; each object is its own group
    spectrum_flux, _ivar, _lambda       onto the grid: by a shift, or conserving flux
    spectrum_mask                       kept as bit 0, True = bad; only ivar 0 means no data
    image_flux or image_array, _band    as they are, NaN = 0; the unit is what the file says
    other numbers, one a row            floats: features of the modality `table`;
    logicals, integers, text            scalar columns

Wavelengths are taken as vacuum, as those of SDSS and DESI are; pads (wavelength <= 0) are cut off.
What has another shape is not stored and named.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trifid.errors import InputError
from trifid.exchange import hdf5
from trifid.exchange.wide import by_presence
from trifid.schema import grid
from trifid.schema.block import Block, Fields
from trifid.schema.modality import (
    IDENTITY_COLUMNS,
    ColumnSpec,
    ColumnType,
    ImageSpec,
    ModalitySpec,
    SpectrumSpec,
    StoreSchema,
    TableSpec,
)
from trifid.surveys import on_grid

_ROWS = 256  # at once
_SPECTRUM = ("spectrum_flux", "spectrum_ivar", "spectrum_lambda")
_KNOWN = frozenset({*_SPECTRUM, "spectrum_mask", "spectrum_lsf_sigma", "healpix"}) | {
    f"image_{name}" for name in ("flux", "array", "ivar", "mask", "band", "psf_fwhm", "scale")
}
_KINDS: dict[str, ColumnType] = {"f": "float64", "i": "int64", "u": "int64", "b": "bool"}
_FAILURES = (OSError, KeyError, ValueError, TypeError, RuntimeError, IndexError)


class ForeignFiles:
    """Files of one data set.

    Attributes:
        schema: Of the store that is made of them; that of the first file, which the others share.
        ignored: Datasets that are not stored.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        """Reads names and shapes of the first file.

        Raises:
            InputError: If it has no `object_id` or nothing else.
            ConfigError: If h5py is not installed.
        """
        self.files = files
        try:
            with hdf5.library().File(files[0], "r") as file:
                self._begin(file)
        except _FAILURES as error:
            raise InputError(
                f"{files[0]} is not of the Multimodal Universe: {error!s:.200}"
            ) from None
        if not self.schema.modalities:
            raise InputError(f"{files[0]} holds no spectra, images or numbers")

    def _begin(self, file: Any) -> None:
        rows = len(file["object_id"])
        self._position = {
            name: next((key for key in (name, name.upper()) if key in file), "")
            for name in ("ra", "dec")
        }
        self._image = next((key for key in ("image_flux", "image_array") if key in file), "")
        modalities: dict[str, ModalitySpec] = {}
        if self._image and "image_band" in file and rows:
            modalities["image"] = _image_spec(file, self._image)
        if all(name in file for name in _SPECTRUM):
            modalities["spectrum"] = SpectrumSpec(mask_bits="0 = bad")
        own = {"object_id", *self._position.values()} | _KNOWN
        kinds: dict[str, ColumnType | None] = {
            name: _kind(file[name], rows) for name in file if name not in own
        }
        self._features = [name for name, kind in kinds.items() if kind == "float64"]
        if self._features:
            units = tuple(str(file[name].attrs.get("unit", "")) for name in self._features)
            modalities["table"] = TableSpec(features=tuple(self._features), units=units)
        self._scalars: dict[str, ColumnType] = {
            name: kind
            for name, kind in kinds.items()
            if kind is not None and kind != "float64" and name not in IDENTITY_COLUMNS
        }
        self.ignored = tuple(sorted(set(kinds) - set(self._features) - set(self._scalars)))
        columns: dict[str, ColumnSpec] = dict(IDENTITY_COLUMNS)
        for name, kind in self._scalars.items():
            columns[name] = ColumnSpec(type=kind, description="of the Multimodal Universe")
        self.schema = StoreSchema(modalities=modalities, columns=columns)

    def blocks(self) -> Iterator[Block]:
        """The rows, one block for each set of modalities.

        Raises:
            InputError: Naming a file that is damaged or differs from the first.
        """
        for path in self.files:
            try:
                with hdf5.library().File(path, "r") as file:
                    count = len(file["object_id"])
                    for begin in range(0, count, _ROWS):
                        yield from self._part(file, slice(begin, min(begin + _ROWS, count)))
            except _FAILURES as error:
                raise InputError(f"{path} cannot be read: {error!s:.200}") from None

    def _part(self, file: Any, span: slice) -> Iterator[Block]:
        columns = self._columns(file, span)
        inputs: dict[str, Fields] = {}
        present: dict[str, Any] = {}
        if "image" in self.schema.modalities:
            flux = file[self._image][span].astype(np.float32)
            flux[~np.isfinite(flux)] = 0
            inputs["image"] = {"flux": flux}
            present["image"] = np.any(flux != 0, axis=(1, 2, 3))
        if "spectrum" in self.schema.modalities:
            inputs["spectrum"] = _spectra(file, span)
            present["spectrum"] = np.any(inputs["spectrum"]["ivar"] > 0, axis=1)
        if self._features:
            inputs["table"] = hdf5.read_features(file, self._features, span)
            present["table"] = np.any(inputs["table"]["valid"], axis=1)
        yield from by_presence(columns, inputs, present)

    def _columns(self, file: Any, span: slice) -> dict[str, list[Any]]:
        ids = [_text(value) for value in file["object_id"][span]]
        empty: list[Any] = [None] * len(ids)
        columns: dict[str, list[Any]] = dict.fromkeys(IDENTITY_COLUMNS, empty)
        columns |= {"object_id": ids, "group": ids}
        for name, key in self._position.items():
            if key:
                columns[name] = [
                    value if np.isfinite(value) else None for value in file[key][span].tolist()
                ]
        for name, kind in self._scalars.items():
            values = file[name][span]
            columns[name] = [_text(v) for v in values] if kind == "string" else values.tolist()
        return columns


def _image_spec(file: Any, name: str) -> ImageSpec:
    _, bands, height, width = file[name].shape
    names = tuple(_text(value) for value in file["image_band"][0])
    scale = float(file["image_scale"][0].flat[0]) if "image_scale" in file else 0.0
    if len(names) != bands:
        raise ValueError(f"{len(names)} names for {bands} bands")
    unit = str(file[name].attrs.get("unit", "unknown"))
    return ImageSpec(
        bands=names, height=height, width=width, pixel_scale=round(scale, 6), unit=unit
    )


def _kind(dataset: Any, rows: int) -> ColumnType | None:
    """The type of a scalar column; None for what is none."""
    if getattr(dataset, "shape", None) != (rows,):
        return None
    kind = dataset.dtype.kind
    if kind == "u" and dataset.dtype.itemsize == 8:
        return "string"  # does not fit int64
    if hdf5.library().check_string_dtype(dataset.dtype):
        return "string"
    return _KINDS.get(kind)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _spectra(file: Any, span: slice) -> Fields:
    flux, ivar, wavelength = (file[name][span].astype(np.float64) for name in _SPECTRUM)
    masks = file["spectrum_mask"][span] if "spectrum_mask" in file else np.zeros(flux.shape, bool)
    shape = (len(flux), grid.LENGTH)
    out: Fields = {
        "flux": np.zeros(shape, np.float32),
        "ivar": np.zeros(shape, np.float32),
        "mask": np.zeros(shape, np.int32),
    }
    for row in range(len(flux)):
        real = wavelength[row] > 0
        if not (real & (ivar[row] > 0) & np.isfinite(flux[row])).any():
            continue
        placed = on_grid.resample(
            wavelength[row][real],
            flux[row][real],
            ivar[row][real],
            masks[row][real].astype(bool).astype(np.int32),
        )
        for values, into in zip(placed, out.values(), strict=False):
            into[row] = values
    return out
