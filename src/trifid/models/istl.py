"""ISTL and MB-ISTL: spectrum, or image and spectrum, or an image that imagines its spectrum.

    istl         spectrum -> 1-D ResNet -> 128 -> K classes

    mb_istl      spectrum -> 1-D ResNet -> 128 * w_s --+
                 image    -> ResNet-18  -> 128 * w_i --+-- concat --> linear -> K classes

    mb_istl_gan  image    -> ResNet-18  -> 128 --+--------------------- concat -> linear -> K
                                                 |                        |
                                                 +-> generator 512-256-128, LeakyReLU
                                                          |
                 spectrum -> 1-D ResNet -> 128 -----> discriminator 128-64-1: real or imagined?

Paper: Wang et al. 2023, PASP 135 (acfbb9), of which GCSNet uses the first two forms. Shapes, with
parameters in brackets:

    spectrum  (B, 3843) -> (32, 1922) -> (32, 1922) -> (64, 961) -> (128, 481) -> (128, 241)
              -> mean -> (B, 128)                                                         [470,816]
    image     (B, 3, 300, 300) -> 512 maps -> mean -> (B, 128)                         [11,242,176]
    mb_istl   concat (B, 256) -> 4 classes; two weights                                     [1,030]
    mb_istl_gan  generator [230,272], discriminator [8,321], linear [1,028]

A linear layer over weighted vectors is a weighted sum of one linear answer a modality, so w are
the decision weights GCSNet speaks of; they are a softmax over the modalities a row has.

**One optimiser for a GAN.** A step gives three terms, each with gradients to its own part only:
`discriminator` scores real and imagined features that pass no gradient; `adversarial` scores the
imagined ones by a copy of the discriminator whose weights are constants, with the label "real"
(the non-saturating form of Goodfellow et al. 2014, section 3); `match` is their L1 distance to the
real ones. So no second optimiser and no alternating steps are needed. Rows with both modalities
count; where a step has none the terms are zero.

Differs from the paper:
- Layers are not public: stages (32, 64, 128, 128) of two blocks, stem 7 stride 2 are our reading,
  as are the terms' weights 0.1 (adversarial) and 1 (match).
- The paper always classifies by the imagined feature; `spectral` = `real_if_present` (default of
  `mb_istl_gan`) takes the real one where there is a spectrum. The answer by the imagined one is a
  branch, so that it is trained on every row with an image.
- Rows without image and spectrum are answered with the bias.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import binary_cross_entropy_with_logits

from trifid.encoders.base import EncoderPart
from trifid.encoders.residual_image import ResidualImageConfig
from trifid.encoders.residual_spectrum import ResidualSpectrumConfig
from trifid.errors import ConfigError
from trifid.models.base import ModelConfig
from trifid.nn.pooling import masked_softmax
from trifid.registry import register
from trifid.schema.batch import Batch, Output
from trifid.schema.signature import Signature

PAPER = "ISTL and MB-ISTL, Wang et al. 2023, PASP 135, acfbb9"
BOTH = ("image", "spectrum")


class IstlConfig(ModelConfig):
    """Encoders with one token of `width`, for the inputs the model is given."""

    kind: Literal["istl"] = "istl"
    width: int = 128
    image: EncoderPart = ResidualImageConfig()
    spectrum: EncoderPart = ResidualSpectrumConfig()
    inputs: tuple[str, ...] = ("spectrum",)

    def build(self, signature: Signature) -> "Istl":
        """The module for these inputs and classes."""
        return Istl(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """The paper's inputs, with GCSNet's sizes and classes."""
        known = super().example(small=small)
        return known.replace(inputs={name: known.inputs[name] for name in self.inputs})


class Istl(nn.Module):
    """Batch with a spectrum, an image or both -> Output with logits (B, K)."""

    def __init__(self, config: IstlConfig, signature: Signature) -> None:
        super().__init__()
        self.names, self.encoders = _encoders(config, signature)
        self.scores = nn.Parameter(torch.zeros(len(self.names))) if len(self.names) > 1 else None
        self.head = nn.Linear(len(self.names) * config.width, signature.outputs)

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row."""
        tokens = {name: self.encoders[name](batch.inputs[name]) for name in self.names}
        vectors = torch.cat(list(tokens.values()), dim=1)  # (B, M, E)
        weights = self._weights(batch)  # (B, M)
        x = (vectors * weights[..., None]).flatten(1)
        return Output(
            logits=self.head(x),
            embedding=x,
            tokens=tokens if explain else {},
            gates=dict(zip(self.names, weights.unbind(1), strict=True)),
        )

    def _weights(self, batch: Batch) -> Tensor:
        present = torch.stack([batch.inputs[name].present for name in self.names], dim=1)
        if self.scores is None:
            return present.to(torch.float32)
        return masked_softmax(self.scores.expand(present.shape), present)


