"""What every model is: a configuration that builds a module `Batch -> Output`."""

from abc import abstractmethod
from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny
from torch import nn

from trifid.config import Config, by_kind
from trifid.schema.signature import Signature


class ModelConfig(Config):
    """Settings of a model; each class of models has its own `kind`."""

    @abstractmethod
    def build(self, signature: Signature) -> nn.Module:
        """The module for inputs and classes of this signature."""


ModelPart = Annotated[
    SerializeAsAny[ModelConfig], BeforeValidator(by_kind(ModelConfig, "trifid.models"))
]
