"""Sequence networks: a BiGRU or a Transformer over light curves and over chunks of spectra.

    series    flux, error, time since last, band of each point -> BiGRU -----+
    spectrum  chunks of 48 pixels -> linear, ReLU -> BiGRU ------------------+-> concat -> linear
                                                                                             |
                                     K classes or D numbers <---------------------------------+

Two of the six families of the review arXiv 2603.00699, from no single paper. Points and chunks
without data are skipped, so the length of a light curve does not matter. Shapes, with parameters in
brackets:

    bigru         spectrum (B, 3843) -> 80 chunks -> (B, 1, 128)                           [53,056]
    bigru_series  series (B, 200), six bands -> (B, 1, 128)                                [50,560]
    sequence_transformer         spectrum -> 80 patches -> 16 tokens (B, 16, 128)
    sequence_transformer_series  series -> (B, 1, 128)

The Transformers give the mean of their tokens to the classifier.
"""

from typing import Literal

import torch
from torch import nn

from trifid.encoders.base import EncoderPart
from trifid.encoders.recurrent_series import RecurrentSeriesConfig
from trifid.encoders.recurrent_spectrum import RecurrentSpectrumConfig
from trifid.encoders.transformer_series import TransformerSeriesConfig
from trifid.encoders.transformer_spectrum import TransformerSpectrumConfig
from trifid.errors import ConfigError
from trifid.models.base import ModelConfig
from trifid.registry import register
from trifid.schema.batch import Batch, Output
from trifid.schema.signature import Signature

ORDER = ("series", "spectrum")


class SequenceConfig(ModelConfig):
    """An encoder for each kind of sequence; `inputs` are those it is shown with."""

    kind: Literal["sequence"] = "sequence"
    width: int = 128
    series: EncoderPart = RecurrentSeriesConfig()
    spectrum: EncoderPart = RecurrentSpectrumConfig()
    dropout: float = 0.1
    inputs: tuple[Literal["series", "spectrum"], ...] = ("spectrum",)

    def build(self, signature: Signature) -> "SequenceNetwork":
        """The module for these sequences and classes or targets."""
        return SequenceNetwork(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """A spectrum of 3843 pixels, a light curve of 200 points, or both."""
        shapes = {"series": (30 if small else 200,), "spectrum": (400 if small else 3843,)}
        inputs = {name: shapes[name] for name in self.inputs}
        return super().example(small=small).replace(inputs=inputs)


class SequenceNetwork(nn.Module):
    """Batch with light curve, spectrum or both -> Output with logits (B, K) or means (B, D)."""

    def __init__(self, config: SequenceConfig, signature: Signature) -> None:
        super().__init__()
        unknown = set(signature.inputs) - set(ORDER)
        if unknown or not signature.inputs:
            raise ConfigError(f"sequence takes {', '.join(ORDER)}; got {sorted(signature.inputs)}")
        self.classifies = bool(signature.classes)
        self.names = tuple(name for name in ORDER if name in signature.inputs)
        parts = {name: getattr(config, name) for name in self.names}
        self.encoders = nn.ModuleDict(
            {name: part.build(signature.inputs[name]) for name, part in parts.items()}
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(len(self.names) * config.width, signature.outputs)

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row, or its numbers."""
        tokens = {name: self.encoders[name](batch.inputs[name]) for name in self.names}
        x = torch.cat([part.mean(dim=1) for part in tokens.values()], dim=1)
        answer = self.head(self.dropout(x))
        return Output(
            logits=answer if self.classifies else None,
            mean=None if self.classifies else answer,
            embedding=x,
            tokens=tokens if explain else {},
        )


@register("model")
def bigru() -> SequenceConfig:
    """A bidirectional GRU over chunks of a spectrum."""
    return SequenceConfig()


@register("model")
def bigru_series() -> SequenceConfig:
    """A bidirectional GRU over a light curve of any length."""
    return SequenceConfig(inputs=("series",))


@register("model")
def sequence_transformer() -> SequenceConfig:
    """A Transformer encoder over patches of a spectrum."""
    return SequenceConfig(spectrum=TransformerSpectrumConfig(), series=TransformerSeriesConfig())


@register("model")
def sequence_transformer_series() -> SequenceConfig:
    """A Transformer encoder over a light curve, its times as sines."""
    return sequence_transformer().replace(inputs=("series",))


@register("model")
def bigru_small() -> SequenceConfig:
    """BiGRUs of width 32 over a spectrum and a light curve, for tests and quick looks."""
    return SequenceConfig(
        width=32,
        series=RecurrentSeriesConfig(hidden=16, width=32),
        spectrum=RecurrentSpectrumConfig(hidden=16, width=32),
        inputs=ORDER,
    )


@register("model")
def sequence_transformer_small() -> SequenceConfig:
    """Transformers of width 32 over a spectrum and a light curve, for tests and quick looks."""
    return SequenceConfig(
        width=32,
        series=TransformerSeriesConfig(width=32, layers=1, hidden=64),
        spectrum=TransformerSpectrumConfig(width=32, layers=1, hidden=64, tokens_out=4),
        inputs=ORDER,
    )
