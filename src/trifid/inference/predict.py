"""Predictions from Python: arrays in, classes with probabilities or numbers out."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trifid.data.loader import absent_input, as_input
from trifid.errors import InputError
from trifid.inference.score import score_batch
from trifid.models.base import gives_probabilities
from trifid.schema.batch import Batch, Input
from trifid.schema.modality import ModalitySpec, SpectrumSpec, TableSpec
from trifid.training.bundle import Bundle, load_bundle
from trifid.transforms.pipeline import redshift_columns
from trifid.transforms.regrid import regrid

_CLOSE = 0.9  # likeness of a name to a missing one that makes it a misspelling
_LARGEST = 1e30  # what float32 holds with room to spare; beyond it, and NaN, is no data


@dataclass(frozen=True)
class Prediction:
    """What a bundle says of one object.

    Attributes:
        predicted: The most probable class; empty if there was no usable input, or for numbers.
        probabilities: Class to calibrated probability; empty for numbers, and where a model votes.
        numbers: Target to value and calibrated standard deviation (None where the model predicts
            none), in the target's unit; empty for classes, or if there was no usable input.
        used: The inputs that were there and could be used.
        out_of_domain: The inputs that look unlike the training data; the answer is then a guess.
    """

    predicted: str
    probabilities: Mapping[str, float]
    used: tuple[str, ...]
    out_of_domain: tuple[str, ...]
    numbers: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)


def predict(
    bundle: Path | str | Bundle,
    *,
    spectrum: Any = None,
    image: np.ndarray | None = None,
    table: Mapping[str, float] | None = None,
    redshift: float | None = None,
) -> Prediction:
    """Predicts one object from whatever is known of it.

    Args:
        bundle: A bundle, its folder, or a run folder.
        spectrum: A specutils `Spectrum`, or (wavelength, flux, ivar): vacuum angstrom in the
            observer frame, 1e-17 erg/s/cm2/angstrom, inverse variance with 0 = no data.
        image: (C, H, W) nanomaggy in the bundle's bands and pixel scale, centred on the object;
            or (H, W, 3) uint8 for a bundle of pictures.
        table: Stored feature names to values; missing ones count as unknown.
        redshift: Needed by bundles that read spectra in the rest frame.

    Raises:
        BundleError: If the bundle cannot be trusted.
        InputError: If an array has another shape, type or unit than the bundle expects.
    """
    bundle = bundle if isinstance(bundle, Bundle) else load_bundle(find_bundle(Path(bundle)))
    given = {"spectrum": spectrum, "image": image, "table": table}
    inputs = {
        name: _raw(name, spec, given.get("image" if spec.kind == "picture" else spec.kind))
        for name, spec in bundle.card.modalities.items()
    }
    known = torch.tensor([torch.nan if redshift is None else redshift]).double()
    context = dict.fromkeys(redshift_columns(bundle.card.recipe.inputs), known)
    return score_one(bundle, Batch(ids=("object",), inputs=inputs, context=context))


def score_one(bundle: Bundle, raw: Batch) -> Prediction:
    """The prediction for a raw batch of one row."""
    scored = score_batch(bundle, raw)
    names = tuple(bundle.pipeline.inputs)
    probabilities = dict(zip(bundle.classes, scored.probabilities[0].tolist(), strict=True))
    used = tuple(name for name, there in zip(names, scored.present[0], strict=True) if there)
    best = max(probabilities, key=probabilities.__getitem__) if used and probabilities else ""
    sds = [None] * len(bundle.targets) if scored.sds is None else scored.sds[0].tolist()
    numbers = zip(bundle.targets, zip(scored.means[0].tolist(), sds, strict=True), strict=True)
    return Prediction(
        predicted=best,
        probabilities=probabilities if gives_probabilities(bundle.model) else {},
        numbers=dict(numbers) if used else {},
        used=used,
        out_of_domain=tuple(n for n, out in zip(names, scored.outside[0], strict=True) if out),
    )


def find_bundle(folder: Path) -> Path:
    """The bundle of a run folder, or the folder itself."""
    return folder / "bundle" if (folder / "bundle").is_dir() else folder


def _raw(name: str, spec: ModalitySpec, value: Any) -> Input:
    if value is None:
        return absent_input(spec, 1)
    if isinstance(spec, SpectrumSpec):
        flux, ivar = regrid(*_spectrum_arrays(value))
        fields = {"flux": flux[None], "ivar": ivar[None]}
    elif isinstance(spec, TableSpec):
        fields = _table_fields(name, spec, value)
    else:
        fields = _image_fields(name, spec, value)
    return as_input(spec, {"present": np.array([True])} | fields)


def _image_fields(name: str, spec: ModalitySpec, value: Any) -> dict[str, np.ndarray]:
    """Pixels without NaN; an image of nothing but NaN is absent."""
    (field, (dtype, shape)) = next(iter(spec.fields().items()))
    array = np.asarray(value)
    if array.shape != shape:
        raise InputError(f"{name}: got shape {array.shape}, the bundle expects {shape}")
    if array.dtype.kind not in "fiu" or (dtype.kind == "u" and array.dtype != dtype):
        raise InputError(f"{name}: got {array.dtype} pixels, the bundle expects {dtype}")
    finite = np.isfinite(array) & (np.abs(array) < _LARGEST)
    pixels = np.where(finite, array, 0).astype(dtype)
    return {field: pixels[None], "present": np.array([finite.any()])}


def _table_fields(name: str, spec: TableSpec, value: Any) -> dict[str, np.ndarray]:
    if not isinstance(value, Mapping):
        raise InputError(f"{name}: got {type(value).__name__}, expected names to numbers")
    unknown, missing = sorted(set(value) - set(spec.features)), set(spec.features) - set(value)
    meant = [n for n in unknown if difflib.get_close_matches(str(n), missing, cutoff=_CLOSE)]
    if meant or not set(value) & set(spec.features):
        named = (meant or unknown)[:3]
        raise InputError(f"{name}: unknown {named}; the bundle knows {list(spec.features)}")
    try:
        cells = np.array([value.get(feature, np.nan) for feature in spec.features], np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected numbers: {error}") from None
    valid = np.abs(cells) < _LARGEST
    return {"values": np.where(valid, cells, 0)[None].astype(np.float32), "valid": valid[None]}


def _spectrum_arrays(value: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if hasattr(value, "spectral_axis"):
        value = _from_specutils(value)
    try:
        wavelength, flux, ivar = (np.asarray(part, np.float64) for part in value)
    except (TypeError, ValueError):
        raise InputError(
            "spectrum: expected a specutils Spectrum, or wavelength, flux and ivar as numbers"
        ) from None
    if not wavelength.shape == flux.shape == ivar.shape or wavelength.ndim != 1:
        raise InputError(
            f"spectrum: wavelength {wavelength.shape}, flux {flux.shape}, ivar {ivar.shape}; "
            "expected three one-dimensional arrays of one length"
        )
    return wavelength, flux, ivar


def _from_specutils(value: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from astropy import units
    from astropy.nddata import InverseVariance

    if value.uncertainty is None:
        raise InputError("spectrum: the Spectrum has no uncertainty; give one")
    density: Any = 1e-17 * units.erg / units.s / units.cm**2 / units.angstrom
    try:
        wavelength: Any = value.spectral_axis.to(units.angstrom, units.spectral())
        flux = value.flux.to(density, units.spectral_density(wavelength))
        inverse: Any = value.uncertainty.represent_as(InverseVariance).quantity
        scale: Any = (1 * density).to(value.flux.unit, units.spectral_density(wavelength)).value
        ivar: Any = inverse.to(value.flux.unit**-2).value * scale**2
    except units.UnitConversionError as error:
        raise InputError(f"spectrum: {error}; expected a flux density per wavelength") from None
    if getattr(value, "mask", None) is not None:
        ivar = np.where(value.mask, 0.0, ivar)
    if len(wavelength) > 1 and wavelength[0] > wavelength[-1]:  # by frequency or energy
        return wavelength.value[::-1], flux.value[..., ::-1], ivar[..., ::-1]
    return wavelength.value, flux.value, ivar
