"""Augmentation of transformed training batches; everything is off unless the recipe turns it on.

Noise and redshift jitter of a spectrum are applied to what is stored (`augment_stored`), for there
are its ivar and its log-wavelength grid; everything else after the pipeline and before modality
dropout and mixup. Never in use. Randomness comes from torch's generator, which training seeds at
every step, so a resumed run draws the same.

Mixup is `training.mixup`; with a spectrum in the rest frame it mixes rest-frame spectra.
"""

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from trifid.config import Config
from trifid.schema.batch import Batch, Image, Input, Spectrum, Table


class AugmentConfig(Config):
    """What is drawn anew for each row at each step.

    Attributes:
        flips: Images mirrored left-right and up-down, each half of the time.
        rotations: Images turned by a multiple of 90 degrees (by 180 where they are not square).
        shift: Largest shift of an image along each axis [pixel]; below 1, or its edges wrap.
        image_noise: Noise added to images, in units of each image's own; up to this much.
        band_dropout: Probability that a band of an image becomes zero; one band always stays.
        spectrum_noise: Noise added to each pixel of a spectrum, in units of its 1 / sqrt(ivar); up
            to this much.
        redshift_shift: Largest shift of a spectrum along the stored log-wavelength grid [pixel of
            69 km/s]. The redshift used for the rest frame stays, and so errs by as much.
        continuum_tilt: Largest slope added to a spectrum, centre to end [its own unit].
        cell_dropout: Probability that a valid table cell becomes missing; one always stays.
    """

    flips: bool = False
    rotations: bool = False
    shift: float = Field(default=0.0, ge=0)
    image_noise: float = Field(default=0.0, ge=0)
    band_dropout: float = Field(default=0.0, ge=0, lt=1)
    spectrum_noise: float = Field(default=0.0, ge=0)
    redshift_shift: int = Field(default=0, ge=0)
    continuum_tilt: float = Field(default=0.0, ge=0)
    cell_dropout: float = Field(default=0.0, ge=0, lt=1)


def augment_stored(raw: Batch, config: AugmentConfig) -> Batch:
    """A raw batch with noise and shifts of its spectra; itself if the configuration has none."""
    if config.spectrum_noise == 0 and config.redshift_shift == 0:
        return raw
    inputs = {
        name: _stored_spectrum(value, config) if isinstance(value, Spectrum) else value
        for name, value in raw.inputs.items()
    }
    return raw.replace(inputs=inputs)


def _stored_spectrum(value: Spectrum, config: AugmentConfig) -> Spectrum:
    flux, ivar, rows = value.flux, value.ivar, len(value.flux)
    if config.spectrum_noise > 0:
        amount = config.spectrum_noise * torch.rand(rows, 1, device=flux.device)
        flux = flux + amount * pixel_sigma(ivar) * torch.randn_like(flux)
    if config.redshift_shift > 0:
        most = config.redshift_shift
        steps = torch.randint(-most, most + 1, (rows,), device=flux.device)
        flux, ivar = slide(flux, steps), slide(ivar, steps)
    return Spectrum(flux, ivar, value.present)


def augment(batch: Batch, config: AugmentConfig) -> Batch:
    """A transformed batch with each input changed as the configuration says, but for noise and
    shifts of spectra; itself if that is nothing.
    """
    if config == AugmentConfig():
        return batch
    return batch.replace(inputs={n: _augmented(v, config) for n, v in batch.inputs.items()})


def _augmented(value: Input, config: AugmentConfig) -> Input:
    if isinstance(value, Image):
        return Image(_image(value.flux, config), value.present)
    if isinstance(value, Spectrum) and config.continuum_tilt > 0:
        return _tilted(value, config.continuum_tilt)
    if isinstance(value, Table) and config.cell_dropout > 0:
        kept = value.valid & keep_one(value.valid, config.cell_dropout)
        values = torch.where(kept, value.values, value.values.new_zeros(()))
        return Table(values, kept, value.present)
    return value


def _image(flux: Tensor, config: AugmentConfig) -> Tensor:
    rows, bands = flux.shape[:2]
    if config.flips:
        flux = flip(flux, _coins(flux), _coins(flux))
    if config.rotations:
        flux = rotate(flux, torch.randint(4, (rows,), device=flux.device))
    if config.shift > 0:
        flux = shift(flux, _uniform(flux, 2) * config.shift)
    if config.image_noise > 0:
        amount = config.image_noise * torch.rand(rows, 1, 1, 1, device=flux.device)
        flux = flux + amount * image_noise(flux)[..., None, None] * torch.randn_like(flux)
    if config.band_dropout > 0:
        there = torch.ones(rows, bands, dtype=torch.bool, device=flux.device)
        kept = keep_one(there, config.band_dropout)
        flux = torch.where(kept[..., None, None], flux, flux.new_zeros(()))
    return flux


