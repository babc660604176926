"""Rows in memory on their way to or from a store: plain NumPy, one set of modalities."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trifid.errors import StoreError
from trifid.schema.modality import StoreSchema

Fields = dict[str, np.ndarray]


@dataclass(frozen=True)
class Block:
    """N rows that share one set of modalities.

    Attributes:
        columns: Scalar columns, each with N values; `None` in a value means null.
        inputs: For each modality these rows have, its fields with shape (N, *shape).
    """

    columns: dict[str, Sequence[Any]]
    inputs: dict[str, Fields] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["object_id"])

    def check(self, schema: StoreSchema) -> None:
        """Compares every column and field with the schema.

        Raises:
            StoreError: Naming the first column or field that does not fit, got and expected.
        """
        if set(self.columns) != set(schema.columns):
            missing = sorted(set(schema.columns) - set(self.columns))
            unknown = sorted(set(self.columns) - set(schema.columns))
            raise StoreError(f"block columns: missing {missing}, unknown {unknown}")
        for name, values in self.columns.items():
            if len(values) != len(self):
                raise StoreError(f"column {name!r}: {len(values)} values for {len(self)} rows")
        for modality, fields in self.inputs.items():
            self._check_modality(modality, fields, schema)

    def _check_modality(self, modality: str, fields: Fields, schema: StoreSchema) -> None:
        if modality not in schema.modalities:
            raise StoreError(f"modality {modality!r} is not in the schema")
        expected = schema.modalities[modality].fields()
        if set(fields) != set(expected):
            raise StoreError(f"{modality}: fields {sorted(fields)}, expected {sorted(expected)}")
        for name, (dtype, shape) in expected.items():
            array = fields[name]
            if array.shape != (len(self), *shape) or array.dtype != dtype:
                raise StoreError(
                    f"{modality}.{name}: {array.dtype} {array.shape}, "
                    f"expected {dtype} {(len(self), *shape)}"
                )
            if dtype.kind == "f" and not np.isfinite(array).all():
                raise StoreError(f"{modality}.{name} holds NaN or infinity; mark it absent instead")


@dataclass(frozen=True)
class Skipped:
    """A file or row that was not stored, and why: nothing is lost silently."""

    file: str
    reason: str
    object_id: str = ""
