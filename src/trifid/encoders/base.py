"""What every encoder is: one modality in, tokens out, on all rows whether present or not."""

from abc import abstractmethod
from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny
from torch import nn

from trifid.config import Config, by_kind


class EncoderConfig(Config):
    """Settings of an encoder; each has its own `kind`."""

    @abstractmethod
    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """A module `input -> tokens (B, T, E)` for rows of this shape; absent rows give zeros."""

    @property
    @abstractmethod
    def tokens(self) -> int:
        """Number of tokens T per row."""


EncoderPart = Annotated[
    SerializeAsAny[EncoderConfig], BeforeValidator(by_kind(EncoderConfig, "trifid.encoders"))
]
