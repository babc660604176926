"""GaSNet-II: classes or redshifts from a spectrum, by residual sub-networks.

    spectrum (L,) -> flux / |flux| * sqrt(L) -> six residual blocks, each a third as long
                  -> flatten -> dropout -> 256, ReLU -> K                    (one sub-network)

    block:  x -> conv 5, BN, ReLU -> conv 5 stride 3, BN, ReLU -> max-pool 5 stride 1 -> + -> out
            +------------------------ conv 5 stride 3 -----------------------------------+

Paper: Zhong et al. 2024, arXiv 2311.04146, and the authors' code. Shapes of one sub-network, with
parameters in brackets:

    spectrum  (B, 1, 3600)
    blocks    (16, 1199) -> (32, 399) -> (64, 132) -> (128, 43) -> (256, 13) -> (512, 3) [3,498,320]
    flatten   (B, 1536); 2048 at 3843 pixels, 512 at 1600
    head      256 -> 4 classes                                                            [394,500]
    total                                                                               [3,892,820]

`gasnet2_redshift` is the paper's redshift form: ten sub-networks with their own beginnings answer
each on its own; their mean is the answer, their spread its error. In training each is a branch
with the task's own loss, which the paper sets to Huber (`training.loss`, if the recipe says so).

Differs from the paper:
- A convolution before a norm has no bias, which the norm would take away again.
- Targets are standardised by the pipeline; the paper clips redshifts to 0..5 and multiplies by 10.
- Several sub-networks of a classifier (`networks`; GCSNet speaks of several, the code has one)
  are averaged as probabilities.
- The paper chooses a redshift network by the class found first; here one serves all classes.
- A missing spectrum is answered with the last layer's bias.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from trifid.errors import ConfigError
from trifid.fusion.decision import fuse_decisions
from trifid.models.base import ModelConfig
from trifid.nn.masked_norm import MaskedBatchNorm, mask_of
from trifid.registry import register
from trifid.schema.batch import Batch, Output, Spectrum
from trifid.schema.signature import Signature

PAPER = "GaSNet-II, Zhong et al. 2024, arXiv 2311.04146"
KERNEL, STRIDE = 5, 3


class GaSNet2Config(ModelConfig):
    """Sizes of a sub-network and how many there are.

    Attributes:
        form: Whether it answers with classes or numbers; the task must ask for the same.
        initial_sd: Of the normal weights it begins with, the paper's; 0 keeps torch's own.
    """

    kind: Literal["gasnet2"] = "gasnet2"
    form: Literal["classes", "redshift"] = "classes"
    channels: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    hidden: int = 256
    dropout: float = 0.5
    networks: int = 1
    initial_sd: float = 1e-3

    def build(self, signature: Signature) -> "GaSNet2":
        """The module for this spectrum and these classes or targets."""
        return GaSNet2(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """A spectrum of the paper's 3600 pixels, and four classes or a redshift."""
        inputs = {"spectrum": (1600 if small else 3600,)}
        if self.form == "redshift":
            return Signature(inputs=inputs, targets=("redshift",))
        return Signature(inputs=inputs, classes=("SF", "COMP", "AGN", "NORMAL"))