def _tilted(value: Spectrum, most: float) -> Spectrum:
    place = torch.linspace(-1, 1, value.flux.shape[1], device=value.flux.device)
    flux = value.flux + most * _uniform(value.flux, 1) * place
    flux = torch.where(value.ivar > 0, flux, flux.new_zeros(()))
    return Spectrum(flux, value.ivar, value.present)


def flip(
    x: Float[Tensor, "B C H W"], across: Bool[Tensor, "B"], over: Bool[Tensor, "B"]
) -> Float[Tensor, "B C H W"]:
    """Rows mirrored left-right where `across`, up-down where `over`."""
    x = torch.where(across[:, None, None, None], x.flip(3), x)
    return torch.where(over[:, None, None, None], x.flip(2), x)


def rotate(x: Float[Tensor, "B C H W"], quarters: Tensor) -> Float[Tensor, "B C H W"]:
    """Rows turned by `quarters (B,)` times 90 degrees; images that are not square by halves."""
    square = x.shape[2] == x.shape[3]
    turned = x
    for count in (1, 2, 3) if square else (2,):
        chosen = (quarters == count)[:, None, None, None]
        turned = torch.where(chosen, torch.rot90(x, count, (2, 3)), turned)
    return turned


def shift(x: Float[Tensor, "B C H W"], by: Float[Tensor, "B 2"]) -> Float[Tensor, "B C H W"]:
    """Images moved by `by` (rows, columns) [pixel], through their Fourier transform.

    Unlike interpolation this leaves the noise as it is; what leaves one edge enters at the other.
    """
    height, width = x.shape[2:]
    down = torch.fft.fftfreq(height, device=x.device)[:, None]
    right = torch.fft.rfftfreq(width, device=x.device)[None, :]
    angle = -2 * torch.pi * (by[:, 0, None, None] * down + by[:, 1, None, None] * right)
    phase = torch.polar(torch.ones_like(angle), angle)[:, None]  # (B, 1, H, W // 2 + 1)
    return torch.fft.irfft2(torch.fft.rfft2(x) * phase, s=(height, width))


def slide(x: Float[Tensor, "B L"], steps: Tensor) -> Float[Tensor, "B L"]:
    """Rows moved by `steps (B,)` whole pixels to longer wavelengths; zeros come in at the edge."""
    index = torch.arange(x.shape[1], device=x.device) - steps[:, None]
    inside = (index >= 0) & (index < x.shape[1])
    return torch.where(inside, x.gather(1, index.clamp(0, x.shape[1] - 1)), x.new_zeros(()))


def image_noise(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C"]:
    """The sky's noise of each image and band: 1.4826 MAD."""
    pixels = x.flatten(2)
    centre = pixels.median(dim=2, keepdim=True).values
    return 1.4826 * (pixels - centre).abs().median(dim=2).values


def pixel_sigma(ivar: Float[Tensor, "B L"]) -> Float[Tensor, "B L"]:
    """The noise of each pixel, 1 / sqrt(ivar); 0 where there is no data."""
    known = ivar > 0
    return torch.where(known, torch.where(known, ivar, 1.0).rsqrt(), ivar.new_zeros(()))


def keep_one(there: Bool[Tensor, "B N"], probability: float) -> Bool[Tensor, "B N"]:
    """Which of the N stay if each goes with this probability; one of those there always stays."""
    kept = torch.rand(there.shape, device=there.device) >= probability
    lottery = torch.rand(there.shape, device=there.device) * there
    saved = torch.nn.functional.one_hot(lottery.argmax(dim=1), there.shape[1]).bool()
    none = ~(kept & there).any(dim=1, keepdim=True)
    return torch.where(none, saved, kept)


def _coins(x: Tensor) -> Tensor:
    return torch.rand(len(x), device=x.device) < 0.5


def _uniform(x: Tensor, columns: int) -> Tensor:
    """Numbers (B, columns) between -1 and 1."""
    return 2 * torch.rand(len(x), columns, device=x.device) - 1
