"""The machine-learning cube of HiSS-Cube: one HDF5 file with a row for every target.

    dense_cube                      target_count
      0/ml_spectrum                 spectral_1d_cube_zoom_0, errors (T, 4620)
      0/ml_image                    cutout_3d_cube_zoom_0, errors (T, 5, 64, 64), bands ugriz
    catalogue                       the other columns, of a target's first row
    trifid                          schema and provenance, for the way back

Everything is erg/s/cm2/angstrom: spectra times 1e-17, image pixels as flux density at the middle
of their band. Errors are 1 sigma; NaN = no data. The rows of a group are one target, averaged with
weights 1/sigma^2. A store has no variance of images: theirs is that of the pixels of a cutout
(1.4826 MAD), the same all over it. HiSS-Cube's lower resolutions (zoom 1 and up) are not written.

Source: github.com/nadvornikjiri/HiSS-Cube, processors/metadata_strategy_cube_ml.py,
utils/photometry.py, config.ini.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from trifid.errors import ConfigError
from trifid.exchange import hdf5
from trifid.exchange.output import new_file
from trifid.exchange.rebin import Rebin
from trifid.exchange.wide import Wide
from trifid.progress import Advance
from trifid.schema import grid
from trifid.schema.block import Fields
from trifid.schema.modality import (
    ImageSpec,
    SpectrumSpec,
    StoreSchema,
)
from trifid.store.read import Store

WAVELENGTHS = np.linspace(3839.7244, 8914.597, 4620)
SIZE, BANDS = 64, "ugriz"
_SPECTRUM_UNIT = 1e-17
_MIDDLE = np.array([3551.0, 4686.0, 6166.0, 7480.0, 8932.0])  # [angstrom], as HiSS-Cube has them
NANOMAGGY = 3.631e-6 * 3e-5 / _MIDDLE**2
"""One nanomaggy at the middle of u, g, r, i and z [erg/s/cm2/angstrom], as HiSS-Cube has it."""

SPECTRA = "dense_cube/0/ml_spectrum"
IMAGES = "dense_cube/0/ml_image"
SPECTRUM, IMAGE = f"{SPECTRA}/spectral_1d_cube_zoom_0", f"{IMAGES}/cutout_3d_cube_zoom_0"
_TARGETS = 64  # at once: 12 MB of spectra and images
_PIXEL_SCALE = 0.396  # [arcsec] of SDSS frames, where the file says nothing


def write_cube(store: Store, out: Path, advance: Advance) -> int:
    """Writes the cube of a store; gives the number of targets.

    Memory holds names of groups and some targets.

    Raises:
        ConfigError: If `out` exists, h5py is not installed, or bands or units are others.
        OSError: If it cannot be written.
    """
    hdf5.library()
    schema = store.schema
    _check(schema)
    groups = store.columns("group")["group"].combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    wide = Wide(store, arrays=False)
    rebin = Rebin(grid.wavelengths(), WAVELENGTHS)
    with new_file(out) as temporary, hdf5.new_file(temporary) as (file, check):
        _create(file, len(starts), wide)
        for begin in range(0, len(starts), _TARGETS):
            first = starts[begin : begin + _TARGETS]
            stop = starts[begin + _TARGETS] if begin + _TARGETS < len(starts) else len(order)
            rows = order[first[0] : stop]
            span = slice(begin, begin + len(first))
            table = wide.take(order[first])
            names = hdf5.dataset_names(wide.kind.names, ())
            for column in wide.kind.names:
                hdf5.fill_column(file["catalogue"], names[column], table[column], span)
            _fill(file, store, rows, first - first[0], span, rebin)
            check()
            advance(len(rows))
    return len(starts)


def _check(schema: StoreSchema) -> None:
    image, spectrum = schema.modalities.get("image"), schema.modalities.get("spectrum")
    if not isinstance(image, ImageSpec) and not isinstance(spectrum, SpectrumSpec):
        raise ConfigError("the cube holds `image` and `spectrum`, and the store has neither")
    if isinstance(spectrum, SpectrumSpec) and spectrum != SpectrumSpec():
        raise ConfigError("the cube is made of spectra on the grid of SDSS; the store has another")
    if isinstance(image, ImageSpec):
        strange = [band for band in image.bands if band not in tuple(BANDS)]
        if strange or image.unit != "nanomaggy":
            raise ConfigError(
                f"the cube holds the bands {BANDS} in nanomaggy; the store's image has "
                f"{', '.join(image.bands)} in {image.unit}"
            )


def _create(file: Any, targets: int, wide: Wide) -> None:
    """The empty cube: what is never written is NaN and takes no space."""
    store = wide.store
    hdf5.describe(file, {"NX_class": "NXroot", "default": "/dense_cube"})
    hdf5.describe(file, {k.decode(): v.decode() for k, v in (wide.kind.metadata or {}).items()})
    for path, kind, shape in (
        (SPECTRUM, "spectrum", (len(WAVELENGTHS),)),
        (IMAGE, "image", (len(BANDS), SIZE, SIZE)),
    ):
        for name in (path, f"{path.rpartition('/')[0]}/errors"):
            chunks = (1, *shape)
            file.create_dataset(name, (targets, *shape), "<f4", chunks=chunks, fillvalue=np.nan)
        group = file[path].parent
        hdf5.describe(group, {"NX_class": "NXdata", "signal": path.rpartition("/")[2]})
        about = {"interpretation": kind, "unit": "erg / (s cm2 angstrom)"}
        hdf5.describe(file[path], about)
        file[path].attrs["error_ds"] = file[f"{group.name}/errors"].ref
    file["dense_cube"].attrs["target_count"] = targets
    hdf5.describe(file["dense_cube"], {"NX_class": "NXentry", "default": "/dense_cube/0"})
    file.create_dataset(f"{SPECTRA}/wavelength", data=WAVELENGTHS)
    image = store.schema.modalities.get("image")
    if isinstance(image, ImageSpec):
        file[IMAGE].attrs["pixel_scale"] = image.pixel_scale
    names = hdf5.dataset_names(wide.kind.names, ())
    catalogue = file.create_group("catalogue")
    for field in wide.kind:
        hdf5.create_column(catalogue, names[field.name], field, targets)
    text = json.dumps(store.schema.model_dump(mode="json"), sort_keys=True)
    file.create_dataset("trifid/schema", data=text)
    file.create_dataset("trifid/provenance", data=json.dumps(store.manifest.provenance))


def _fill(
    file: Any, store: Store, rows: np.ndarray, starts: np.ndarray, span: slice, rebin: Rebin
) -> None:
    """Writes the targets whose rows begin at `starts` within `rows`."""
    image, spectrum = (store.schema.modalities.get(name) for name in ("image", "spectrum"))
    if isinstance(spectrum, SpectrumSpec):
        spectra = store.take(rows, ["spectrum"])["spectrum"]  # ivar is 0 where absent
        flux, error = combine(*rebin.apply(spectra["flux"], spectra["ivar"]), starts)
        file[SPECTRUM][span] = flux * _SPECTRUM_UNIT
        file[f"{SPECTRA}/errors"][span] = error * _SPECTRUM_UNIT
    if isinstance(image, ImageSpec):
        images = store.take(rows, ["image"])["image"]
        flux, error = combine(*_cutouts(image, images), starts)
        file[IMAGE][span] = flux * NANOMAGGY[:, None, None]
        file[f"{IMAGES}/errors"][span] = error * NANOMAGGY[:, None, None]


def _cutouts(spec: ImageSpec, taken: Fields) -> tuple[np.ndarray, np.ndarray]:
    """Flux and error (N, 5, 64, 64) [nanomaggy]: centred, NaN where there is no data."""
    flux = taken["flux"].astype(np.float64)
    flux[flux == 0] = np.nan  # no image, no exposure, or beyond the frame
    noise = pixel_noise(flux)
    error = np.where(np.isfinite(flux), noise[..., None, None], np.nan)
    return _placed(spec, flux), _placed(spec, error)


def pixel_noise(flux: np.ndarray) -> np.ndarray:
    """(N, C) 1.4826 MAD of the pixels of each plane (N, C, H, W), without NaN.

    A plane that is the same everywhere gets 1, one without data NaN.
    """
    pixels = flux.reshape(*flux.shape[:2], -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # planes of NaN
        middle = np.nanmedian(pixels, axis=2, keepdims=True)
        noise = 1.4826 * np.nanmedian(np.abs(pixels - middle), axis=2)
    return np.where(noise == 0, 1.0, noise)


def _placed(spec: ImageSpec, values: np.ndarray) -> np.ndarray:
    """Cut or padded with NaN to 64 x 64 pixels around the same centre, bands in order."""
    out = np.full((len(values), len(BANDS), SIZE, SIZE), np.nan)
    cuts: list[tuple[slice, slice]] = []
    for length in (spec.height, spec.width):
        off = SIZE // 2 - length // 2
        cuts.append(
            (
                slice(max(off, 0), min(off + length, SIZE)),
                slice(max(-off, 0), max(-off, 0) + min(off + length, SIZE) - max(off, 0)),
            )
        )
    (into_y, from_y), (into_x, from_x) = cuts
    bands = [BANDS.index(band) for band in spec.bands]
    out[:, bands, into_y, into_x] = values[:, :, from_y, from_x]
    return out


def combine(
    values: np.ndarray, errors: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean with weights 1/error^2 over runs of rows, and its error; NaN where there is no data.

    Args:
        values: (N, ...) values; NaN = no data.
        errors: (N, ...) their standard deviations.
        starts: (T,) the first row of each run, ascending from 0.
    """
    good = np.isfinite(values) & np.isfinite(errors) & (errors > 0)
    weight = np.where(good, 1.0 / np.where(good, errors, 1.0) ** 2, 0.0)
    total = np.add.reduceat(weight, starts, axis=0)
    summed = np.add.reduceat(weight * np.where(good, values, 0.0), starts, axis=0)
    any_data = total > 0
    safe = np.where(any_data, total, 1.0)
    return np.where(any_data, summed / safe, np.nan), np.where(any_data, safe**-0.5, np.nan)
