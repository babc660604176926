"""What is to be predicted, from which columns, and which table features are safe."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from jaxtyping import Int64

from trifid.config import Config
from trifid.errors import ConfigError

Labels = Int64[np.ndarray, "N"]


class LabelMap(Config):
    """One source of labels: a column and what its values mean. Other values are unlabelled."""

    column: str
    values: dict[str, str]
    note: str = ""


class FeatureSet(Config):
    """Table features by name; `leaky` says they are made from the label, or nearly."""

    features: tuple[str, ...]
    leaky: bool
    note: str


class Task(Config):
    """A classification task.

    Attributes:
        name: As registered.
        classes: In the order of the logits.
        labels: Sources of labels by name; the first is the default.
        feature_sets: Table features by name.
    """

    name: str
    classes: tuple[str, ...]
    labels: dict[str, LabelMap]
    feature_sets: dict[str, FeatureSet]

    def features(self, name: str) -> FeatureSet:
        """A feature set by name.

        Raises:
            ConfigError: If the task has no such set.
        """
        if name not in self.feature_sets:
            known = ", ".join(self.feature_sets)
            raise ConfigError(f"task {self.name} has no feature set {name!r}; known: {known}")
        return self.feature_sets[name]

    def label_map(self, name: str) -> LabelMap:
        """A source of labels by name; `default` is the first.

        Raises:
            ConfigError: If the task has no such source.
        """
        name = next(iter(self.labels)) if name == "default" else name
        if name not in self.labels:
            known = ", ".join(self.labels)
            raise ConfigError(f"task {self.name} has no labels {name!r}; known: {known}")
        return self.labels[name]

    def read_labels(self, columns: Mapping[str, pa.ChunkedArray], source: str) -> Labels:
        """Class index of each row, -1 = unlabelled. `columns` holds the label's column."""
        label_map = self.label_map(source)
        values = columns[label_map.column].to_pylist()
        index = {name: i for i, name in enumerate(self.classes)}
        return np.array([index.get(label_map.values.get(str(v), ""), -1) for v in values], np.int64)
