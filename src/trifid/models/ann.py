"""The table network of paper 002: F - 64 - 32 - 16 - K.

    table (B, F) -> Linear 64, ReLU -> Linear 32, ReLU -> Linear 16, ReLU -> Linear K

Paper: 002 (quasar, galaxy, star), "three dense layers"; with six features and three classes
448 + 2080 + 528 + 51 = 3,107 parameters.

Differs from the paper:
- The sizes 64, 32, 16 are our reading; the paper gives none.
- An invalid cell is the training median; a row without a table gets the answer of medians.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import nn

from trifid.errors import ConfigError
from trifid.models.base import ModelConfig
from trifid.registry import register
from trifid.schema.batch import Batch, Output, Table
from trifid.schema.signature import Signature

PAPER = "paper 002 (quasar, galaxy, star), table 4"


class AnnConfig(ModelConfig):
    """Widths of the hidden layers; the last one is the embedding."""

    kind: Literal["ann"] = "ann"
    hidden: tuple[int, ...] = (64, 32, 16)

    def build(self, signature: Signature) -> "Ann":
        """The module for this table and these classes or numbers."""
        return Ann(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """A table of six features, three classes."""
        return Signature(inputs={"table": (6,)}, classes=("STAR", "GALAXY", "QSO"))


class Ann(nn.Module):
    """Batch with a table -> Output with logits (B, K), or means (B, D) of a regression."""

    def __init__(self, config: AnnConfig, signature: Signature) -> None:
        super().__init__()
        if list(signature.inputs) != ["table"] or not config.hidden:
            raise ConfigError(
                f"ann takes a table and hidden layers; got {sorted(signature.inputs)} "
                f"and {config.hidden}"
            )
        widths = (*signature.inputs["table"], *config.hidden)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], signature.outputs)
        self.classifies = bool(signature.classes)

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row; with `explain` the last hidden layer as a token."""
        table = batch.inputs["table"]
        if not isinstance(table, Table):
            raise ConfigError(f"ann takes a table, got {type(table).__name__}")
        cells = torch.where(table.valid, table.values, table.values.new_zeros(()))
        hidden = self.body(cells)  # (B, E)
        answer = self.head(hidden)  # (B, K)
        return Output(
            logits=answer if self.classifies else None,
            mean=None if self.classifies else answer,
            embedding=hidden,
            tokens={"table": hidden[:, None]} if explain else {},
        )


@register("model", paper=PAPER)
def ann() -> AnnConfig:
    """Dense layers 64, 32, 16 on a table."""
    return AnnConfig()


@register("model", paper=PAPER)
def ann_small() -> AnnConfig:
    """Dense layers 16, 8 on a table, for tests and quick looks."""
    return AnnConfig(hidden=(16, 8))
