"""What every feature-level fusion is: tokens of all modalities in, fused tokens out."""

from abc import abstractmethod
from typing import Annotated

from jaxtyping import Bool, Float
from pydantic import BeforeValidator, SerializeAsAny
from torch import Tensor, nn

from trifid.config import Config, by_kind


class Fusion(nn.Module):
    """A module `(tokens (B, T, E), present (B, T)) -> (B, tokens_out, E)`."""

    @abstractmethod
    def weights(
        self, tokens: Float[Tensor, "B T E"], present: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B heads T T"]:
        """How much each token takes from each other one; rows sum to 1 over present tokens."""


class FusionConfig(Config):
    """Settings of a fusion; each has its own `kind`. `tokens_out` is the number of fused tokens."""

    tokens_out: int

    @abstractmethod
    def build(self, width: int) -> Fusion:
        """The module for tokens of this width."""


FusionPart = Annotated[
    SerializeAsAny[FusionConfig], BeforeValidator(by_kind(FusionConfig, "trifid.fusion"))
]
