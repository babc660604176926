"""Redshift and star formation rate from an image, a spectrum, or both.

    image (5, 64, 64) -> conv 32, 64, 128, 256, each with pool -> average -> dense 128 --+
                                                                                         |
    spectrum (L,) -> median scale, clip -> dense 512 -> 256 -> 128 ----------------------+
                                                                                         |
    feature  concat 256 (+ which are there) -> dense 128 -> outputs
    late     each stream predicts; the mean, weighted by what each has earned per target
    early    image averaged to 16 x 16, next to the spectrum -> dense 512 -> 256 -> 128 -> outputs

    outputs: five SFR quantiles in order, by construction; all other targets free; variances too
             with `heteroscedastic`

Paper: redshift and SFR from SDSS images and spectra (it prints no layer, size or result; all
numbers here are ours). 4620 pixels, nine targets, parameters in brackets:

    image CNN  (5, 64) -> (32, 32) -> (64, 16) -> (128, 8) -> (256, 4) -> 256 -> 128     [422,848]
    spectrum   4620 -> 512 -> 256 -> 128                                               [2,531,072]
    feature / late / early in all                      [2,988,233] / [2,956,252] / [3,188,617]

Quantiles. The network gives the median m and four increments d > 0 (softplus): p16 = m - d2,
p2.5 = p16 - d1, p84 = m + d3, p97.5 = p84 + d4. Predictions are standardised, so this orders them
in physical units only if the five quantiles share one mean and one sd.

Differs from the paper:
- Fusion of predictions with fixed or stacked weights acts on prediction tables, outside networks;
  `late` learns the weights here, and trains each stream by its own loss through `branches`.
- Any input may be missing: its features are zero and the network is told; `late` leaves it out.
- The spectrum is divided by its median flux and clipped to +-10 here, so that any transform will
  do; `continuum` subtracts a polynomial instead (see `models/sznet.py`).
- Redshift is predicted as the task gives it; z or log(1 + z) is the task's choice.
"""

from itertools import pairwise
from typing import Literal, cast

import torch
from torch import Tensor, nn

from trifid.encoders.base import EncoderPart
from trifid.encoders.conv_image import ConvImageConfig
from trifid.encoders.timm_backbone import width_of
from trifid.errors import ConfigError
from trifid.models.base import ModelConfig
from trifid.models.sznet import LOG_VARIANCE_LIMIT, Continuum, median_of
from trifid.nn.masked_norm import MaskedBatchNorm, mask_of
from trifid.registry import register
from trifid.schema.batch import Batch, Image, Output, Spectrum
from trifid.schema.signature import Signature

PAPER = "redshift and SFR from SDSS images and spectra"
ORDER = ("image", "spectrum")
QUANTILES = ("sfr_p2p5", "sfr_p16", "sfr_median", "sfr_p84", "sfr_p97p5")
TARGETS = (
    "redshift",
    *("sfr_avg", "sfr_entropy", "sfr_median", "sfr_mode"),
    *("sfr_p16", "sfr_p2p5", "sfr_p84", "sfr_p97p5"),
)
Widths = tuple[int, ...]


