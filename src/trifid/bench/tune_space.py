"""What a search may change: paths of recipe fields, as in `--set`, to ranges or choices.

```toml
[space]
"training.learning_rate" = { low = 1e-5, high = 1e-2, log = true }
"training.batch_size" = { choices = [16, 32, 64] }
"model.method.trees" = { low = 50, high = 500 }      # whole numbers, for both ends are whole
```
"""

import json
import tomllib
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from trifid.config import Config, parse
from trifid.errors import ConfigError, InputError
from trifid.models.classical import ClassicalConfig, weighing
from trifid.training.recipe import Recipe

FILE_BYTES = 2**20
Scalar = bool | int | float | str


class Range(Config):
    """Numbers from `low` to `high`, evenly or evenly in their logarithm; whole if both ends are."""

    low: int | float = Field(allow_inf_nan=False)
    high: int | float = Field(allow_inf_nan=False)
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high or (self.log and self.low <= 0):
            raise ValueError(
                f"from {self.low} to {self.high} is no range"
                + (" of logarithms; it must begin above 0" if self.log else "")
            )
        return self

    @property
    def whole(self) -> bool:
        """Whether its numbers are integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def examples(self) -> tuple[Scalar, ...]:
        """Values a recipe must accept."""
        return (self.low, self.high)

    def suggest(self, trial: Any, path: str) -> Scalar:
        """A value for one trial."""
        suggest = trial.suggest_int if self.whole else trial.suggest_float
        return suggest(path, self.low, self.high, log=self.log)


class Choices(Config):
    """One of some values."""

    choices: tuple[Scalar, ...] = Field(min_length=1)

    @property
    def examples(self) -> tuple[Scalar, ...]:
        """Values a recipe must accept."""
        return self.choices

    def suggest(self, trial: Any, path: str) -> Scalar:
        """A value for one trial."""
        return trial.suggest_categorical(path, list(self.choices))


class Space(Config):
    """Paths of fields to what they may be."""

    space: dict[str, Range | Choices] = Field(min_length=1)


_NETWORK: dict[str, Range | Choices] = {
    "training.learning_rate": Range(low=1e-4, high=1e-2, log=True),
    "training.weight_decay": Range(low=1e-5, high=1e-1, log=True),
    "training.label_smoothing": Range(low=0.0, high=0.2),
    "training.batch_size": Choices(choices=(16, 32, 64, 128)),
}
_METHOD: dict[str, Range | Choices] = {
    "trees": Range(low=50, high=500, log=True),
    "depth": Range(low=0, high=20),
    "leaf": Range(low=1, high=20, log=True),
    "leaves": Range(low=7, high=127, log=True),
    "learning_rate": Range(low=0.01, high=0.5, log=True),
    "c": Range(low=1e-3, high=1e3, log=True),
    "gamma": Range(low=1e-4, high=1.0, log=True),
    "alpha": Range(low=1e-6, high=1e2, log=True),
    "neighbours": Range(low=1, high=50, log=True),
    "shrinkage": Range(low=1e-4, high=0.5, log=True),
}


def builtin_space(recipe: Recipe) -> Space:
    """The space trifid searches for a recipe: the optimiser of a network, a method's settings.

    Raises:
        ConfigError: If the recipe's method has nothing to search.
    """
    config = recipe.model
    if not isinstance(config, ClassicalConfig):
        return Space(space=_NETWORK)
    fields = type(config.method).model_fields
    found = {f"model.method.{name}": span for name, span in _METHOD.items() if name in fields}
    if not config.method.regression and weighing(config.method.estimator(0)):
        found["model.class_weight"] = Choices(choices=("none", "balanced"))
    if not found:
        raise ConfigError(f"recipe {recipe.name} has nothing to search; give a --space FILE")
    return Space(space=found)


def read_space(path: Path) -> Space:
    """A space from a TOML file.

    Raises:
        InputError: If it cannot be read or holds anything else.
    """
    try:
        if path.stat().st_size > FILE_BYTES:
            raise InputError(f"{path} is larger than {FILE_BYTES} bytes")
        return parse(Space, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not TOML: {error}") from None
    except ConfigError as error:
        raise InputError(f"{path}: {error}") from None


def check_space(recipe: Recipe, space: Space) -> None:
    """Whether the recipe has every field and takes the ends of every range.

    Raises:
        ConfigError: Naming the field that does not exist or fit.
    """
    for path, span in space.space.items():
        if path.split(".")[0] in ("name", "task", "labels", "split"):
            raise ConfigError(
                f"{path} decides what is judged, not how well: it is no field to tune"
            )
        for value in span.examples:
            recipe.edited([change(path, value)])


def change(path: str, value: Scalar) -> str:
    """A field and its value as `--set` takes them."""
    return f"{path}={json.dumps(value)}"
