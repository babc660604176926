"""Autoencoder: each modality to a short code and back; classes from the codes; anomaly scores.

    image     -> conv_image    --+                       +--> decoder -> image
    spectrum  -> conv_spectrum --+-> code_m (B, width) --+--> decoder -> spectrum
    table     -> mlp_table     --+          |            +--> decoder -> table
                                            |
                       mean over present modalities -> linear -> K classes or D numbers

Shapes at full size, with parameters in brackets:

    image     (B, 3, 300, 300) -> 16 tokens -> code (B, 32)                               [175,776]
    spectrum  (B, 3843) -> 16 tokens -> code (B, 32)                                      [121,888]
    table     (B, 4) -> 16 tokens -> code (B, 32)                                         [207,520]
    decoders  4 x 4 -> 12 -> 35 -> 102 -> 300 pixels; 16 -> 63 -> 248 -> 976 -> 3843

One of the six families of the review arXiv 2603.00699, from no single paper. It serves three ends:
pre-training (the encoders are GCSNet's, so their weights fit there), a code for each object, and
anomalies: `Output.anomaly`, or `anomaly_score(model, batches)`, is large where an object is
rebuilt worse than others are.

- The error of a row is the mean smooth L1 distance over pixels or cells with data; its training
  loss is the mean over present rows, one term a modality (`Output.losses`).
- The score is the mean over present modalities of (log error - mean) / sd, with running mean and
  sd of training rows, so that modalities count alike; a row without any scores 0.
"""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss

from trifid.encoders.base import EncoderPart
from trifid.encoders.conv_image import ConvImageConfig
from trifid.encoders.conv_spectrum import ConvSpectrumConfig
from trifid.encoders.mlp_table import MlpTableConfig
from trifid.errors import ConfigError
from trifid.models.base import ModelConfig
from trifid.nn.decoder import TableDecoder, decoder
from trifid.nn.pooling import masked_mean
from trifid.registry import register
from trifid.schema.batch import Batch, Image, Input, Output, Spectrum, Table
from trifid.schema.signature import Signature

ORDER = ("image", "spectrum", "table")
MOMENTUM = 0.05  # of the running mean and variance of the log errors


class AutoencoderConfig(ModelConfig):
    """Encoders, code and decoders.

    Attributes:
        width: Of the encoders' tokens.
        code: Numbers in the code of a modality.
        channels: Of the decoders, from coarse to fine.
        reconstruction_weight: Of each modality's term in the loss.
    """

    kind: Literal["autoencoder"] = "autoencoder"
    width: int = 128
    code: int = 32
    image: EncoderPart = ConvImageConfig()
    spectrum: EncoderPart = ConvSpectrumConfig()
    table: EncoderPart = MlpTableConfig(use_valid=True)
    channels: tuple[int, ...] = (64, 32, 32, 16)
    reconstruction_weight: float = 1.0

    def build(self, signature: Signature) -> "Autoencoder":
        """The module for these inputs and classes or targets."""
        return Autoencoder(self, signature)