class ZsfrConfig(ModelConfig):
    """Streams, fusion and outputs.

    Attributes:
        image: Encoder of the image; its tokens are averaged.
        spectrum: Widths of the dense layers on the spectrum.
        dropout: After each of them.
        continuum: Degree of a polynomial continuum to subtract instead of dividing by the median;
            negative: none.
        fusion: Where the streams meet.
        joint: Width of the layer after the features are joined.
        grid: Side of the image in early fusion [pixel].
        heteroscedastic: Whether a variance is predicted for each target.
        monotone: Whether the SFR quantiles are kept in order.
    """

    kind: Literal["zsfr"] = "zsfr"
    image: EncoderPart = ConvImageConfig(channels=(32, 64, 128, 256), halvings=4, grid=1, width=128)
    spectrum: Widths = (512, 256, 128)
    dropout: float = 0.2
    continuum: int = -1
    fusion: Literal["feature", "late", "early"] = "feature"
    joint: int = 128
    grid: int = 16
    heteroscedastic: bool = False
    monotone: bool = True

    def build(self, signature: Signature) -> nn.Module:
        """The module for image, spectrum or both, and these targets."""
        if not signature.inputs or set(signature.inputs) - set(ORDER) or not signature.targets:
            raise ConfigError(
                f"zsfr takes {', '.join(ORDER)} and predicts numbers; got "
                f"{sorted(signature.inputs)} and targets {list(signature.targets)}"
            )
        kinds = {"feature": FeatureFusion, "late": LateFusion, "early": EarlyFusion}
        return kinds[self.fusion](self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """Five bands of 64 pixels, 4620 spectrum pixels, nine targets; less for tests."""
        inputs = {"image": (5, 32, 32), "spectrum": (400,)}
        if not small:
            inputs = {"image": (5, 64, 64), "spectrum": (4620,)}
        return Signature(inputs=inputs, targets=TARGETS)


class FeatureFusion(nn.Module):
    """Batch with image, spectrum or both -> Output with mean (B, D); streams meet as features."""

    def __init__(self, config: ZsfrConfig, signature: Signature) -> None:
        super().__init__()
        self.streams = Streams(config, signature)
        width = sum(self.streams.widths.values()) + len(self.streams.names)
        self.joint = nn.Linear(width, config.joint)
        self.answer = Answer(config.joint, signature.targets, config)

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Predictions of each row; with `explain` the tokens too."""
        features = self.streams(batch)
        there = [batch.inputs[name].present[:, None] for name in features]
        joined = torch.cat([*features.values(), *(x.to(self.joint.weight) for x in there)], dim=1)
        embedding = torch.relu(self.joint(joined))
        mean, log_variance = self.answer(embedding)
        return Output(
            mean=mean,
            log_variance=log_variance,
            embedding=embedding,
            tokens={n: x[:, None] for n, x in features.items()} if explain else {},
        )


class LateFusion(nn.Module):
    """Batch -> Output with mean (B, D): each stream predicts, weights per target combine them."""

    def __init__(self, config: ZsfrConfig, signature: Signature) -> None:
        super().__init__()
        self.streams = Streams(config, signature)
        self.answers = nn.ModuleDict(
            {n: Answer(w, signature.targets, config) for n, w in self.streams.widths.items()}
        )
        self.groups = target_groups(signature.targets, config.monotone)
        self.scores = (
            nn.Parameter(torch.zeros(len(self.streams.names), max(self.groups) + 1))
            if len(self.streams.names) > 1
            else None
        )

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Predictions of each row and stream; with `explain` tokens and weights too."""
        features = self.streams(batch)
        answers = {name: self.answers[name](x) for name, x in features.items()}
        means = torch.stack([mean for mean, _ in answers.values()])  # (M, B, D)
        weights = self._weights(batch, means)  # (M, B, D)
        variances = [v for _, v in answers.values() if v is not None]
        mean = (weights * means).sum(dim=0)
        branches = {name: value for name, (value, _) in answers.items()}
        gates = dict(zip(features, weights, strict=True))
        return Output(
            mean=mean,
            log_variance=_mixed(mean, means, weights, variances) if variances else None,
            branches=branches if len(branches) > 1 else {},
            embedding=torch.cat(list(features.values()), dim=1),
            tokens={n: x[:, None] for n, x in features.items()} if explain else {},
            gates=gates if explain else {},
        )

    def _weights(self, batch: Batch, means: Tensor) -> Tensor:
        """Softmax over the streams that are there; all of them where none is (M, B, D)."""
        if self.scores is None:
            return torch.ones_like(means)
        there = torch.stack([batch.inputs[n].present for n in self.streams.names])  # (M, B)
        there = there | ~there.any(dim=0, keepdim=True)
        scores = self.scores[:, self.groups][:, None, :].expand_as(means)
        return scores.masked_fill(~there[:, :, None], -torch.inf).softmax(dim=0)


def _mixed(mean: Tensor, means: Tensor, weights: Tensor, log_variances: list[Tensor]) -> Tensor:
    """Log-variance (B, D) of the mixture of the streams' Gaussians."""
    within = torch.stack(log_variances).exp()
    return (weights * (within + (means - mean).square())).sum(dim=0).clamp_min(1e-9).log()


class EarlyFusion(nn.Module):
    """Batch -> Output with mean (B, D): averaged pixels next to the spectrum, then dense layers."""

    def __init__(self, config: ZsfrConfig, signature: Signature) -> None:
        super().__init__()
        self.names = tuple(name for name in ORDER if name in signature.inputs)
        width, self.grid = 0, config.grid
        if "image" in self.names:
            width += signature.inputs["image"][0] * config.grid**2
        if "spectrum" in self.names:
            length = signature.inputs["spectrum"][0]
            self.scale = spectrum_scale(config, length)
            width += length
        self.dense = Dense((width + len(self.names), *config.spectrum), config.dropout)
        self.answer = Answer(config.spectrum[-1], signature.targets, config)

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Predictions of each row; nothing to explain before the streams are one."""
        values = [batch.inputs[name].present[:, None].float() for name in self.names]
        if "image" in self.names:
            image = cast(Image, batch.inputs["image"])
            pixels = nn.functional.adaptive_avg_pool2d(image.flux, self.grid).flatten(1)
            values.append(torch.where(image.present[:, None], pixels, pixels.new_zeros(())))
        if "spectrum" in self.names:
            values.append(self.scale(batch.inputs["spectrum"]))
        mask = mask_of(batch.present.any(dim=1), self.training)
        embedding = self.dense(torch.cat(values, dim=1), mask)
        mean, log_variance = self.answer(embedding)
        return Output(mean=mean, log_variance=log_variance, embedding=embedding)


class Streams(nn.Module):
    """Batch -> features (B, E) of each input; zero for absent rows."""

    def __init__(self, config: ZsfrConfig, signature: Signature) -> None:
        super().__init__()
        self.names = tuple(name for name in ORDER if name in signature.inputs)
        self.widths: dict[str, int] = {}
        if "image" in self.names:
            self.image = config.image.build(signature.inputs["image"])
            self.widths["image"] = width_of(self.image, config.image)
        if "spectrum" in self.names:
            length = signature.inputs["spectrum"][0]
            self.scale = spectrum_scale(config, length)
            self.dense = Dense((length, *config.spectrum), config.dropout)
            self.widths["spectrum"] = config.spectrum[-1]

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Features by name."""
        found: dict[str, Tensor] = {}
        if "image" in self.names:
            found["image"] = self.image(batch.inputs["image"]).mean(dim=1)
        if "spectrum" in self.names:
            spectrum = batch.inputs["spectrum"]
            features = self.dense(self.scale(spectrum), mask_of(spectrum.present, self.training))
            present = spectrum.present[:, None]
            found["spectrum"] = torch.where(present, features, features.new_zeros(()))
        return found


class Dense(nn.Module):
    """Linear layers, each with BatchNorm, ReLU and dropout: (B, F) -> (B, E)."""

    def __init__(self, widths: Widths, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(MaskedBatchNorm(width) for width in widths[1:])
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Features; `mask` as `mask_of` gives it."""
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = self.dropout(torch.relu(norm(layer(x), mask)))
        return x


class Answer(nn.Module):
    """Features (B, E) -> means (B, D) with the SFR quantiles in order, log-variances (B, D)."""

    def __init__(self, width: int, targets: tuple[str, ...], config: ZsfrConfig) -> None:
        super().__init__()
        self.targets = len(targets)
        size = 2 * self.targets if config.heteroscedastic else self.targets
        self.linear = nn.Linear(width, size)
        held = [targets.index(name) for name in QUANTILES if name in targets]
        self.quantiles = held if config.monotone and len(held) > 1 else []
        median = targets.index("sfr_median") if "sfr_median" in targets else -1
        self.anchor = held.index(median) if median in held else len(held) // 2

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Means, and log-variances where they are predicted."""
        out = self.linear(x)
        mean, rest = out[:, : self.targets], out[:, self.targets :]
        if self.quantiles:
            ordered = in_order(mean[:, self.quantiles], self.anchor)
            index = torch.tensor(self.quantiles, device=mean.device)
            mean = mean.index_copy(1, index, ordered)
        if not rest.shape[1]:
            return mean, None
        return mean, LOG_VARIANCE_LIMIT * torch.tanh(rest / LOG_VARIANCE_LIMIT)


def in_order(raw: Tensor, anchor: int) -> Tensor:
    """(B, Q) free numbers -> (B, Q) rising ones: column `anchor` as it is, the others by softplus.

    MEDIAN plus cumulative softplus increments upwards, minus them downwards.
    """
    middle = raw[:, anchor : anchor + 1]
    steps = nn.functional.softplus(raw)
    up = middle + steps[:, anchor + 1 :].cumsum(dim=1)
    down = middle - steps[:, :anchor].flip(1).cumsum(dim=1).flip(1)
    return torch.cat([down, middle, up], dim=1)


def target_groups(targets: tuple[str, ...], monotone: bool) -> list[int]:
    """A group number per target; the SFR quantiles share one, so that mixing keeps their order."""
    shared = [name for name in targets if monotone and name in QUANTILES]
    kinds = list(dict.fromkeys(shared[0] if name in shared else name for name in targets))
    return [kinds.index(shared[0] if name in shared else name) for name in targets]


def spectrum_scale(config: ZsfrConfig, length: int) -> nn.Module:
    """What a spectrum goes through before the dense layers."""
    return Continuum(config.continuum, length) if config.continuum >= 0 else MedianScale()


class MedianScale(nn.Module):
    """Flux divided by its median over pixels with data, clipped to +-10; 0 without data: (B, L).

    A spectrum whose median is not positive is divided by the median of |flux|.
    """

    def forward(self, spectrum: Spectrum) -> Tensor:
        """The scaled flux."""
        known = (spectrum.ivar > 0) & spectrum.present[:, None]
        with torch.no_grad():
            plain = median_of(spectrum.flux, known)
            size = median_of(spectrum.flux.abs(), known)
            # noise about zero has a tiny median: dividing by it would clip nearly every pixel
            scale = torch.where(plain > 0.1 * size, plain, size)
            scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        scaled = (spectrum.flux / scale).clamp(-10.0, 10.0)
        return torch.where(known, scaled, scaled.new_zeros(()))


@register("model", paper=PAPER)
def zsfr_feature() -> ZsfrConfig:
    """Image CNN and dense spectrum network, fused by their features."""
    return ZsfrConfig()


@register("model", paper=PAPER)
def zsfr_late() -> ZsfrConfig:
    """Image CNN and dense spectrum network, their predictions weighted per target."""
    return ZsfrConfig(fusion="late")


@register("model", paper=PAPER)
def zsfr_early() -> ZsfrConfig:
    """Averaged pixels and spectrum side by side through dense layers."""
    return ZsfrConfig(fusion="early")


@register("model", paper=PAPER)
def zsfr_small() -> ZsfrConfig:
    """Late fusion of narrow streams with variances, for tests."""
    return ZsfrConfig(
        image=ConvImageConfig(channels=(8, 16, 16), halvings=3, grid=1, width=16),
        spectrum=(16, 16),
        fusion="late",
        heteroscedastic=True,
    )


@register("model", paper=PAPER)
def zsfr_feature_small() -> ZsfrConfig:
    """Feature fusion of narrow streams on continuum-subtracted spectra, for tests."""
    return zsfr_small().replace(fusion="feature", joint=16, continuum=3)


@register("model", paper=PAPER)
def zsfr_early_small() -> ZsfrConfig:
    """Early fusion through narrow layers, for tests."""
    return zsfr_small().replace(fusion="early", grid=4, heteroscedastic=False)
