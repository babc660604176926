"""The transforms of a recipe: what each input is made from, how, and what was fitted on train.

Settings (`...Input`), fitted numbers (`State`) and application are apart: a bundle keeps the
first as JSON and the second as tensors, and needs nothing else.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from trifid.config import Config
from trifid.errors import ConfigError
from trifid.schema import grid
from trifid.schema.batch import Batch, Image, Input, Picture, Series, Spectrum, Table
from trifid.schema.modality import (
    ImageSpec,
    ModalitySpec,
    PictureSpec,
    SeriesSpec,
    SpectrumSpec,
    TableSpec,
)
from trifid.transforms import image as images
from trifid.transforms import series as light_curves
from trifid.transforms import spectrum as spectra
from trifid.transforms import table as tables
from trifid.transforms.domain import fit_domain

State = dict[str, Tensor]
Context = Mapping[str, Tensor]


class ImageInput(Config):
    """An image: bands, central crop and size [pixel] (0 = as stored), normalisation.

    A picture (`image_rgb`) has the bands `red`, `green`, `blue`, scaled to 0..1. `per_image_minmax`
    is followed by mean and sd of each band, as BATMM's images are.
    """

    kind: Literal["image"] = "image"
    modality: str = "image"
    bands: tuple[str, ...] = ("u", "g", "r")
    crop: int = Field(default=0, ge=0)
    resize: int = Field(default=0, ge=0)
    norm: Literal["per_image_zscore", "per_image_minmax", "zscore", "asinh_zscore"] = "asinh_zscore"


class SpectrumInput(Config):
    """A spectrum in the observed or the rest frame.

    `observed` takes `length` pixels of the stored grid from `log10_start`, averaged `rebin` at a
    time (or, with `align` = `first_pixel`, from each spectrum's own first pixel, as GCSNet does);
    `rest` resamples to `length` pixels of `step` from `start` [angstrom, rest frame], by the
    redshift in the store's column `redshift_column`: the pipeline's, or a predicted one.
    """

    kind: Literal["spectrum"] = "spectrum"
    modality: str = "spectrum"
    frame: Literal["observed", "rest"] = "observed"
    align: Literal["grid", "first_pixel"] = "grid"
    log10_start: float = 3.58
    start: float = Field(default=3800.0, gt=0)
    step: float = Field(default=2.0, gt=0)
    length: int = Field(default=3843, ge=1)
    rebin: int = Field(default=1, ge=1)
    norm: Literal["robust", "mean"] = "robust"
    redshift_column: str = "redshift"


class TableInput(Config):
    """A catalogue row: a feature set of the task by name, or `features` spelled out."""

    kind: Literal["table"] = "table"
    modality: str = "table"
    feature_set: str = "safe"
    features: tuple[str, ...] = ()


class SeriesInput(Config):
    """A light curve: time from its first point, flux around its median in each band.

    Both are scaled by what is typical of training rows, the flux through asinh, so that faint and
    strong variability stay apart.
    """

    kind: Literal["series"] = "series"
    modality: str = "series"


InputConfig = Annotated[
    ImageInput | SpectrumInput | TableInput | SeriesInput, Field(discriminator="kind")
]
PICTURE_BANDS = ("red", "green", "blue")


class ImageTransform:
    """Stored image or picture -> normalised image. State: noise, mean, sd per band."""

    def __init__(self, config: ImageInput, spec: ImageSpec | PictureSpec) -> None:
        self.config = config
        stored = PICTURE_BANDS if isinstance(spec, PictureSpec) else spec.bands
        missing = [band for band in config.bands if band not in stored]
        if missing:
            raise ConfigError(
                f"{config.modality}: no band {', '.join(missing)}; stored are {', '.join(stored)}"
            )
        same = config.bands == stored
        self.index = None if same else torch.tensor([stored.index(b) for b in config.bands])
        side = config.resize or config.crop
        self.shape = (len(config.bands), side or spec.height, side or spec.width)
        if config.crop > min(spec.height, spec.width):
            raise ConfigError(f"crop {config.crop} is larger than the stored {spec.height} pixels")

    def fit(self, raw: Input) -> State:
        """Noise, mean and sd of each band over present training images."""
        pixels = self._pixels(raw)[raw.present]
        if not len(pixels):
            pixels = torch.zeros(1, *self.shape)
        noise = images.pixel_noise(pixels)
        if self.config.norm == "asinh_zscore":
            pixels = images.asinh(pixels, noise)
        elif self.config.norm == "per_image_minmax":
            pixels = images.per_image_minmax(pixels)
        mean, sd = pixels.mean(dim=(0, 2, 3)), pixels.std(dim=(0, 2, 3), correction=0)
        return {"noise": noise, "mean": mean, "sd": torch.where(sd > 0, sd, torch.ones_like(sd))}

    def apply(self, raw: Input, state: State, context: Context) -> Image:
        """The normalised image."""
        pixels = self._pixels(raw)
        if self.config.norm == "per_image_zscore":
            pixels = images.per_image_zscore(pixels)
        else:
            if self.config.norm == "asinh_zscore":
                pixels = images.asinh(pixels, state["noise"])
            elif self.config.norm == "per_image_minmax":
                pixels = images.per_image_minmax(pixels)
            pixels = images.zscore(pixels, state["mean"], state["sd"])
        return Image(flux=pixels, present=raw.present)

    def _pixels(self, raw: Input) -> Tensor:
        if isinstance(raw, Picture):
            flux = raw.pixels.permute(0, 3, 1, 2).float() / 255.0
        elif isinstance(raw, Image):
            flux = raw.flux
        else:
            raise ConfigError(f"{self.config.modality!r} is no image")
        if self.index is not None:
            flux = flux[:, self.index.to(flux.device)]
        if self.config.crop:
            flux = images.centre_crop(flux, self.config.crop)
        return images.resize(flux, self.config.resize) if self.config.resize else flux


class SpectrumTransform:
    """Stored spectrum -> scaled spectrum, per object; nothing is fitted."""

    def __init__(self, config: SpectrumInput, spec: SpectrumSpec) -> None:
        if spec != SpectrumSpec():
            raise ConfigError(f"{config.modality} is not on trifid's wavelength grid: {spec}")
        if config.rebin > 1 and (config.frame, config.align) != ("observed", "grid"):
            raise ConfigError("rebin needs frame = observed and align = grid")
        first = round(grid.index_of(config.log10_start))
        inside = 0 <= first <= grid.LENGTH - config.length
        if (config.frame, config.align) == ("observed", "grid") and not inside:
            raise ConfigError(
                f"{config.modality}: {config.length} pixels from log10_start "
                f"{config.log10_start} leave the stored grid: {grid.LENGTH} pixels from "
                f"{grid.LOG10_START}"
            )
        self.config = config
        self.shape = (config.length // config.rebin,)

    def fit(self, raw: Input) -> State:
        """Nothing."""
        return {}

    def apply(self, raw: Input, state: State, context: Context) -> Spectrum:
        """The scaled spectrum; its ivar is 1 where there is data, 0 elsewhere."""
        if not isinstance(raw, Spectrum):
            raise ConfigError(f"{self.config.modality!r} is no spectrum")
        flux, valid = raw.flux, raw.ivar > 0
        if self.config.frame == "rest":
            return self._rest(flux, valid, raw.present, context)
        if self.config.align == "first_pixel":
            length = self.config.length
            flux = spectra.from_first_pixel(flux, valid, length)
            # padding counts, as in the paper
            valid = valid.any(dim=1, keepdim=True).expand_as(flux)
        else:
            start, length = self.config.log10_start, self.config.length
            flux, ivar = (spectra.window(x, start, length) for x in (flux, raw.ivar))
            if self.config.rebin > 1:
                flux, ivar = spectra.rebin(flux, ivar, self.config.rebin)
            known = ivar > 0
            flux, valid = spectra.fill_gaps(flux, known), spectra.covered(known)
        return self._scaled(flux, valid, raw.present)

    def _rest(self, flux: Tensor, valid: Tensor, present: Tensor, context: Context) -> Spectrum:
        config = self.config
        if config.redshift_column not in context:
            raise ConfigError(
                f"a rest-frame spectrum needs the column `{config.redshift_column}` in the store"
            )
        flux, covered = spectra.rest_frame(
            flux,
            valid,
            context[config.redshift_column],
            start=config.start,
            step=config.step,
            count=config.length,
        )
        return self._scaled(flux, covered[:, None].expand_as(flux), present & covered)

    def _scaled(self, flux: Tensor, valid: Tensor, present: Tensor) -> Spectrum:
        scaled = (
            spectra.robust_scale(flux, valid)
            if self.config.norm == "robust"
            else spectra.mean_scale(flux)
        )
        present = present & valid.any(dim=1)
        return Spectrum(flux=scaled, ivar=valid.to(flux.dtype), present=present)


class TableTransform:
    """Stored table -> chosen features, robustly scaled. State: median and spread per feature."""

    def __init__(self, config: TableInput, spec: TableSpec) -> None:
        self.config = config
        self.matrix = tables.expression_matrix(config.features, spec.features)
        self.shape = (len(config.features),)

    def fit(self, raw: Input) -> State:
        """Median and spread over present training rows."""
        values, valid = self._features(raw)
        median, spread = tables.robust_statistics(values.numpy(), valid.numpy())
        return {"median": torch.from_numpy(median), "spread": torch.from_numpy(spread)}

    def apply(self, raw: Input, state: State, context: Context) -> Table:
        """The scaled features; a row without any valid cell is absent."""
        values, valid = self._features(raw)
        scaled = tables.robust_scale(values, valid, state["median"], state["spread"])
        return Table(values=scaled, valid=valid, present=raw.present & valid.any(dim=1))

    def _features(self, raw: Input) -> tuple[Tensor, Tensor]:
        if not isinstance(raw, Table):
            raise ConfigError(f"{self.config.modality!r} is no table")
        stored = raw.valid.bool() & raw.present[:, None]
        return tables.combine(raw.values, stored, self.matrix.to(raw.values.device))


class SeriesTransform:
    """Stored light curve -> scaled light curve. State: typical time span, amplitude and error."""

    def __init__(self, config: SeriesInput, spec: SeriesSpec) -> None:
        self.config, self.bands = config, len(spec.bands)
        self.shape = (spec.length,)

    def fit(self, raw: Input) -> State:
        """The typical time since the first point, and the typical size of flux and error."""
        raw, valid = self._checked(raw)
        time = light_curves.since_first(raw.time, valid)
        flux = light_curves.centre(raw.flux, raw.band, valid, self.bands)
        found = {"time": time, "flux": flux, "error": raw.error}
        return {name: light_curves.typical(x, valid).float() for name, x in found.items()}

    def apply(self, raw: Input, state: State, context: Context) -> Series:
        """The scaled light curve; one without any valid point is absent."""
        raw, valid = self._checked(raw)
        time = light_curves.since_first(raw.time, valid).float() / state["time"]
        flux = light_curves.centre(raw.flux, raw.band, valid, self.bands) / state["flux"]
        error = torch.log1p(raw.error.clamp_min(0) / state["error"])
        there = raw.present & valid.any(dim=1)
        return Series(time, torch.asinh(flux), error * valid, raw.band.long(), valid, there)

    def _checked(self, raw: Input) -> tuple[Series, Tensor]:
        if not isinstance(raw, Series):
            raise ConfigError(f"{self.config.modality!r} is no light curve")
        return raw, raw.valid.bool() & raw.present[:, None]


Transform = ImageTransform | SpectrumTransform | TableTransform | SeriesTransform


class Pipeline:
    """Raw batch (keyed by modality) -> transformed batch (keyed by input).

    Args:
        inputs: Input name to settings; table features are spelled out.
        modalities: What the store knows of each modality.
    """

    def __init__(
        self, inputs: Mapping[str, InputConfig], modalities: Mapping[str, ModalitySpec]
    ) -> None:
        self.inputs = dict(inputs)
        self.transforms = {name: _transform(c, modalities) for name, c in inputs.items()}
        self.states: dict[str, State] = {}

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities to read, each once."""
        return tuple(dict.fromkeys(config.modality for config in self.inputs.values()))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape per row of each transformed input."""
        return {name: transform.shape for name, transform in self.transforms.items()}

    def fit(self, name: str, raw: Batch) -> None:
        """Fits one input, and its domain, on training rows."""
        transform, value = self.transforms[name], raw.inputs[self.inputs[name].modality]
        state = transform.fit(value)
        self.states[name] = state | fit_domain(transform.apply(value, state, raw.context))

    def to(self, device: torch.device) -> None:
        """Moves the fitted numbers to a device."""
        for state in self.states.values():
            state.update({key: value.to(device) for key, value in state.items()})

    def __call__(self, raw: Batch) -> Batch:
        """The transformed batch."""
        inputs = {
            name: transform.apply(
                raw.inputs[self.inputs[name].modality], self.states[name], raw.context
            )
            for name, transform in self.transforms.items()
        }
        return raw.replace(inputs=inputs)


def redshift_columns(inputs: Mapping[str, InputConfig]) -> tuple[str, ...]:
    """The columns whose redshift brings spectra to the rest frame, each once."""
    found = [c for c in inputs.values() if isinstance(c, SpectrumInput) and c.frame == "rest"]
    return tuple(dict.fromkeys(config.redshift_column for config in found))


def _transform(config: InputConfig, modalities: Mapping[str, ModalitySpec]) -> Transform:
    spec = modalities.get(config.modality)
    if isinstance(config, ImageInput) and isinstance(spec, ImageSpec | PictureSpec):
        return ImageTransform(config, spec)
    if isinstance(config, SpectrumInput) and isinstance(spec, SpectrumSpec):
        return SpectrumTransform(config, spec)
    if isinstance(config, TableInput) and isinstance(spec, TableSpec):
        return TableTransform(config, spec)
    if isinstance(config, SeriesInput) and isinstance(spec, SeriesSpec):
        return SeriesTransform(config, spec)
    known = ", ".join(f"{name} ({spec.kind})" for name, spec in modalities.items())
    raise ConfigError(f"input of kind {config.kind} wants {config.modality!r}; there is: {known}")
