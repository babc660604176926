"""What every classification head is: one vector per row in, class scores out."""

from abc import abstractmethod
from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny
from torch import nn

from trifid.config import Config, by_kind


class HeadConfig(Config):
    """Settings of a head; each has its own `kind`."""

    @abstractmethod
    def build(self, width: int, classes: int) -> nn.Module:
        """A module (B, width) -> logits (B, classes)."""


HeadPart = Annotated[
    SerializeAsAny[HeadConfig], BeforeValidator(by_kind(HeadConfig, "trifid.heads"))
]
