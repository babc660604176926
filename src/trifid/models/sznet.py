"""Redshift with its uncertainty from a spectrum: a convolutional and a dense network.

    sznet: spectrum (3752,) -> standardised, continuum subtracted ->
        conv 8, pool -> conv 16, pool -> conv 32, 32, pool -> conv 64, 64, pool -> conv 64, 64, pool
        -> flatten 117 x 64 = 7488 -> dense 512, dropout -> dense 512, dropout -> linear D
    fcnn:  spectrum (3752,) -> standardised, continuum subtracted -> dense 512, 512 as above

Paper: Bayesian redshifts of quasars (Podsztavek, Skoda and Tvrdik; code
podondra/bayesian-redshift). Window log10 wavelength 3.5832 to 3.9583. Lengths 3752, 1876, 938, 469,
234, 117; parameters for one target: sznet 4,145,905, fcnn 2,184,705.

Uncertainty: with `mc_samples` T the dropout stays on in use (Gal & Ghahramani 2016). T masks are
drawn once, from a fixed seed, and shared by all rows: T thinned networks whose mean is the answer
and whose variance is its uncertainty; a row's answer depends on no other row.

Differs from the paper:
- The continuum is a cubic fitted by reweighted least squares (Tukey's biweight, 4 rounds), not by
  density-based least squares; pixels without data do not count and are zero afterwards.
- The dropout masks are fixed, not drawn anew for every spectrum.
- Targets are whatever the task asks for, standardised. `bins` makes it the paper's better network,
  a classifier of equal bins: the answer is their mean, the loss gains their cross-entropy.
- `heteroscedastic` adds a predicted variance to that of the thinned networks.
- L2 is AdamW's weight decay of the recipe.
"""

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from trifid.errors import ConfigError
from trifid.models.base import ModelConfig
from trifid.registry import register
from trifid.schema.batch import Batch, Output, Spectrum
from trifid.schema.signature import Signature

PAPER = "Podsztavek, Skoda and Tvrdik: Bayesian CNN for redshifts of quasars"
Stages = tuple[tuple[int, int], ...]
LOG_VARIANCE_LIMIT = 10.0  # of a standardised target: sd from 0.007 to 150


