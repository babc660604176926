"""The four levels of fusion on the same encoders, by one switch.

    data      image, spectrum, table -> one long vector -> perceptron -> K

    feature   image    -> encoder -> vector --+
              spectrum -> encoder -> vector --+-> add, concat, gated, bilinear, attention -> K
              table    -> encoder -> vector --+

    decision  each vector -> K logits -> mean, weighted mean or product of probabilities

    hybrid    gate(x) * p_feature + (1 - gate(x)) * p_decision, the gate of each row learned

The levels are those of the review arXiv 2603.00699; methods cite their papers in `fusion/`. Shapes
at full size (GCSNet's encoders, width 128):

    image (B, 3, 300, 300), spectrum (B, 3843), table (B, 4) -> 16 tokens each -> mean, LayerNorm
    vectors (B, M, 128) -> fused (B, 128) -> K;  decision: (B, M, K) -> K
    data: image as 16 x 16 averages, spectrum as 512 averages, table with its validity, one bit a
          modality -> (B, 3 * 256 + 512 + 2 * 4 + 3) = (B, 1291) -> 256 -> 128 -> K

`Output.gates` holds the weight of each modality (B,) and, for hybrid, `feature_level` (B,);
`Output.branches` the answers of single modalities, which the loop trains by the task's own loss.

- The level of data cannot use encoders: raw numbers are joined first. Images and spectra are
  averaged down, for a perceptron on 274,000 raw numbers would be 70 million parameters.
- Numbers (a regression) are averaged where classes average probabilities; they have no product.
- A series may take part at every level but that of data.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d, log_softmax

from trifid.encoders.base import EncoderPart
from trifid.encoders.conv_image import ConvImageConfig
from trifid.encoders.conv_spectrum import ConvSpectrumConfig
from trifid.encoders.mlp_table import MlpTableConfig
from trifid.encoders.recurrent_series import RecurrentSeriesConfig
from trifid.errors import ConfigError
from trifid.fusion.decision import DecisionMethod, decision_weights, fuse_decisions, mixture
from trifid.fusion.feature import FeatureMethod, feature_fusion
from trifid.models.base import ModelConfig
from trifid.registry import register
from trifid.schema.batch import Batch, Image, Output, Spectrum, Table
from trifid.schema.signature import Signature

ORDER = ("image", "spectrum", "table", "series")
IMAGE_CELLS, SPECTRUM_CELLS = 16, 512
Level = Literal["data", "feature", "decision", "hybrid"]


class FusionLevelsConfig(ModelConfig):
    """The level, the method within it, and encoders that are the same for all levels."""

    kind: Literal["fusion_levels"] = "fusion_levels"
    level: Level = "feature"
    feature: FeatureMethod = "gated"
    decision: DecisionMethod = "weighted"
    width: int = 128
    image: EncoderPart = ConvImageConfig()
    spectrum: EncoderPart = ConvSpectrumConfig()
    table: EncoderPart = MlpTableConfig(use_valid=True)
    series: EncoderPart = RecurrentSeriesConfig()

    def build(self, signature: Signature) -> "FusionLevels":
        """The module for these inputs and classes or targets."""
        return FusionLevels(self, signature)


class Answer(NamedTuple):
    """What a level says."""

    answer: Tensor  # (B, K)
    embedding: Tensor  # (B, E)
    gates: dict[str, Tensor]
    branches: dict[str, Tensor]


class FusionLevels(nn.Module):
    """Batch with any of image, spectrum, table, series -> Output with logits or means."""

    def __init__(self, config: FusionLevelsConfig, signature: Signature) -> None:
        super().__init__()
        unknown = set(signature.inputs) - set(ORDER)
        if unknown or not signature.inputs:
            raise ConfigError(
                f"fusion_levels takes {', '.join(ORDER)}; got {sorted(signature.inputs)}"
            )
        self.names = tuple(name for name in ORDER if name in signature.inputs)
        self.classifies = bool(signature.classes)
        parts = {} if config.level == "data" else {n: getattr(config, n) for n in self.names}
        self.encoders = nn.ModuleDict(
            {name: part.build(signature.inputs[name]) for name, part in parts.items()}
        )
        self.norms = nn.ModuleDict({name: nn.LayerNorm(config.width) for name in parts})
        if config.level == "data":
            self.level = DataLevel(config, self.names, signature)
        elif config.level == "feature":
            self.level = FeatureLevel(config, self.names, signature)
        elif config.level == "decision":
            self.level = DecisionLevel(config, self.names, signature)
        else:
            self.level = HybridLevel(config, self.names, signature)

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row, or its numbers."""
        present = torch.stack([batch.inputs[n].present for n in self.names], dim=1)  # (B, M)
        tokens = {n: encoder(batch.inputs[n]) for n, encoder in self.encoders.items()}
        if isinstance(self.level, DataLevel):
            found = self.level(batch, present)
        else:
            means = [self.norms[n](x.mean(dim=1)) for n, x in tokens.items()]
            vectors = torch.stack(means, dim=1)  # (B, M, E)
            vectors = torch.where(present[..., None], vectors, vectors.new_zeros(()))
            found = self.level(vectors, present)
        return Output(
            logits=found.answer if self.classifies else None,
            mean=None if self.classifies else found.answer,
            embedding=found.embedding,
            tokens=tokens if explain else {},
            gates=found.gates,
            branches=found.branches,
        )


