"""Small predictions tables: a classifier of chosen skill on the same objects every time."""

from pathlib import Path

import numpy as np
import pytest

from trifid.evaluation.predictions import PredictionsWriter, read_predictions

CLASSES = ("galaxy", "quasar", "star")


def columns_of(n=200, *, skill=1.5, seed=0, fold="test", subset="image+spectrum", **others):
    """Columns for a writer: objects and labels depend on `n` alone, scores on skill and seed."""
    labels = np.random.default_rng(99).integers(0, len(CLASSES), n)
    scores = np.random.default_rng(seed).normal(size=(n, len(CLASSES)))
    scores[np.arange(n), labels] += skill
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    columns = {
        "object_id": [f"sdss-1-2-{k:04d}" for k in range(n)],
        "fold": fold,
        "subset": subset,
        "label": np.array(CLASSES, dtype=object)[labels],
        "probabilities": probabilities,
        "seed": 1,
        "run": "run",
    }
    return columns | others


@pytest.fixture
def write(tmp_path):
    """Writes one table from parts of columns and gives its path."""

    def write_parts(*parts, name="predictions.parquet", classes=CLASSES, **metadata) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with PredictionsWriter(
            path, classes=classes, metadata={"task": "sgq3", "model": "small"} | metadata
        ) as writer:
            for part in parts:
                writer.add(part)
        return path

    return write_parts


@pytest.fixture
def columns():
    """The function that makes columns."""
    return columns_of


@pytest.fixture
def table(write):
    """Writes columns of the given options and reads them back."""
    count = iter(range(1000))

    def read_table(*parts, **metadata):
        return read_predictions(write(*parts, name=f"{next(count)}.parquet", **metadata))

    return read_table
