"""What every model is: a configuration that builds a module or an estimator `Batch -> Output`."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Protocol, runtime_checkable

from pydantic import BeforeValidator, SerializeAsAny
from torch import Tensor, nn

from trifid.config import Config, by_kind
from trifid.schema.batch import Batch, Output
from trifid.schema.signature import Signature


@runtime_checkable
class Estimator(Protocol):
    """A classical model: fitted once, on all training rows.

    Attributes:
        probabilistic: Whether its scores are log-probabilities; if not, `Output.logits` are votes
            (0 for the chosen class, a large negative number for the others) and no area under a
            curve exists.
    """

    probabilistic: bool

    def fit(self, batches: Iterable[Batch]) -> None:
        """Learns from transformed batches whose `targets` are named `label` (B,) int64, -1 =
        unlabelled, or as the signature's targets, each (B,) standardised, NaN = unlabelled.
        """
        ...

    def __call__(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row."""
        ...

    def save(self, path: Path) -> None:
        """Writes the fitted state to one file that cannot run code."""
        ...

    def load(self, path: Path) -> None:
        """Reads what `save` wrote, refusing any type it does not expect."""
        ...


def gives_probabilities(model: nn.Module | Estimator) -> bool:
    """Whether a classifier's scores can be turned into probabilities; a network's always can."""
    return isinstance(model, nn.Module) or model.probabilistic


@runtime_checkable
class Staged(Protocol):
    """A network that is trained in stages, e.g. its encoders first."""

    def set_epoch(self, epoch: int, epochs: int) -> None:
        """Called before each epoch; sets which parameters learn. Before it, all do."""
        ...


@runtime_checkable
class Freezable(Staged, Protocol):
    """A staged network whose encoders may all be frozen; it takes `Tokens` in place of inputs."""

    def frozen(self, epoch: int, epochs: int) -> bool:
        """Whether no encoder learns in this epoch, so that the tokens of a row stay the same."""
        ...

    def tokens(self, batch: Batch) -> Mapping[str, Tensor]:
        """The tokens (B, T, E) of each input by name; zero for absent rows."""
        ...


class ModelConfig(Config):
    """Settings of a model; each class of models has its own `kind`."""

    @abstractmethod
    def build(self, signature: Signature) -> nn.Module | Estimator:
        """The module or estimator for inputs and outputs of this signature."""

    def example(self, *, small: bool = False) -> Signature:
        """Inputs and outputs the model is shown with: the paper's sizes, or small ones for tests.

        A model that takes other inputs than image, spectrum and table, or predicts numbers, says
        so by overriding this.
        """
        if small:
            inputs = {"image": (3, 32, 32), "spectrum": (400,), "table": (5,)}
        else:
            inputs = {"image": (3, 300, 300), "spectrum": (3843,), "table": (4,)}
        return Signature(inputs=inputs, classes=("SF", "COMP", "AGN", "NORMAL"))


ModelPart = Annotated[
    SerializeAsAny[ModelConfig], BeforeValidator(by_kind(ModelConfig, "trifid.models"))
]
