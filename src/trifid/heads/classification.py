"""Linear and cosine classification heads."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from trifid.heads.base import HeadConfig


class LinearHeadConfig(HeadConfig):
    """A plain linear layer."""

    kind: Literal["linear"] = "linear"

    def build(self, width: int, classes: int) -> nn.Module:
        """The module (B, width) -> (B, classes)."""
        return nn.Linear(width, classes)


class CosineHeadConfig(HeadConfig):
    """Cosine similarity to a learned direction per class, times a learned scale."""

    kind: Literal["cosine"] = "cosine"
    scale: float = 30.0

    def build(self, width: int, classes: int) -> nn.Module:
        """The module (B, width) -> (B, classes)."""
        return CosineHead(self, width, classes)


class CosineHead(nn.Module):
    """logits = scale * cos(x, w), without bias; the norm of x does not matter.

    Paper: GCSNet eq. 6 and 7. A row without any modality is the zero vector and gets equal scores.
    """

    def __init__(self, config: CosineHeadConfig, width: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, width))
        self.scale = nn.Parameter(torch.tensor(config.scale))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Float[Tensor, "B E"]) -> Float[Tensor, "B K"]:
        """Class scores."""
        return self.scale * linear(normalize(x, dim=1), normalize(self.weight, dim=1))