class DataLevel(nn.Module):
    """All inputs end to end through one perceptron."""

    def __init__(
        self, config: FusionLevelsConfig, names: tuple[str, ...], signature: Signature
    ) -> None:
        super().__init__()
        self.names = names
        sizes = [_raw_size(name, signature.inputs[name]) for name in names]
        hidden, width = 2 * config.width, config.width
        self.layers = nn.Sequential(
            nn.Linear(sum(sizes) + len(names), hidden),
            nn.ReLU(),
            nn.Linear(hidden, width),
            nn.ReLU(),
        )
        self.head = nn.Linear(width, signature.outputs)

    def forward(self, batch: Batch, present: Tensor) -> Answer:
        """From the raw inputs and which of them are there."""
        raw = [_raw(batch.inputs[name]) for name in self.names]
        x = self.layers(torch.cat([*raw, present.to(torch.float32)], dim=1))
        return Answer(self.head(x), x, {}, {})


class FeatureLevel(nn.Module):
    """One fused vector, one classifier."""

    def __init__(
        self, config: FusionLevelsConfig, names: tuple[str, ...], signature: Signature
    ) -> None:
        super().__init__()
        self.names = names
        self.fusion = feature_fusion(config.feature, len(names), config.width)
        self.head = nn.Linear(config.width, signature.outputs)

    def forward(self, vectors: Tensor, present: Tensor) -> Answer:
        """From one vector a modality (B, M, E)."""
        fused, weights = self.fusion(vectors, present)
        return Answer(self.head(fused), fused, _named(self.names, weights), {})


class DecisionLevel(nn.Module):
    """One classifier a modality, their answers averaged or multiplied."""

    def __init__(
        self, config: FusionLevelsConfig, names: tuple[str, ...], signature: Signature
    ) -> None:
        super().__init__()
        self.names = names
        self.method: DecisionMethod = config.decision
        self.classifies = bool(signature.classes)
        if config.decision == "product" and not self.classifies:
            raise ConfigError("decision = 'product' is for classes; use mean or weighted")
        self.heads = nn.ModuleList(nn.Linear(config.width, signature.outputs) for _ in names)
        learned = config.decision == "weighted" and len(names) > 1
        self.scores = nn.Parameter(torch.zeros(len(names))) if learned else None

    def forward(self, vectors: Tensor, present: Tensor) -> Answer:
        """From one vector a modality (B, M, E)."""
        each = torch.stack([head(vectors[:, m]) for m, head in enumerate(self.heads)], dim=1)
        if self.classifies:
            answer, weights = fuse_decisions(self.method, each, present, self.scores)
        else:
            weights = decision_weights(present, self.scores)
            answer = (each * weights[..., None]).sum(dim=1)
        branches = _named(self.names, each) if len(self.names) > 1 else {}
        return Answer(answer, vectors.flatten(1), _named(self.names, weights), branches)