class SzNetConfig(ModelConfig):
    """Convolutions, dense layers and dropout of SZNet.

    Attributes:
        stages: (channels, convolutions) before each halving; empty: dense layers only (FCNN).
        hidden: Widths of the dense layers.
        dropout: After each of them.
        mc_samples: Thinned networks in use; 0 = one network without dropout.
        continuum: Degree of the continuum that is subtracted; negative: none.
        heteroscedastic: Whether a variance is predicted too.
        bins: Bins of each target, from -4 to 6 standard deviations; 0 = a plain regression.
    """

    kind: Literal["sznet"] = "sznet"
    stages: Stages = ((8, 1), (16, 1), (32, 2), (64, 2), (64, 2))
    hidden: tuple[int, ...] = (512, 512)
    dropout: float = 0.5
    mc_samples: int = Field(default=256, ge=0, le=4096)
    continuum: int = 3
    heteroscedastic: bool = False
    bins: int = Field(default=0, ge=0)

    def build(self, signature: Signature) -> "SzNet":
        """The module for one spectrum and these targets."""
        if self.bins and self.heteroscedastic:
            raise ConfigError("sznet: bins have a variance already; set heteroscedastic = false")
        return SzNet(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """3752 pixels, or 200 for tests; one target."""
        return Signature(inputs={"spectrum": (200 if small else 3752,)}, targets=("redshift",))


class SzNet(nn.Module):
    """Batch with one spectrum -> Output with mean (B, D) and, with samples, log_variance (B, D)."""

    def __init__(self, config: SzNetConfig, signature: Signature) -> None:
        super().__init__()
        self.name = only_spectrum(signature)
        length = signature.inputs[self.name][0]
        self.continuum = Continuum(config.continuum, length)
        self.trunk = nn.Sequential()
        inward = 1
        for channels, repeats in config.stages:
            for _ in range(repeats):
                self.trunk.append(nn.Conv1d(inward, channels, 3, padding=1))
                self.trunk.append(nn.ReLU())
                inward = channels
            self.trunk.append(nn.MaxPool1d(2))
            length //= 2
        self.trunk.append(nn.Flatten())
        self.outputs, self.heteroscedastic = signature.outputs, config.heteroscedastic
        self.bins = Bins(config.bins, signature.outputs) if config.bins else None
        last = signature.outputs * (config.bins or (2 if config.heteroscedastic else 1))
        self.dense = BayesianDense(
            (inward * length, *config.hidden, last), config.dropout, config.mc_samples
        )

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Predictions of each row; with `explain` the features as one token."""
        spectrum = batch.inputs[self.name]
        features = self.trunk(self.continuum(spectrum)[:, None, :])  # (B, C * P)
        samples = self.dense(features)  # (T, B, D), (T, B, 2 D) or (T, B, D * bins)
        losses: dict[str, Tensor] = {}
        if self.bins is not None:
            mean, log_variance = self.bins(samples)
            losses = self.bins.losses(samples, batch) if self.training else {}
        else:
            mean, log_variance = combined(samples, self.outputs, self.heteroscedastic)
        return Output(
            mean=mean,
            log_variance=log_variance,
            losses=losses,
            embedding=features,
            tokens={self.name: features[:, None]} if explain else {},
        )


def combined(samples: Tensor, targets: int, heteroscedastic: bool) -> tuple[Tensor, Tensor | None]:
    """Mean (B, D) and log-variance of the answers of T networks (T, B, D or 2 D).

    The variance is that among the networks plus the mean of those they predict (Kendall & Gal 2017,
    eq. 9); without either there is none.
    """
    mean = samples[..., :targets].mean(dim=0)
    variance = torch.zeros_like(mean)
    if heteroscedastic:
        limit = LOG_VARIANCE_LIMIT
        # softly bounded, so that a wild value still has a gradient
        variance = (limit * torch.tanh(samples[..., targets:] / limit)).exp().mean(dim=0)
    if len(samples) > 1:
        variance = variance + samples[..., :targets].var(dim=0)
    if not heteroscedastic and len(samples) < 2:
        return mean, None
    return mean, variance.clamp_min(1e-9).log()


class Bins(nn.Module):
    """Scores of equal bins of D standardised targets (T, B, D * bins) -> moments (B, D).

    Probabilities are averaged over the T networks; a bin's own width counts in the variance.
    """

    LOW, HIGH = -4.0, 6.0  # redshifts have a long upper tail

    def __init__(self, count: int, targets: int) -> None:
        super().__init__()
        self.count, self.targets = count, targets
        self.width = (self.HIGH - self.LOW) / count
        centres = self.LOW + self.width * (torch.arange(count) + 0.5)
        self.register_buffer("centres", centres, persistent=False)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log-variances."""
        centres = self.get_buffer("centres")
        share = samples.unflatten(-1, (self.targets, self.count)).softmax(dim=-1).mean(dim=0)
        mean = share @ centres
        spread = (share * (centres - mean[..., None]).square()).sum(dim=-1)
        return mean, (spread + self.width**2 / 12.0).log()

    def losses(self, samples: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy of the bins that hold the known `numbers` of a training batch."""
        if "numbers" not in batch.targets:
            return {}
        place = ((batch.targets["numbers"] - self.LOW) / self.width).long()
        target = place.clamp(0, self.count - 1).flatten()  # (B * D,)
        scores = samples[0].unflatten(-1, (self.targets, self.count)).flatten(0, 1)
        known = (batch.targets["known"] > 1.0 - 1e-6).flatten().to(scores.dtype)
        entropy = nn.functional.cross_entropy(scores, target, reduction="none")
        return {"bins": (entropy * known).sum() / known.sum().clamp_min(1.0)}


class BayesianDense(nn.Module):
    """Dense layers with ReLU and dropout: (B, E) -> (T, B, K).

    In use the masks are T fixed ones; in training T is 1 and dropout is the usual one.
    """

    def __init__(self, widths: tuple[int, ...], dropout: float, mc_samples: int) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairs)
        self.dropout = nn.Dropout(dropout)
        self.samples = mc_samples if dropout > 0 else 0
        generator = torch.Generator("cpu").manual_seed(0)
        for i, width in enumerate(widths[1:-1]):
            shape = (self.samples, 1, width)
            kept = torch.rand(shape, generator=generator, device="cpu") >= dropout
            mask = kept.float() / (1.0 - dropout)
            self.register_buffer(f"mask_{i}", mask.to(torch.empty(0).device), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """One answer, or T of them."""
        x = x[None]  # (1, B, E)
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i < last:
                x = torch.relu(x)
                sampling = self.samples > 0 and not self.training
                x = x * self.get_buffer(f"mask_{i}") if sampling else self.dropout(x)
        return x


class Continuum(nn.Module):
    """Standardises each spectrum and subtracts a polynomial continuum, robustly: (B, L) -> (B, L).

    Pixels without data do not count and come out as 0. Lines hardly move the fit: in each round
    pixels beyond 4.685 robust standard deviations weigh nothing (Tukey's biweight, Beaton & Tukey
    1974).
    """

    basis: Tensor  # (L, degree + 1) Chebyshev polynomials on -1..1

    def __init__(self, degree: int, length: int, *, rounds: int = 4) -> None:
        super().__init__()
        x = torch.linspace(-1, 1, length)
        powers = [torch.cos(n * torch.acos(x.clamp(-1, 1))) for n in range(max(degree + 1, 0))]
        basis = torch.stack(powers, dim=1) if powers else torch.zeros(length, 0)
        self.register_buffer("basis", basis, persistent=False)
        self.rounds = rounds if degree >= 0 else 0

    def forward(self, spectrum: Spectrum) -> Tensor:
        """The flux about its continuum, in units of its standard deviation.

        Scale and continuum are taken as given: gradients pass through the flux alone.
        """
        known = ((spectrum.ivar > 0) & spectrum.present[:, None]).to(spectrum.flux.dtype)
        with torch.no_grad():
            count = known.sum(dim=1, keepdim=True).clamp_min(1.0)
            mean = (spectrum.flux * known).sum(dim=1, keepdim=True) / count
            square = ((spectrum.flux - mean).square() * known).sum(dim=1, keepdim=True)
            spread = (square / count).sqrt()
            spread = torch.where(spread > 0, spread, torch.ones_like(spread))
        flux = (spectrum.flux - mean) / spread * known
        return (flux - self._continuum(flux, known)) * known

    @torch.no_grad()
    def _continuum(self, flux: Tensor, known: Tensor) -> Tensor:
        fit, weight = torch.zeros_like(flux), known
        for _ in range(self.rounds):
            fit = self._fit(flux, weight)
            residual = (flux - fit).abs() * known
            distance = residual / (4.685 * 1.4826 * median_of(residual, known).clamp_min(1e-6))
            weight = known * (1.0 - distance.square()).clamp_min(0.0).square()
        return fit

    def _fit(self, flux: Tensor, weight: Tensor) -> Tensor:
        """The weighted least-squares polynomial (B, L), in float64 whatever autocast says."""
        basis = self.basis.double()
        weighted = weight[:, :, None] * basis  # (B, L, P)
        normal = weighted.transpose(1, 2) @ basis  # (B, P, P)
        ridge = 1e-6 * torch.eye(basis.shape[1], device=flux.device, dtype=basis.dtype)
        right = weighted.transpose(1, 2) @ flux.double()[:, :, None]  # (B, P, 1)
        return (basis @ torch.linalg.solve(normal + ridge, right)).squeeze(2).to(flux.dtype)


def median_of(x: Tensor, known: Tensor) -> Tensor:
    """Median over the known pixels of each row (B, 1); 0 where there are none."""
    ordered = torch.where(known > 0, x, torch.inf).sort(dim=1).values
    count = known.sum(dim=1, keepdim=True).long()
    middle = ordered.gather(1, ((count - 1) // 2).clamp_min(0))
    return torch.where(count > 0, middle, x.new_zeros(()))


def only_spectrum(signature: Signature) -> str:
    """The name of the one input, a spectrum.

    Raises:
        ConfigError: If there is another.
    """
    names = [name for name, shape in signature.inputs.items() if len(shape) == 1]
    if len(signature.inputs) != 1 or len(names) != 1 or names[0] == "table":
        raise ConfigError(f"this model takes one spectrum; got {sorted(signature.inputs)}")
    return names[0]


@register("model", paper=PAPER)
def sznet() -> SzNetConfig:
    """SZNet: convolutions, 7488 features, two dense layers, 256 thinned networks in use."""
    return SzNetConfig()


@register("model", paper=PAPER)
def sznet_bins() -> SzNetConfig:
    """SZNet as a classifier of a hundred bins of each target."""
    return SzNetConfig(bins=100)


@register("model", paper=PAPER)
def fcnn() -> SzNetConfig:
    """SZNet's baseline: two dense layers on the spectrum itself."""
    return SzNetConfig(stages=())


@register("model", paper=PAPER)
def sznet_small() -> SzNetConfig:
    """SZNet with few channels and eight thinned networks, for tests."""
    stages = ((4, 1), (8, 1), (8, 1), (8, 1))
    return SzNetConfig(stages=stages, hidden=(16, 16), mc_samples=8, heteroscedastic=True)


@register("model", paper=PAPER)
def sznet_bins_small() -> SzNetConfig:
    """The same as a classifier of ten bins, for tests."""
    return sznet_small().replace(bins=10, heteroscedastic=False)
