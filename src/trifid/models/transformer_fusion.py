"""TransformerFusion: image and spectrum tokens in one sequence through a Transformer encoder.

    image (C, H, W) -> conv_image    -> 16 tokens + modality + position --+
    spectrum (L,)   -> conv_spectrum -> 16 tokens + modality + position --+-- [CLS, ...] 33 tokens
                                                                              |
                                 K classes <- linear <- CLS <- 4 pre-norm layers, 8 heads, 512

Paper: Gao et al. 2023, PASP 135, on pairs of spectrum and image, as GCSNet describes it. Shapes,
with parameters in brackets:

    image     (B, 3, 300, 300) -> (B, 16, 128)                                            [110,208]
    spectrum  (B, 3843) -> (B, 16, 128)                                                    [56,320]
    sequence  (B, 33, 128) -> four layers -> (B, 33, 128)                                 [793,344]
    embeddings, CLS, classifier for 4 classes                                               [4,996]
    total                                                                                 [964,868]

Differs from the paper:
- Only its title and abstract are at hand: encoders (GCSNet's), widths and depth are our reading.
- A table may join as 16 more tokens (`mlp_table`); the paper has none.
- Absent tokens are never attended to; a row without anything is answered from CLS alone.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from trifid.encoders.base import EncoderPart
from trifid.encoders.conv_image import ConvImageConfig
from trifid.encoders.conv_spectrum import ConvSpectrumConfig
from trifid.encoders.mlp_table import MlpTableConfig
from trifid.errors import ConfigError
from trifid.models.base import ModelConfig
from trifid.nn.transformer import Transformer
from trifid.registry import register
from trifid.schema.batch import Batch, Output
from trifid.schema.signature import Signature

PAPER = "TransformerFusion, Gao et al. 2023, PASP 135"
ORDER = ("image", "spectrum", "table")


class TransformerFusionConfig(ModelConfig):
    """Encoders and the Transformer's sizes."""

    kind: Literal["transformer_fusion"] = "transformer_fusion"
    width: int = 128
    image: EncoderPart = ConvImageConfig()
    spectrum: EncoderPart = ConvSpectrumConfig()
    table: EncoderPart = MlpTableConfig(use_valid=True)
    layers: int = 4
    heads: int = 8
    hidden: int = 512
    dropout: float = 0.1

    def build(self, signature: Signature) -> "TransformerFusion":
        """The module for these inputs and classes or targets."""
        return TransformerFusion(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """The paper's image and spectrum."""
        known = super().example(small=small)
        inputs = {name: known.inputs[name] for name in ("image", "spectrum")}
        return known.replace(inputs=inputs)


class TransformerFusion(nn.Module):
    """Batch with any of image, spectrum, table -> Output with logits (B, K) or means (B, D)."""

    def __init__(self, config: TransformerFusionConfig, signature: Signature) -> None:
        super().__init__()
        unknown = set(signature.inputs) - set(ORDER)
        if unknown or not signature.inputs:
            raise ConfigError(
                f"transformer_fusion takes {', '.join(ORDER)}; got {sorted(signature.inputs)}"
            )
        self.classifies, width = bool(signature.classes), config.width
        self.names = tuple(name for name in ORDER if name in signature.inputs)
        parts = {name: getattr(config, name) for name in self.names}
        self.encoders = nn.ModuleDict(
            {name: part.build(signature.inputs[name]) for name, part in parts.items()}
        )
        self.modality = nn.Parameter(torch.randn(len(self.names), width) * 0.02)
        self.position = nn.ParameterDict(
            {name: torch.randn(part.tokens, width) * 0.02 for name, part in parts.items()}
        )
        self.cls = nn.Parameter(torch.randn(width) * 0.02)
        self.transformer = Transformer(
            width, config.heads, config.layers, config.hidden, config.dropout
        )
        self.head = nn.Linear(width, signature.outputs)

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row, or its numbers."""
        tokens = {name: self.encoders[name](batch.inputs[name]) for name in self.names}
        sequence, present = self._sequence(tokens, batch)
        fused = self.transformer(sequence, present)
        answer = self.head(fused[:, 0])
        weights = self.transformer.weights(sequence, present) if explain else []
        return Output(
            logits=answer if self.classifies else None,
            mean=None if self.classifies else answer,
            embedding=fused[:, 0],
            tokens=tokens if explain else {},
            attention={f"layer{i}": weight for i, weight in enumerate(weights)},
        )

    def _sequence(self, tokens: dict[str, Tensor], batch: Batch) -> tuple[Tensor, Tensor]:
        """[CLS, tokens + modality + position] (B, 1 + T, E), and which of them are there."""
        sequence = [self.cls.expand(len(batch), 1, -1)]
        present = [torch.ones_like(batch.present[:, :1])]
        for i, (name, x) in enumerate(tokens.items()):
            sequence.append(x + self.modality[i] + self.position[name])
            present.append(batch.inputs[name].present[:, None].expand(-1, x.shape[1]))
        return torch.cat(sequence, dim=1), torch.cat(present, dim=1)


@register("model", paper=PAPER)
def transformer_fusion() -> TransformerFusionConfig:
    """Image and spectrum tokens through a joint Transformer encoder."""
    return TransformerFusionConfig()


@register("model", paper=PAPER)
def transformer_fusion_small() -> TransformerFusionConfig:
    """TransformerFusion at a quarter of the width and four tokens a modality."""
    return TransformerFusionConfig(
        width=32,
        image=ConvImageConfig(channels=(8, 16, 32), width=32, grid=2),
        spectrum=ConvSpectrumConfig(channels=(8, 16, 32), tokens_out=4),
        table=MlpTableConfig(hidden=16, tokens_out=4, width=32, use_valid=True),
        layers=2,
        heads=4,
        hidden=64,
    )