class GaSNet2(nn.Module):
    """Batch with a spectrum -> Output with logits (B, K), or means and log-variances (B, D)."""

    def __init__(self, config: GaSNet2Config, signature: Signature) -> None:
        super().__init__()
        if set(signature.inputs) != {"spectrum"}:
            raise ConfigError(f"gasnet2 takes a spectrum alone; got {sorted(signature.inputs)}")
        self.classifies = config.form == "classes"
        if self.classifies != bool(signature.classes):
            raise ConfigError(
                f"gasnet2 with form = {config.form!r} does not fit a task that predicts "
                f"{', '.join(signature.classes or signature.targets)}"
            )
        length = signature.inputs["spectrum"][0]
        self.networks = nn.ModuleList(
            SubNetwork(config, length, signature.outputs) for _ in range(config.networks)
        )
        if config.initial_sd > 0:
            for part in self.networks.modules():
                if isinstance(part, nn.Conv1d | nn.Linear):
                    nn.init.normal_(part.weight, std=config.initial_sd)

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row, or its numbers."""
        spectrum = batch.inputs["spectrum"]
        if not isinstance(spectrum, Spectrum):
            raise ConfigError("gasnet2: `spectrum` is no spectrum")
        x = unit_power(spectrum.flux)[:, None]  # (B, 1, L)
        found = [network(x, spectrum.present) for network in self.networks]
        answers = torch.stack([answer for answer, _ in found], dim=1)  # (B, N, K)
        embedding = torch.stack([features for _, features in found], dim=1)
        shown = {"spectrum": embedding} if explain else {}
        if self.classifies:
            return Output(logits=_mean_logits(answers), embedding=embedding[:, 0], tokens=shown)
        several = answers.shape[1] > 1
        return Output(
            mean=answers.mean(dim=1),
            log_variance=_log_spread(answers) if several and not self.training else None,
            branches={f"network{i}": a for i, a in enumerate(answers.unbind(1)) if several},
            embedding=embedding[:, 0],
            tokens=shown,
        )


class SubNetwork(nn.Module):
    """Residual blocks, dropout and two dense layers."""

    def __init__(self, config: GaSNet2Config, length: int, outputs: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(a, b) for a, b in pairwise((1, *config.channels)))
        left = final_length(length, len(config.channels))
        self.dropout = nn.Dropout(config.dropout)
        self.dense = nn.Linear(config.channels[-1] * left, config.hidden)
        self.head = nn.Linear(config.hidden, outputs)

    def forward(self, x: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Answer (B, K) and last hidden layer (B, hidden); the latter is zero for absent rows."""
        mask = mask_of(present, self.training)
        for block in self.blocks:
            x = block(x, mask)
        features = torch.relu(self.dense(self.dropout(x.flatten(1))))
        features = torch.where(present[:, None], features, features.new_zeros(()))
        return self.head(features), features


class Block(nn.Module):
    """The paper's residual block: a third as long, no activation after the sum."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(channels_in, channels_out, KERNEL, padding="same", bias=False)
        self.first_norm = MaskedBatchNorm(channels_out)
        self.second = nn.Conv1d(channels_out, channels_out, KERNEL, STRIDE, bias=False)
        self.second_norm = MaskedBatchNorm(channels_out)
        self.shortcut = nn.Conv1d(channels_in, channels_out, KERNEL, STRIDE)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, C, L) -> (B, D, (L - 5) // 3 + 1)."""
        y = torch.relu(self.first_norm(self.first(x), mask))
        y = torch.relu(self.second_norm(self.second(y), mask))
        y = nn.functional.max_pool1d(y, KERNEL, 1, padding=KERNEL // 2)
        return y + self.shortcut(x)


def unit_power(flux: Tensor) -> Tensor:
    """Flux / |flux| * sqrt(L), (B, L): a mean square of 1. A spectrum of zeros stays so."""
    square = flux.square().mean(dim=1, keepdim=True)
    return flux * torch.rsqrt(torch.where(square > 0, square, torch.ones_like(square)))


def final_length(length: int, blocks: int) -> int:
    """Pixels left after this many blocks.

    Raises:
        ConfigError: If the spectrum is too short.
    """
    left = length
    for _ in range(blocks):
        left = (left - KERNEL) // STRIDE + 1
        if left < 1:
            raise ConfigError(
                f"gasnet2: a spectrum of {length} pixels is too short for {blocks} blocks; "
                "use a longer one or fewer `channels`"
            )
    return left


def _mean_logits(answers: Tensor) -> Tensor:
    """Logits (B, K) of the mean probability over sub-networks; with one, its own logits."""
    if answers.shape[1] == 1:
        return answers[:, 0]
    everyone = torch.ones(answers.shape[:2], dtype=torch.bool, device=answers.device)
    return fuse_decisions("mean", answers, everyone)[0]


def _log_spread(answers: Tensor) -> Tensor:
    """Logarithm of the variance over sub-networks (B, D)."""
    return answers.var(dim=1).clamp_min(1e-12).log()


@register("model", paper=PAPER)
def gasnet2() -> GaSNet2Config:
    """GaSNet-II as published: one residual sub-network, classes."""
    return GaSNet2Config()


@register("model", paper=PAPER)
def gasnet2_redshift() -> GaSNet2Config:
    """GaSNet-II's redshift: mean and spread of ten sub-networks."""
    return GaSNet2Config(form="redshift", networks=10)


@register("model", paper=PAPER)
def gasnet2_small() -> GaSNet2Config:
    """GaSNet-II with narrow blocks, for tests and quick looks."""
    return GaSNet2Config(channels=(4, 8, 8, 16, 16, 32), hidden=32)


@register("model", paper=PAPER)
def gasnet2_redshift_small() -> GaSNet2Config:
    """GaSNet-II's redshift with two narrow sub-networks, for tests and quick looks."""
    return gasnet2_small().replace(form="redshift", networks=2)