class HybridLevel(nn.Module):
    """Feature and decision level, mixed by a gate that sees the fused vector."""

    def __init__(
        self, config: FusionLevelsConfig, names: tuple[str, ...], signature: Signature
    ) -> None:
        super().__init__()
        self.classifies = bool(signature.classes)
        self.feature = FeatureLevel(config, names, signature)
        self.decision = DecisionLevel(config, names, signature)
        self.gate = nn.Linear(config.width + len(names), 1)

    def forward(self, vectors: Tensor, present: Tensor) -> Answer:
        """From one vector a modality (B, M, E)."""
        feature, decision = self.feature(vectors, present), self.decision(vectors, present)
        seen = torch.cat([feature.embedding, present.to(vectors.dtype)], dim=1)
        share = torch.sigmoid(self.gate(seen))  # (B, 1)
        weights = torch.cat([share, 1 - share], dim=1)
        both = torch.stack([feature.answer, decision.answer], dim=1)  # (B, 2, K)
        if self.classifies:
            answer = mixture(log_softmax(both, dim=2), weights)
        else:
            answer = (both * weights[..., None]).sum(dim=1)
        gates = {**decision.gates, "feature_level": share[:, 0]}
        return Answer(answer, feature.embedding, gates, decision.branches)


def _raw_size(name: str, shape: tuple[int, ...]) -> int:
    if len(shape) == 3:
        return shape[0] * IMAGE_CELLS**2
    if name == "table":
        return 2 * shape[0]
    if name == "spectrum":
        return SPECTRUM_CELLS
    raise ConfigError(f"fusion_levels: {name!r} cannot be joined at the level of data")


def _raw(value: object) -> Tensor:
    """The numbers of an input as one vector a row."""
    if isinstance(value, Image):
        return adaptive_avg_pool2d(value.flux, IMAGE_CELLS).flatten(1)
    if isinstance(value, Spectrum):
        return adaptive_avg_pool1d(value.flux[:, None], SPECTRUM_CELLS)[:, 0]
    if isinstance(value, Table):
        return torch.cat([value.values, value.valid.to(value.values.dtype)], dim=1)
    raise ConfigError("fusion_levels joins images, spectra and tables at the level of data")


def _named(names: tuple[str, ...], values: Tensor) -> dict[str, Tensor]:
    return dict(zip(names, values.unbind(1), strict=True))


def _small(level: Level) -> FusionLevelsConfig:
    return FusionLevelsConfig(
        level=level,
        width=32,
        image=ConvImageConfig(channels=(8, 16, 32), width=32, grid=2),
        spectrum=ConvSpectrumConfig(channels=(8, 16, 32), tokens_out=4),
        table=MlpTableConfig(hidden=16, tokens_out=4, width=32, use_valid=True),
        series=RecurrentSeriesConfig(hidden=16, width=32),
    )


@register("model")
def fusion_data() -> FusionLevelsConfig:
    """Data-level fusion: all inputs end to end through a perceptron."""
    return FusionLevelsConfig(level="data")


@register("model")
def fusion_feature() -> FusionLevelsConfig:
    """Feature-level fusion, gated; `feature` = add, concat, bilinear or attention for others."""
    return FusionLevelsConfig(level="feature")


@register("model")
def fusion_decision() -> FusionLevelsConfig:
    """Decision-level fusion by learned weights; `decision` = mean or product for others."""
    return FusionLevelsConfig(level="decision")


@register("model")
def fusion_hybrid() -> FusionLevelsConfig:
    """Feature- and decision-level fusion mixed by a learned gate."""
    return FusionLevelsConfig(level="hybrid")


@register("model")
def fusion_data_small() -> FusionLevelsConfig:
    """Data-level fusion at a quarter of the width, for tests and quick looks."""
    return _small("data").replace(width=16)


@register("model")
def fusion_feature_small() -> FusionLevelsConfig:
    """Feature-level fusion at a quarter of the width, for tests and quick looks."""
    return _small("feature")


@register("model")
def fusion_decision_small() -> FusionLevelsConfig:
    """Decision-level fusion at a quarter of the width, for tests and quick looks."""
    return _small("decision")


@register("model")
def fusion_hybrid_small() -> FusionLevelsConfig:
    """Hybrid fusion at a quarter of the width, for tests and quick looks."""
    return _small("hybrid")