class Autoencoder(nn.Module):
    """Batch with any of image, spectrum, table -> Output with an answer and anomaly scores."""

    log_mean: Tensor  # (M,)
    log_variance: Tensor  # (M,)

    def __init__(self, config: AutoencoderConfig, signature: Signature) -> None:
        super().__init__()
        unknown = set(signature.inputs) - set(ORDER)
        if unknown or not signature.inputs:
            raise ConfigError(
                f"autoencoder takes {', '.join(ORDER)}; got {sorted(signature.inputs)}"
            )
        self.weight, self.classifies = config.reconstruction_weight, bool(signature.classes)
        self.names = tuple(name for name in ORDER if name in signature.inputs)
        shapes, parts = signature.inputs, {name: getattr(config, name) for name in self.names}
        self.encoders = nn.ModuleDict({n: part.build(shapes[n]) for n, part in parts.items()})
        self.codes = nn.ModuleDict(
            {n: nn.Linear(part.tokens * config.width, config.code) for n, part in parts.items()}
        )
        self.decoders = nn.ModuleDict(
            {
                name: TableDecoder(config.code, shapes[name][0], config.width)
                if name == "table"
                else decoder(config.code, shapes[name], config.channels)
                for name in self.names
            }
        )
        self.head = nn.Linear(config.code, signature.outputs)
        self.register_buffer("log_mean", torch.zeros(len(self.names)))
        self.register_buffer("log_variance", torch.ones(len(self.names)))

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row, or its numbers, and how strange it is."""
        present = torch.stack([batch.inputs[n].present for n in self.names], dim=1)  # (B, M)
        tokens = {name: self.encoders[name](batch.inputs[name]) for name in self.names}
        codes = {name: self.codes[name](x.flatten(1)) for name, x in tokens.items()}
        errors = torch.stack(
            [_error(batch.inputs[n], self.decoders[n](code)) for n, code in codes.items()], dim=1
        )  # (B, M)
        losses: dict[str, Tensor] = {}
        if self.training:
            losses = self._losses(errors, present)
            self._remember(errors.detach(), present)
        embedding = masked_mean(torch.stack(list(codes.values()), dim=1), present)
        answer = self.head(embedding)
        return Output(
            logits=answer if self.classifies else None,
            mean=None if self.classifies else answer,
            losses=losses,
            embedding=embedding,
            tokens=tokens if explain else {},
            anomaly=self._strangeness(errors, present),
        )

    def reconstruction(self, batch: Batch) -> dict[str, Tensor]:
        """What each modality becomes through its code, name to (B, *shape)."""
        return {
            name: self.decoders[name](
                self.codes[name](self.encoders[name](batch.inputs[name]).flatten(1))
            )
            for name in self.names
        }

    def _losses(self, errors: Tensor, present: Tensor) -> dict[str, Tensor]:
        means = masked_mean(errors.T, present.T)  # (M,)
        return {f"reconstruction_{n}": self.weight * means[i] for i, n in enumerate(self.names)}

    def _strangeness(self, errors: Tensor, present: Tensor) -> Tensor:
        score = (_log(errors) - self.log_mean) * torch.rsqrt(self.log_variance + 1e-6)
        return masked_mean(score, present)

    @torch.no_grad()
    def _remember(self, errors: Tensor, present: Tensor) -> None:
        """Moves the running mean and variance of the log errors towards those of this batch."""
        logs = torch.where(present, _log(errors), 0.0)
        enough = present.sum(dim=0) >= 2
        mean = masked_mean(logs.T, present.T)
        variance = masked_mean((logs - mean).square().T, present.T)
        step = MOMENTUM * enough.to(mean.dtype)
        self.log_mean += step * (mean - self.log_mean)
        self.log_variance += step * (variance - self.log_variance)


def anomaly_score(model: Autoencoder, batches: Iterable[Batch]) -> Tensor:
    """The anomaly scores (N,) of all rows of some transformed batches; larger is stranger."""
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        found = [model(batch).anomaly for batch in batches]
    model.train(was_training)
    return torch.cat(found)


def _error(value: Input, rebuilt: Tensor) -> Tensor:
    """Mean smooth L1 distance (B,) over the pixels or cells with data."""
    if isinstance(value, Spectrum):
        content, known = value.flux, value.ivar > 0
    elif isinstance(value, Table):
        content, known = value.values, value.valid
    elif isinstance(value, Image):
        content, known = value.flux.flatten(1), torch.ones_like(value.flux.flatten(1)).bool()
    else:
        raise ConfigError("autoencoder takes images, spectra and tables")
    known = known & value.present[:, None]
    distance = smooth_l1_loss(rebuilt.flatten(1), content, reduction="none")
    return masked_mean(distance, known)


def _log(errors: Tensor) -> Tensor:
    return (errors + 1e-6).log()


@register("model")
def autoencoder() -> AutoencoderConfig:
    """An autoencoder a modality, with classes from the codes and anomaly scores."""
    return AutoencoderConfig()


@register("model")
def autoencoder_small() -> AutoencoderConfig:
    """The autoencoder at a quarter of the width with codes of eight, for tests and quick looks."""
    return AutoencoderConfig(
        width=32,
        code=8,
        image=ConvImageConfig(channels=(8, 16, 32), width=32, grid=2),
        spectrum=ConvSpectrumConfig(channels=(8, 16, 32), tokens_out=8),
        table=MlpTableConfig(hidden=16, tokens_out=4, width=32, use_valid=True),
        channels=(16, 16, 8),
    )
