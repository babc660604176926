"""The predictions table: the only thing evaluation reads. Written in parts, checked when read.

One row is one object in one fold, seen by one run through one subset of modalities. Columns of
a classification: object_id, group, fold, subset, label (null = unlabelled), predicted,
prob_<class>, seed, run; of a regression instead, for each target: label_<target>, <target>_mean,
_sd, _q05, _q50, _q95 (null where the model predicts no spread). The file's metadata names the
task and the order of the classes or targets.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trifid.errors import RunError
from trifid.evaluation import table as forms
from trifid.files import written_whole
from trifid.metrics.regression import QUANTILES, gaussian_quantile


@dataclass(frozen=True)
class Predictions:
    """Rows of a predictions table that passed every check.

    Attributes:
        table: The columns of its form.
        form: Its classes, or its targets.
        metadata: task, model, hashes, kind, schema_version, simulated.
    """

    table: pa.Table
    form: forms.Form
    metadata: dict[str, Any]

    def __len__(self) -> int:
        return self.table.num_rows

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order of the probability columns; none for numbers."""
        return self.form.classes

    @property
    def targets(self) -> tuple[str, ...]:
        """The numbers in the order of their columns; none for classes."""
        return self.form.targets

    @property
    def folds(self) -> tuple[str, ...]:
        """The folds there are, in the order of the file."""
        return tuple(self.table["fold"].unique().to_pylist())

    @property
    def subsets(self) -> tuple[str, ...]:
        """The subsets of modalities there are, the one with most modalities first."""
        found = self.table["subset"].unique().to_pylist()
        return tuple(sorted(found, key=lambda name: -name.count("+")))

    @property
    def object_ids(self) -> np.ndarray:
        """(N,) object_id strings."""
        return self.table["object_id"].to_numpy()

    @property
    def labels(self) -> np.ndarray:
        """(N,) index of each row's class, -1 where it is unlabelled."""
        return self._class_index("label")

    @property
    def predicted(self) -> np.ndarray:
        """(N,) index of each row's predicted class."""
        return self._class_index("predicted")

    @property
    def probabilities(self) -> np.ndarray:
        """(N, K) float64 probabilities, each row scaled to the sum 1."""
        columns = [self.table[f"prob_{name}"].to_numpy() for name in self.classes]
        values = np.stack(columns, axis=1).astype(np.float64)
        return values / values.sum(axis=1, keepdims=True)

    @property
    def groups(self) -> np.ndarray:
        """(N,) number of each row's group, 0 .. G-1 in the order of their names."""
        codes, names = _encode(self.table["group"])
        rank = np.empty(len(names), dtype=np.intp)
        rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
        return rank[codes]

    def select(self, *, fold: str | None = None, subset: str | None = None) -> "Predictions":
        """The rows of one fold and one subset.

        Args:
            fold: A value of the fold column. `"test"` of a k-fold table, whose folds are numbers,
                means every out-of-fold prediction together.
            subset: A value of the subset column.

        Raises:
            RunError: If the table has no such fold or subset; the message lists those it has.
        """
        table = self.table
        if fold is not None:
            numbers = [name for name in self.folds if name.isdecimal()]
            wanted = numbers if fold == "test" and "test" not in self.folds else [fold]
            if not set(wanted) & set(self.folds):
                has = ", ".join(self.folds) or "no rows"
                raise RunError(f"predictions have no fold {fold!r}; they have {has}")
            table = table.filter(pc.field("fold").isin(wanted))
        if subset is not None:
            if subset not in self.subsets:
                has = ", ".join(self.subsets)
                raise RunError(f"predictions have no subset {subset!r}; they have {has}")
            table = table.filter(pc.field("subset") == subset)
        return self._with(table)

    def labelled(self, target: str = "") -> "Predictions":
        """The rows that have a label; for numbers that of one target."""
        column = f"label_{target}" if target else "label"
        return self._with(self.table.filter(pc.field(column).is_valid()))

    def numbers(self, target: str) -> "Numbers":
        """What was predicted of one target; the truth is NaN where it is unlabelled."""
        truth, mean, sd = (
            self.table[name].to_numpy().astype(np.float64)
            for name in (f"label_{target}", f"{target}_mean", f"{target}_sd")
        )
        spread = len(self) > 0 and not self.table[f"{target}_sd"].null_count
        return Numbers(truth, mean, sd if spread else None)

    def take(self, rows: np.ndarray) -> "Predictions":
        """Rows by number, in the caller's order."""
        return self._with(self.table.take(pa.array(rows)))

    def _with(self, table: pa.Table) -> "Predictions":
        return Predictions(table, self.form, self.metadata)

    def _class_index(self, column: str) -> np.ndarray:
        codes, names = _encode(self.table[column])
        index = [self.classes.index(name) for name in names]
        return np.array([*index, -1], dtype=np.int64)[codes]


@dataclass(frozen=True)
class Numbers:
    """One target: truth (N,), NaN = unlabelled, and predicted means and widths (N,), if any."""

    truth: np.ndarray
    mean: np.ndarray
    sd: np.ndarray | None


