"""What is to be predicted, from which columns, and which table features are safe."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
from jaxtyping import Float64, Int64
from pydantic import Field, model_validator

from trifid.config import Config
from trifid.errors import ConfigError
from trifid.transforms.expression import stored_features

Labels = Int64[np.ndarray, "N"] | Float64[np.ndarray, "N D"]
Columns = Mapping[str, pa.ChunkedArray]


class LabelMap(Config):
    """One source of labels: a column and what its values mean. Other values are unlabelled."""

    column: str
    values: dict[str, str]
    note: str = ""


class Closeness(Config):
    """Two columns that agree within a number, where both are known."""

    columns: tuple[str, str]
    within: float


class Target(Config):
    """A number to predict: a column, and which of its values count.

    Attributes:
        column: Of the store.
        unit: Of the column.
        kind: A redshift is also judged by errors over 1 + z.
        above: Values at or below it are sentinels, and unlabelled.
        flag: A column that is 0 where the value can be trusted; used where the store has it.
        close: Columns that must agree; used where the store has them.
        outliers: Errors (over 1 + z for a redshift) beyond which a prediction is an outlier.
    """

    column: str
    unit: str = ""
    kind: Literal["number", "redshift"] = "number"
    above: float = -99.0
    flag: str = ""
    close: tuple[Closeness, ...] = ()
    outliers: tuple[float, ...] = ()

    def read(self, columns: Columns) -> Float64[np.ndarray, "N"]:
        """The values, NaN = unlabelled. `columns` holds the column, and checks if there are any."""
        values = _numbers(columns[self.column])
        known = np.isfinite(values) & (values > self.above)
        if self.flag in columns:
            known &= _numbers(columns[self.flag]) == 0
        for check in self.close:
            if set(check.columns) <= set(columns):
                first, second = (_numbers(columns[name]) for name in check.columns)
                known &= ~(np.abs(first - second) > check.within)
        return np.where(known, values, np.nan)

    def checks(self) -> tuple[str, ...]:
        """The columns that are used where the store has them."""
        flags = (self.flag,) if self.flag else ()
        return (*flags, *(name for check in self.close for name in check.columns))


class FeatureSet(Config):
    """Table features by name; `leaky` says they are made from the label, or nearly."""

    features: tuple[str, ...]
    leaky: bool
    note: str


class Task(Config):
    """Classes to tell apart, or numbers to predict.

    Attributes:
        name: As registered.
        classes: In the order of the logits; empty for numbers.
        labels: Sources of class labels by name; the first is the default.
        targets: Numbers to predict by name, in the order of the means; empty for classes.
        ordered: Targets that never decrease from one to the next, such as quantiles.
        feature_sets: Table features by name.
    """

    name: str
    classes: tuple[str, ...] = ()
    labels: dict[str, LabelMap] = Field(default_factory=dict)
    targets: dict[str, Target] = Field(default_factory=dict)
    ordered: tuple[str, ...] = ()
    feature_sets: dict[str, FeatureSet]

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.classes) == bool(self.targets) or bool(self.classes) != bool(self.labels):
            raise ValueError("a task has classes with labels, or targets")
        return self

    def features(self, name: str) -> FeatureSet:
        """A feature set by name.

        Raises:
            ConfigError: If the task has no such set.
        """
        if name not in self.feature_sets:
            known = ", ".join(self.feature_sets)
            raise ConfigError(f"task {self.name} has no feature set {name!r}; known: {known}")
        return self.feature_sets[name]

    def leaky_features(self) -> frozenset[str]:
        """Stored features of the leaky sets that no safe set uses."""
        sets = self.feature_sets.values()
        leaky = {name for known in sets if known.leaky for name in known.features}
        safe = {name for known in sets if not known.leaky for name in known.features}
        return stored_features(leaky) - stored_features(safe)

    def label_map(self, name: str) -> LabelMap:
        """A source of labels by name; `default` is the first.

        Raises:
            ConfigError: If the task has no such source.
        """
        name = next(iter(self.labels), "") if name == "default" else name
        if name not in self.labels:
            known = ", ".join(self.labels) or "none, it predicts numbers"
            raise ConfigError(f"task {self.name} has no labels {name!r}; known: {known}")
        return self.labels[name]

    def only(self, targets: Sequence[str]) -> "Task":
        """The same task for some of its targets, in the task's order; none means all of them.

        Raises:
            ConfigError: If the task has no such target.
        """
        if unknown := [name for name in targets if name not in self.targets]:
            known = ", ".join(self.targets) or "none, it has classes"
            raise ConfigError(f"task {self.name} has no target {unknown[0]!r}; known: {known}")
        if not targets:
            return self
        kept = {name: target for name, target in self.targets.items() if name in targets}
        return self.replace(targets=kept, ordered=tuple(n for n in self.ordered if n in kept))

    def columns(self, source: str, stored: Mapping[str, Any]) -> tuple[str, ...]:
        """The columns that `read_labels` needs, and of its checks those that are stored."""
        if not self.targets:
            return (self.label_map(source).column,)
        needed = [target.column for target in self.targets.values()]
        checks = [name for target in self.targets.values() for name in target.checks()]
        return tuple(dict.fromkeys([*needed, *(name for name in checks if name in stored)]))

    def read_labels(self, columns: Columns, source: str) -> Labels:
        """Class index of each row (N,), -1 = unlabelled; or its numbers (N, D), NaN = unlabelled.

        Args:
            columns: Those that `columns` names.
            source: Of class labels, by name.
        """
        if self.targets:
            return np.stack([target.read(columns) for target in self.targets.values()], axis=1)
        label_map = self.label_map(source)
        values = columns[label_map.column].to_pylist()
        index = {name: i for i, name in enumerate(self.classes)}
        return np.array([index.get(label_map.values.get(str(v), ""), -1) for v in values], np.int64)


def is_labelled(labels: Labels) -> np.ndarray:
    """(N,) whether a row has a class, or at least one of its numbers."""
    return np.asarray(labels >= 0 if labels.ndim == 1 else np.isfinite(labels).any(axis=1))


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Values as float64, NaN for null."""
    return column.cast(pa.float64()).to_numpy()
