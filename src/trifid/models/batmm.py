"""BATMM: blue horizontal branch stars from a five-band image and a spectrum.

    image (5, H, W) -> SE over bands -> ResNet-50 -> linear -> k tokens + Sem_I -------+
                                                                                       |
    spectrum (L,) -> attention among 7 segments -> VGG19-1D -> k tokens + Sem_S -------+
                                                                                       |
      +------------------------ [CLS, I_1..I_k, S_1..S_k] -----------------------------+
      |
      +-> 8 x { image tokens attend to spectrum tokens; all attend to all; FFN }
                  |
                 CLS -> LayerNorm -> linear -> K classes

Paper: BATMM, Wei, Jiang and Zhang 2023; encoders sections 4.1 and 4.2, fusion 4.3. Shapes at full
size, parameters in brackets:

    image     (B, 5, 64, 64) -> (2048, 2, 2) -> (B, 4, 512)                          [24,563,452]
    spectrum  (B, 3522) -> 7 x 503 -> (1, 3521) -> (64, 1760) -> (128, 880) -> (256, 440)
              -> (512, 220) -> (512, 110) -> (B, 4, 512)                              [6,747,968]
    fusion    (B, 9, 512), 8 blocks of 4,205,056 and a LayerNorm                     [33,641,472]
    CLS, Sem_I, Sem_S, classifier, two branch heads for two classes                       [4,614]
    total                                                                            [64,957,506]

Differs from the paper:
- Any modality may be missing: its tokens are attended to by nobody. With the image absent the
  answer is that of the same weights built without an image (the spectrum-only Transformer).
- Each of the three parts of a block has a residual connection and a LayerNorm before it; without
  a residual the image tokens would become mixtures of spectrum tokens alone (eq. 7 to 9).
- The last pixel of the spectrum is dropped (3522 = 7 * 503 + 1); the segment attention adds to the
  spectrum instead of replacing it; d_k = 64, the FFN's 2048 and dropout 0.1 are ours.
- BatchNorm in VGG19-1D, and He initialisation: from random weights the plain stack hardly learns.
- ResNet-50 starts from random weights unless `image.pretrained` is set; then the first convolution
  is averaged over colours and rescaled by 3/5.
- `stages = "two"`: in the first half of the epochs the encoders learn through heads of their own
  (`training.branch_weight` must be positive) and the fusion learns on tokens that pass no gradient
  back; then the encoders are frozen, and training keeps their tokens (`training/token_cache.py`).
  `end_to_end` trains all at once.
- `alignment` adds a contrastive loss between the mean tokens of an object's two modalities
  (InfoNCE, van den Oord et al. 2018); the paper has none.
"""

from collections.abc import Mapping
from typing import Literal, Self, cast

import torch
from torch import Tensor, nn

from trifid.encoders.base import EncoderPart
from trifid.encoders.batmm_image import BatmmImage, BatmmImageConfig
from trifid.encoders.batmm_spectrum import BatmmSpectrum, BatmmSpectrumConfig
from trifid.encoders.timm_backbone import (
    fetch_all,
    stage_of,
    train_top,
    width_of,
)
from trifid.encoders.vgg1d import VGG19
from trifid.errors import ConfigError
from trifid.models.base import ModelConfig
from trifid.nn.attention import CrossAttention, SelfAttention
from trifid.registry import register
from trifid.schema.batch import Batch, Image, Output, Spectrum, Tokens
from trifid.schema.signature import Signature