class PredictionsWriter:
    """Writes a predictions table part by part; the file appears when the block ends, or never.

    Used as a context manager. A kill or an error leaves what the path held before.

    Args:
        path: The file.
        classes: In the order of the probabilities; or
        targets: in the order of the numbers.
        metadata: See `Predictions`.
    """

    def __init__(
        self,
        path: Path,
        *,
        classes: Sequence[str] = (),
        targets: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ):
        self._path, self._form = path, forms.Form(tuple(classes), tuple(targets))
        encoded = forms.encode_metadata(forms.full_metadata(metadata or {}, self._form))
        self._schema = self._form.schema.with_metadata(encoded)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        temporary = self._stack.enter_context(written_whole(self._path))
        self._parquet = self._stack.enter_context(pq.ParquetWriter(temporary, self._schema))
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self._stack.__exit__(*error)

    def add(self, columns: Mapping[str, Any]) -> None:
        """Adds rows.

        Args:
            columns: The table's columns. A single string or number stands for the whole column;
                `probabilities` (N, K) may stand for the prob_<class> columns; `predicted` may be
                left out (the most probable class), and so may `group` (the object itself).
                `labels` (N, D), `means` and `sds` (or None) may stand for those of the numbers,
                whose quantiles are then Gaussian; NaN labels become null.

        Raises:
            RunError: If a column is missing, unknown, of another length, or holds bad values.
        """
        table = self._table(dict(columns))
        forms.check_values(table, self._form, str(self._path))
        self._parquet.write_table(table)

    def _table(self, columns: dict[str, Any]) -> pa.Table:
        where, rows = str(self._path), len(columns["object_id"])
        if "probabilities" in columns:
            classes = self._form.classes
            values = np.asarray(columns.pop("probabilities"), dtype=np.float32)
            if values.shape != (rows, len(classes)):
                raise RunError(
                    f"{where}: probabilities have shape {values.shape}, "
                    f"expected {(rows, len(classes))}: one column a class"
                )
            columns |= {f"prob_{name}": values[:, k] for k, name in enumerate(classes)}
            names = np.array(classes, dtype=object)
            columns.setdefault("predicted", names[values.argmax(axis=1)])
        if "means" in columns:
            labels, means, sds = (columns.pop(name) for name in ("labels", "means", "sds"))
            columns |= number_columns(self._form.targets, labels, means, sds)
        columns.setdefault("group", columns["object_id"])
        forms.check_names(columns, self._schema, where)
        arrays = [_column(columns[field.name], field, rows, where) for field in self._schema]
        return pa.Table.from_arrays(arrays, schema=self._schema)


def number_columns(
    targets: Sequence[str], labels: np.ndarray, means: np.ndarray, sds: np.ndarray | None
) -> dict[str, Any]:
    """The columns of numbers (N, D), with Gaussian quantiles where there are widths."""
    columns: dict[str, Any] = {}
    for k, name in enumerate(targets):
        mean = means[:, k].astype(np.float64)
        columns[f"label_{name}"] = pa.array(labels[:, k], pa.float64(), from_pandas=True)
        columns[f"{name}_mean"] = mean.astype(np.float32)
        spread = [None] * len(forms.SPREAD)
        if sds is not None:
            quantiles = [gaussian_quantile(mean, sds[:, k], level) for level in QUANTILES]
            spread = [part.astype(np.float32) for part in (sds[:, k], *quantiles)]
        for part, values in zip(forms.SPREAD, spread, strict=True):
            nothing = pa.nulls(len(mean), pa.float32())
            columns[f"{name}_{part}"] = nothing if values is None else values
    return columns


def read_predictions(path: Path) -> Predictions:
    """Reads and checks a predictions table.

    Raises:
        RunError: Naming the file and the column that cannot be used as it is.
    """
    where = str(path)
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise RunError(f"{where}: no such file; `trifid train` writes predictions") from None
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{where} is not a readable Parquet file: {reason}") from None
    metadata, kind = forms.decode_metadata(table.schema.metadata or {}, where)
    schema = kind.schema
    forms.check_names(table.column_names, schema, where)
    columns = [_column(table[field.name], field, table.num_rows, where) for field in schema]
    table = pa.Table.from_arrays(columns, schema=schema)
    forms.check_values(table, kind, where)
    forms.check_unique(table, where)
    return Predictions(table, kind, metadata)


def pool_folds(parts: Sequence[Path], out: Path) -> Path:
    """Joins the test rows of k runs into one table whose folds are the runs' numbers.

    Raises:
        RunError: If a part cannot be read or its task or classes differ from the first one's.
    """
    first = read_predictions(parts[0])
    names = {"classes": first.classes, "targets": first.targets}
    with PredictionsWriter(out, **names, metadata=first.metadata) as writer:
        for number, path in enumerate(parts):
            part = read_predictions(path).select(fold="test")
            if (part.form, part.metadata["task"]) != (first.form, first.metadata["task"]):
                raise RunError(f"{path}: task or classes differ from those of {parts[0]}")
            columns = {name: part.table[name] for name in part.table.column_names}
            writer.add(columns | {"fold": str(number)})
    return out


def _encode(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Each value's number in the list of different values; -1 for null."""
    whole = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    encoded = whole.dictionary_encode()
    return encoded.indices.fill_null(-1).to_numpy().astype(np.intp), encoded.dictionary.to_pylist()


def _column(values: Any, field: pa.Field, rows: int, where: str) -> pa.Array | pa.ChunkedArray:
    try:
        if isinstance(values, str | int):
            return pa.repeat(pa.scalar(values, field.type), rows)
        if isinstance(values, pa.ChunkedArray | pa.Array):
            array = values.cast(field.type)
        else:
            array = pa.array(values, type=field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise RunError(f"{where}: column {field.name!r}, expected {field.type}: {error}") from None
    if len(array) != rows:
        raise RunError(f"{where}: column {field.name!r} has {len(array)} values for {rows} rows")
    return array
