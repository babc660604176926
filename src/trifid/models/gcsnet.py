"""GCSNet: four galaxy classes from image, spectrum and catalogue row.

    image (3, H, W) -> conv_image    -> 16 tokens --+
    spectrum (L,)   -> conv_spectrum -> 16 tokens --+-- concat --> self-attention, residual,
    table (F,)      -> mlp_table     -> 16 tokens --+   48         LayerNorm, pool to 16
                                          |                                |
                                          +------- concat, 64 tokens ------+
                                                        |
                                     flatten to 8192 -> cosine head -> K classes
                                                     -> linear      -> AGN or not (training only)

Paper: GCSNet (preprints.org 202604.1739). Shapes at full size, parameters in brackets:

    image     (B, 3, 300, 300) -> (32, 150) -> (64, 75) -> (128, 75) -> (B, 16, 128)   [110,208]
    spectrum  (B, 3843) -> (32, 1922) -> (64, 961) -> (128, 961) -> (B, 16, 128)        [56,320]
    table     (B, 4) -> 64 -> 64 -> 2048 -> (B, 16, 128)                               [141,696]
    fusion    (B, 48, 128) -> (B, 16, 128)                                              [66,304]
    heads     (B, 8192) -> 4 classes, scale [32,769]; AGN or not                         [8,193]
    total                                                                              [415,490]

Differs from the paper:
- Any modality may be missing: its tokens are zero, are not attended to, and do not count in the
  pooling. With all present the network is the paper's.
- The paper's "three convolution modules" and "two-stage downsampling" are read as max-pooling
  after the first two; kernel 3 and the table's 4-64-64-2048 are our reading.
- The auxiliary AGN head appears only in the paper's introduction of section 3; its weight in the
  loss (0.3) is ours, and it is off where the task has no class of that name.
- With a single modality the head sees the 16 fused tokens only (the paper does not say).
- `token_norm` (off in `gcsnet_paper`) puts a LayerNorm on the tokens of each modality. Without it
  the cosine head, which normalises the whole vector, listens most to the longest tokens: those of a
  table begin twice as long as those of a spectrum or an image (32 against 17 and 14).
- `branches` (off in `gcsnet_paper`) gives each modality a head of its own on its tokens, trained
  beside the fused one. In use, with n of M modalities, the answer is (n - 1) / (M - 1) of the fused
  probability, the rest the mean of the branches': all give the fused answer, one its branch's.
- `modality_embedding` (off: the paper has none) adds a learned vector to each modality's tokens.
- Preprocessing is in the recipe, not here; `recipes/galaxy4.py` lists where it differs.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from trifid.encoders.base import EncoderPart
from trifid.encoders.conv_image import ConvImageConfig
from trifid.encoders.conv_spectrum import ConvSpectrumConfig
from trifid.encoders.mlp_table import MlpTableConfig
from trifid.errors import ConfigError
from trifid.fusion.base import FusionPart
from trifid.fusion.decision import fuse_decisions, mixture
from trifid.fusion.self_attention import SelfAttentionFusionConfig
from trifid.heads.base import HeadPart
from trifid.heads.classification import CosineHeadConfig
from trifid.models.base import ModelConfig
from trifid.registry import register
from trifid.schema.batch import Batch, Output
from trifid.schema.signature import Signature

PAPER = "GCSNet, preprints.org 202604.1739"
ORDER = ("spectrum", "image", "table")  # of the tokens, as in the paper's F_final


class GCSNetConfig(ModelConfig):
    """Parts and switches of GCSNet; the paper's by default."""

    kind: Literal["gcsnet"] = "gcsnet"
    width: int = 128
    image: EncoderPart = ConvImageConfig()
    spectrum: EncoderPart = ConvSpectrumConfig()
    table: EncoderPart = MlpTableConfig()
    fusion: FusionPart = SelfAttentionFusionConfig()
    head: HeadPart = CosineHeadConfig()
    skip: bool = True
    token_norm: bool = False
    modality_embedding: bool = False
    branches: bool = False
    auxiliary: str = "AGN"

    def build(self, signature: Signature) -> "GCSNet":
        """The module for these inputs and classes."""
        return GCSNet(self, signature)