PAPER = "BATMM (Wei, Jiang and Zhang 2023), section 4"
ORDER = ("image", "spectrum")  # of the tokens, eq. 6
CLASSES = ("BHB", "OTHER")
SMALL_IMAGE = BatmmImageConfig(
    stem=8, blocks=(1, 1, 1), widths=(4, 8, 8), width=32
)  # for 32 pixels
SMALL_SPECTRUM = BatmmSpectrumConfig(attention_width=8, plan=((8, 1), (16, 1), (32, 2)))
QUARTER = tuple((channels // 4, count) for channels, count in VGG19)
Presence = Mapping[str, Tensor]


class BatmmConfig(ModelConfig):
    """Parts and switches of BATMM.

    Attributes:
        image: Encoder of the image; its `excitation` and `pretrained` are switches of their own.
        spectrum: Encoder of the spectrum; its `segments` = 1 switches the segment attention off.
        width: Width of the tokens.
        blocks: Blocks of the fusion.
        heads: Attention heads.
        hidden: Width inside the FFN.
        dropout: After each part of a block.
        semantic: Whether tokens carry an embedding of their modality (eq. 5).
        cross: Who attends to whom before the self-attention: nobody, image tokens to spectrum
            tokens (eq. 7), or each to the other.
        stages: Encoders first, then the fusion on frozen encoders; or everything at once.
        alignment: Weight of the contrastive loss; 0 = off.
    """

    kind: Literal["batmm"] = "batmm"
    image: EncoderPart = BatmmImageConfig()
    spectrum: EncoderPart = BatmmSpectrumConfig()
    width: int = 512
    blocks: int = 8
    heads: int = 8
    hidden: int = 2048
    dropout: float = 0.1
    semantic: bool = True
    cross: Literal["none", "image", "bidirectional"] = "image"
    stages: Literal["two", "end_to_end"] = "two"
    alignment: float = 0.0

    def build(self, signature: Signature) -> "Batmm":
        """The module for these inputs and classes."""
        return Batmm(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """A five-band image of 64 pixels and 3522 spectrum pixels, or fewer for tests."""
        inputs = {"image": (5, 32, 32), "spectrum": (400,)}
        if not small:
            inputs = {"image": (5, 64, 64), "spectrum": (3522,)}
        return Signature(inputs=inputs, classes=CLASSES)


class Batmm(nn.Module):
    """Batch with image, spectrum or both -> Output with logits (B, K)."""

    def __init__(self, config: BatmmConfig, signature: Signature) -> None:
        super().__init__()
        if not signature.inputs or set(signature.inputs) - set(ORDER):
            raise ConfigError(f"batmm takes {', '.join(ORDER)}; got {sorted(signature.inputs)}")
        self.names = tuple(name for name in ORDER if name in signature.inputs)
        self.encoders = nn.ModuleDict(
            {name: getattr(config, name).build(signature.inputs[name]) for name in self.names}
        )
        for name, encoder in self.encoders.items():
            width = width_of(encoder, getattr(config, name))
            if width != config.width:
                raise ConfigError(
                    f"batmm: the {name} encoder gives tokens of width {width}, the fusion takes "
                    f"{config.width}; make them equal"
                )
        both = len(self.names) > 1
        self.start = nn.Parameter(0.02 * torch.randn(config.width))  # CLS
        self.semantic = nn.ParameterDict(
            {n: nn.Parameter(0.02 * torch.randn(config.width)) for n in self.names}
            if config.semantic
            else {}
        )
        cross = config.cross if both else "none"
        self.blocks = nn.ModuleList(Block(config, cross) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        self.classify = nn.Linear(config.width, signature.outputs)
        self.branches = nn.ModuleDict(
            {name: nn.Linear(config.width, signature.outputs) for name in self.names}
            if both
            else {}
        )
        self.alignment = Alignment(config) if both and config.alignment > 0 else None
        self.two_stages = config.stages == "two" and both
        self.detached = False

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row; with `explain` tokens and attention too."""
        tokens = self.tokens(batch)
        present = {name: batch.inputs[name].present for name in self.names}
        means = {name: value.mean(dim=1) for name, value in tokens.items()}  # (B, E)
        sequence, there = self._sequence(tokens), {"start": torch.ones_like(batch.weight > 0)}
        there |= present
        attention: dict[str, Tensor] = {}
        for block in self.blocks:
            if explain:
                attention = cast(Block, block).attention(sequence, there)
            sequence = block(sequence, there)
        embedding = self.norm(sequence["start"][:, 0])  # (B, E)
        return Output(
            logits=self.classify(embedding),
            branches={name: head(means[name]) for name, head in self.branches.items()},
            losses=self._losses(means, present),
            embedding=embedding,
            tokens=tokens if explain else {},
            attention={**attention, **input_weights(self.encoders, batch)} if explain else {},
        )

    def set_epoch(self, epoch: int, epochs: int) -> None:
        """Fetches ImageNet weights where asked for, and moves on to the second stage in time."""
        fetch_all(self)
        if self.two_stages:
            self.detached = not self.frozen(epoch, epochs)
            train_top(self.encoders, 1.0 if self.detached else 0.0)

    def frozen(self, epoch: int, epochs: int) -> bool:
        """Whether this epoch belongs to the second stage."""
        return self.two_stages and stage_of(epoch, epochs, 2) == 1

    def tokens(self, batch: Batch) -> dict[str, Tensor]:
        """Tokens (B, T, E) of each input; those that the batch holds already, as they are."""
        inputs = {name: batch.inputs[name] for name in self.names}
        return {
            name: value.values if isinstance(value, Tokens) else self.encoders[name](value)
            for name, value in inputs.items()
        }

    def train(self, mode: bool = True) -> Self:
        """Sets the mode; frozen encoders stay in that of use, whichever rows are absent."""
        super().train(mode)
        learning = any(parameter.requires_grad for parameter in self.encoders.parameters())
        self.encoders.train(mode and learning)
        return self

    def _sequence(self, tokens: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """CLS and the tokens with the embedding of their modality. Paper: BATMM eq. 5 and 6."""
        rows = next(iter(tokens.values())).shape[0]
        found = {"start": self.start.expand(rows, 1, -1)}
        for name, value in tokens.items():
            value = value.detach() if self.detached else value
            found[name] = value + self.semantic[name] if name in self.semantic else value
        return found

    def _losses(self, means: Mapping[str, Tensor], present: Presence) -> dict[str, Tensor]:
        if self.alignment is None or not self.training:
            return {}
        return {"alignment": self.alignment(means, present["image"] & present["spectrum"])}


def input_weights(encoders: nn.ModuleDict, batch: Batch) -> dict[str, Tensor]:
    """What the encoders look at: weights of bands and of segments, each summing to 1."""
    found: dict[str, Tensor] = {}
    for name, encoder in encoders.items():
        if isinstance(encoder, BatmmImage):
            found["bands"] = encoder.band_weights(cast(Image, batch.inputs[name]))
        elif isinstance(encoder, BatmmSpectrum):
            found["segments"] = encoder.segment_weights(cast(Spectrum, batch.inputs[name]))
    return found


class Block(nn.Module):
    """Cross-attention, self-attention, FFN on tokens by modality. Paper: BATMM eq. 7 to 13."""

    def __init__(self, config: BatmmConfig, cross: str) -> None:
        super().__init__()
        takers = {"none": {}, "image": {"image": "spectrum"}}.get(
            cross, {"image": "spectrum", "spectrum": "image"}
        )
        self.givers: dict[str, str] = takers
        width = config.width
        self.cross_norms = nn.ModuleDict({name: nn.LayerNorm(width) for name in takers})
        self.giver_norms = nn.ModuleDict({name: nn.LayerNorm(width) for name in takers})
        self.cross = nn.ModuleDict({n: CrossAttention(width, config.heads) for n in takers})
        self.self_norm, self.self_attention = (
            nn.LayerNorm(width),
            SelfAttention(width, config.heads),
        )
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, width),
            nn.Dropout(config.dropout),
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Mapping[str, Tensor], present: Presence) -> dict[str, Tensor]:
        """Updated tokens (B, T, E) by name."""
        tokens = self._crossed(tokens, present)
        x, keys = _joined(tokens, present)
        x = x + self.dropout(self.self_attention(self.self_norm(x), keys))
        x = x + self.feed_forward(x)
        sizes = [value.shape[1] for value in tokens.values()]
        return dict(zip(tokens, x.split(sizes, dim=1), strict=True))

    def attention(self, tokens: Mapping[str, Tensor], present: Presence) -> dict[str, Tensor]:
        """Attention weights (B, heads, T, T) of the self- and the cross-attention."""
        found = {
            f"cross_{name}": cast(CrossAttention, self.cross[name]).weights(
                *self._pair(name, tokens, present)
            )
            for name in self.givers
        }
        x, keys = _joined(self._crossed(tokens, present), present)
        return {"fusion": self.self_attention.weights(self.self_norm(x), keys), **found}

    def _crossed(self, tokens: Mapping[str, Tensor], present: Presence) -> dict[str, Tensor]:
        updated = dict(tokens)
        for name in self.givers:
            found = self.cross[name](*self._pair(name, tokens, present))
            updated[name] = tokens[name] + self.dropout(found)
        return updated

    def _pair(
        self, name: str, tokens: Mapping[str, Tensor], present: Presence
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised takers, normalised givers, and which of the givers are there."""
        giver = self.givers[name]
        others = self.giver_norms[name](tokens[giver])
        keys = present[giver][:, None].expand(-1, others.shape[1])
        return self.cross_norms[name](tokens[name]), others, keys


def _joined(tokens: Mapping[str, Tensor], present: Presence) -> tuple[Tensor, Tensor]:
    """All tokens in one sequence (B, T, E), and which of them are there (B, T)."""
    keys = [present[n][:, None].expand(-1, value.shape[1]) for n, value in tokens.items()]
    return torch.cat(list(tokens.values()), dim=1), torch.cat(keys, dim=1)


class Alignment(nn.Module):
    """InfoNCE between the two modalities of each object, over the objects that have both."""

    def __init__(self, config: BatmmConfig) -> None:
        super().__init__()
        size = min(config.width, 128)
        self.project = nn.ModuleDict({name: nn.Linear(config.width, size) for name in ORDER})
        self.log_scale = nn.Parameter(torch.tensor(2.66))  # log(1 / 0.07), Radford et al. 2021
        self.weight = config.alignment

    def forward(self, means: Mapping[str, Tensor], both: Tensor) -> Tensor:
        """The loss; 0 where fewer than two objects have both."""
        image, spectrum = (
            nn.functional.normalize(self.project[name](means[name]), dim=1) for name in ORDER
        )
        rows = both.nonzero().squeeze(1)
        image, spectrum = image.index_select(0, rows), spectrum.index_select(0, rows)
        logits = image @ spectrum.T * self.log_scale.clamp_max(4.6).exp()  # at most 100
        if len(rows) < 2:
            return logits.sum() * 0.0
        target = torch.arange(len(rows), device=logits.device)
        losses = [nn.functional.cross_entropy(x, target) for x in (logits, logits.T)]
        return self.weight * torch.stack(losses).mean()


@register("model", paper=PAPER)
def batmm() -> BatmmConfig:
    """BATMM: segment attention, SE block, semantic embeddings, cross-attention; 65 M parameters."""
    return BatmmConfig()


@register("model", paper="BATMM, table 7: + image")
def batmm_joint() -> BatmmConfig:
    """BATMM without semantic embeddings and cross-attention: one Transformer over all tokens."""
    return BatmmConfig(semantic=False, cross="none")


@register("model", paper="BATMM, table 7: + image + Sem")
def batmm_semantic() -> BatmmConfig:
    """BATMM without cross-attention."""
    return BatmmConfig(cross="none")


@register("model", paper="BATMM, table 7: + image + CA")
def batmm_cross() -> BatmmConfig:
    """BATMM without semantic embeddings."""
    return BatmmConfig(semantic=False)


@register("model", paper=PAPER)
def batmm_quarter() -> BatmmConfig:
    """BATMM with every width a quarter of the paper's, for a processor without accelerator."""
    return BatmmConfig(
        image=BatmmImageConfig(stem=16, widths=(16, 32, 64, 128), width=128),
        spectrum=BatmmSpectrumConfig(attention_width=16, plan=QUARTER),
        width=128,
        hidden=512,
    )


@register("model", paper=PAPER)
def batmm_small() -> BatmmConfig:
    """BATMM of two narrow blocks and shallow encoders, with all its options, for tests."""
    return BatmmConfig(
        image=SMALL_IMAGE,
        spectrum=SMALL_SPECTRUM,
        width=32,
        blocks=2,
        heads=4,
        hidden=64,
        cross="bidirectional",
        alignment=0.1,
    )