class IstlGanConfig(ModelConfig):
    """Encoders with one token of `width`, generator, discriminator and weights of their terms."""

    kind: Literal["istl_gan"] = "istl_gan"
    width: int = 128
    image: EncoderPart = ResidualImageConfig()
    spectrum: EncoderPart = ResidualSpectrumConfig()
    generator: tuple[int, ...] = (512, 256)
    discriminator: int = 64
    spectral: Literal["real_if_present", "imagined"] = "real_if_present"
    adversarial_weight: float = 0.1
    match_weight: float = 1.0

    def build(self, signature: Signature) -> "IstlGan":
        """The module for an image, a spectrum and these classes."""
        return IstlGan(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """Image and spectrum, with GCSNet's sizes and classes."""
        known = super().example(small=small)
        return known.replace(inputs={name: known.inputs[name] for name in BOTH})


class IstlGan(nn.Module):
    """Batch with image and spectrum -> Output with logits (B, K), also where one is missing."""

    def __init__(self, config: IstlGanConfig, signature: Signature) -> None:
        super().__init__()
        self.names, self.encoders = _encoders(config, signature)
        if self.names != BOTH:
            raise ConfigError(f"istl_gan takes {', '.join(BOTH)}; got {sorted(signature.inputs)}")
        self.config, width = config, config.width
        layers: list[nn.Module] = []
        for a, b in zip((width, *config.generator), (*config.generator, width), strict=True):
            layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
        self.generator = nn.Sequential(*layers[:-1])
        self.discriminator = nn.Sequential(
            nn.Linear(width, config.discriminator),
            nn.LeakyReLU(0.2),
            nn.Linear(config.discriminator, 1),
        )
        self.head = nn.Linear(2 * width, signature.outputs)

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row."""
        image, real = (self.encoders[name](batch.inputs[name])[:, 0] for name in self.names)
        seen, measured = (batch.inputs[name].present[:, None] for name in self.names)
        imagined = torch.where(seen, self.generator(image), real.new_zeros(()))  # (B, E)
        spectral = imagined
        if self.config.spectral == "real_if_present":
            spectral = torch.where(measured, real, imagined)
        by_image = torch.cat([image, imagined], dim=1)
        x = torch.cat([image, spectral], dim=1)
        return Output(
            logits=self.head(x),
            branches={"image": self.head(by_image)},
            losses=self._losses(real, imagined, seen & measured) if self.training else {},
            embedding=x,
            tokens={"image": image[:, None], "spectrum": spectral[:, None]} if explain else {},
        )

    def _losses(self, real: Tensor, imagined: Tensor, both: Tensor) -> dict[str, Tensor]:
        """The three terms, means over the rows with both modalities `both` (B, 1)."""
        count = both.sum().clamp_min(1)

        def over_both(x: Tensor) -> Tensor:
            return torch.where(both, x, x.new_zeros(())).sum() / count

        judge, real = self.discriminator, real.detach()
        constants = {name: value.detach() for name, value in judge.named_parameters()}
        one, zero = (
            torch.ones_like(both, dtype=real.dtype),
            torch.zeros_like(both, dtype=real.dtype),
        )
        entropy = binary_cross_entropy_with_logits
        right = entropy(judge(real), one, reduction="none")
        wrong = entropy(judge(imagined.detach()), zero, reduction="none")
        fooled = entropy(functional_call(judge, constants, (imagined,)), one, reduction="none")
        distance = (imagined - real).abs().mean(dim=1, keepdim=True)
        return {
            "discriminator": over_both(right + wrong),
            "adversarial": self.config.adversarial_weight * over_both(fooled),
            "match": self.config.match_weight * over_both(distance),
        }


def _encoders(
    config: IstlConfig | IstlGanConfig, signature: Signature
) -> tuple[tuple[str, ...], nn.ModuleDict]:
    """Names of the inputs, image first, and their encoders."""
    unknown = set(signature.inputs) - set(BOTH)
    if unknown or not signature.inputs:
        raise ConfigError(f"{config.kind} takes {', '.join(BOTH)}; got {sorted(signature.inputs)}")
    names = tuple(name for name in BOTH if name in signature.inputs)
    parts = {name: getattr(config, name) for name in names}
    return names, nn.ModuleDict(
        {name: part.build(signature.inputs[name]) for name, part in parts.items()}
    )


_SMALL_IMAGE = ResidualImageConfig(channels=(8, 16, 32), blocks=1, width=32)
_SMALL_SPECTRUM = ResidualSpectrumConfig(channels=(8, 16, 32), blocks=1, width=32)


@register("model", paper=PAPER)
def istl() -> IstlConfig:
    """ISTL's spectrum branch and classifier: a 1-D residual network."""
    return IstlConfig()


@register("model", paper=PAPER)
def istl_small() -> IstlConfig:
    """ISTL at a quarter of the width with single blocks, for tests and quick looks."""
    return IstlConfig(width=32, image=_SMALL_IMAGE, spectrum=_SMALL_SPECTRUM)


@register("model", paper=PAPER)
def mb_istl() -> IstlConfig:
    """MB-ISTL: ResNet-18 and a 1-D ResNet, weighted at decision level."""
    return IstlConfig(inputs=BOTH)


@register("model", paper=PAPER)
def mb_istl_small() -> IstlConfig:
    """MB-ISTL at a quarter of the width with single blocks, for tests and quick looks."""
    return istl_small().replace(inputs=BOTH)


@register("model", paper=PAPER)
def mb_istl_gan() -> IstlGanConfig:
    """MB-ISTL whose image imagines the spectrum's features, so that the spectrum may be missing."""
    return IstlGanConfig()


@register("model", paper=PAPER)
def mb_istl_gan_small() -> IstlGanConfig:
    """MB-ISTL with its generator, at a quarter of the width, for tests and quick looks."""
    return IstlGanConfig(
        width=32,
        image=_SMALL_IMAGE,
        spectrum=_SMALL_SPECTRUM,
        generator=(64, 48),
        discriminator=16,
    )