class GCSNet(nn.Module):
    """Batch with any of spectrum, image, table -> Output with logits (B, K)."""

    def __init__(self, config: GCSNetConfig, signature: Signature) -> None:
        super().__init__()
        unknown = set(signature.inputs) - set(ORDER)
        if unknown or not signature.inputs:
            raise ConfigError(f"gcsnet takes {', '.join(ORDER)}; got {sorted(signature.inputs)}")
        self.names = tuple(name for name in ORDER if name in signature.inputs)
        parts = {name: getattr(config, name) for name in self.names}
        self.encoders = nn.ModuleDict(
            {name: part.build(signature.inputs[name]) for name, part in parts.items()}
        )
        norm = nn.LayerNorm if config.token_norm else nn.Identity
        self.norms = nn.ModuleDict({name: norm(config.width) for name in self.names})
        many = len(self.names) > 1
        self.kinds = (
            nn.Parameter(torch.randn(len(self.names), config.width) * 0.02)
            if config.modality_embedding and many
            else None
        )
        self.fusion = config.fusion.build(config.width)
        self.skip = config.skip and many
        tokens = config.fusion.tokens_out
        if self.skip:
            tokens += sum(part.tokens for part in parts.values())
        self.head = config.head.build(tokens * config.width, signature.outputs)
        self.branches = nn.ModuleDict(
            {
                name: config.head.build(part.tokens * config.width, signature.outputs)
                for name, part in parts.items()
                if config.branches and many
            }
        )
        self.member = config.auxiliary if config.auxiliary in signature.classes else ""
        self.auxiliary = nn.Linear(tokens * config.width, 1) if self.member else None

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row; with `explain` the tokens and attention weights too."""
        tokens = {name: self._tokens(name, batch) for name in self.names}
        present = torch.cat(
            [batch.inputs[n].present[:, None].expand(-1, t.shape[1]) for n, t in tokens.items()],
            dim=1,
        )  # (B, T)
        sequence = torch.cat(list(tokens.values()), dim=1)  # (B, T, E)
        fused = self.fusion(sequence, present)  # (B, N, E)
        final = torch.cat([sequence, fused], dim=1) if self.skip else fused
        x = final.flatten(1)  # (B, (T + N) * E)
        branches = {n: head(tokens[n].flatten(1)) for n, head in self.branches.items()}
        return Output(
            logits=self._together(self.head(x), branches, batch),
            auxiliary=self._auxiliary(x),
            branches=branches,
            embedding=x,
            tokens=tokens if explain else {},
            attention={"fusion": self.fusion.weights(sequence, present)} if explain else {},
        )

    def _tokens(self, name: str, batch: Batch) -> Tensor:
        """Tokens of one modality (B, T, E), normalised; zero for absent rows."""
        tokens = self.norms[name](self.encoders[name](batch.inputs[name]))
        if self.kinds is not None:
            tokens = tokens + self.kinds[self.names.index(name)]
        present = batch.inputs[name].present[:, None, None]
        return torch.where(present, tokens, tokens.new_zeros(()))

    def _together(self, fused: Tensor, branches: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """The fused logits; in use with branches the more of theirs the fewer modalities are."""
        if self.training or not branches:
            return fused
        present = torch.stack([batch.inputs[name].present for name in self.names], dim=1)
        alone, _ = fuse_decisions("mean", torch.stack(list(branches.values()), dim=1), present)
        share = (present.sum(dim=1) - 1).clamp_min(0) / (len(self.names) - 1)  # (B,)
        both = log_softmax(torch.stack([fused, alone], dim=1), dim=2)  # (B, 2, K)
        return mixture(both, torch.stack([share, 1 - share], dim=1))

    def _auxiliary(self, x: Tensor) -> Mapping[str, Tensor]:
        return {} if self.auxiliary is None else {self.member: self.auxiliary(x).squeeze(1)}


@register("model", paper=PAPER)
def gcsnet_paper() -> GCSNetConfig:
    """GCSNet as published: 415,490 parameters with image, spectrum and four table features."""
    return GCSNetConfig()


@register("model", paper=PAPER)
def gcsnet_fixed() -> GCSNetConfig:
    """GCSNet with normalised tokens and the validity of table cells; for the repaired recipe."""
    return GCSNetConfig(table=MlpTableConfig(use_valid=True), token_norm=True)


@register("model", paper=PAPER)
def gcsnet_branches() -> GCSNetConfig:
    """The repaired GCSNet with a head for each modality, for rows that miss some."""
    return gcsnet_fixed().replace(branches=True)


@register("model", paper=PAPER)
def gcsnet_small() -> GCSNetConfig:
    """GCSNet at a quarter of the width and four tokens a modality, for tests and quick looks."""
    return GCSNetConfig(
        width=32,
        image=ConvImageConfig(channels=(8, 16, 32), width=32, grid=2),
        spectrum=ConvSpectrumConfig(channels=(8, 16, 32), tokens_out=4),
        table=MlpTableConfig(hidden=16, tokens_out=4, width=32),
        fusion=SelfAttentionFusionConfig(tokens_out=4),
    )
