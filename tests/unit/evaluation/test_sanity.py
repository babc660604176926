"""The curve of windows of a trained network against that of the same network before training."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from trifid.evaluation.predictions import PredictionsWriter, read_predictions
from trifid.evaluation.sanity import agreement, changes


def test_the_agreement_is_the_mean_of_spearman_s_correlation():
    rng = np.random.default_rng(0)
    first = rng.random((40, 7))
    second = np.round(first + 0.5 * rng.random((40, 7)), 1)  # with ties
    expected = [spearmanr(*pair).statistic for pair in zip(first, second, strict=True)]
    found = agreement(first, second, np.arange(40), resamples=300)
    assert found["value"] == pytest.approx(np.mean(expected)) and found["n"] == 40
    assert found["low"] < found["value"] < found["high"]
    together = agreement(first, second, np.arange(40) // 4, resamples=300)
    assert together["value"] == pytest.approx(found["value"]) and together["low"] != found["low"]


def test_windows_without_data_and_rows_that_rank_nothing_do_not_count():
    first = np.array([[1.0, 2, 3, 0, 0], [1, 2, 0, 0, 0], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]])
    second = np.array([[3.0, 2, 1, 0, 0], [1, 2, 0, 0, 0], [7, 7, 7, 7, 7], [0, 0, 1, 2, 3]])
    found = agreement(first, second, np.arange(4), resamples=100)
    last = spearmanr(first[3], second[3]).statistic
    assert found["n"] == 2 and found["value"] == pytest.approx((-1 + last) / 2)
    assert agreement(first[1:2], second[1:2], np.arange(1), resamples=100)["value"] is None


def test_changes_are_summed_over_classes(table, columns):
    whole, part = table(columns(50, seed=1)), table(columns(50, seed=2))
    found = changes(whole, [whole, part])
    expected = np.abs(part.probabilities - whole.probabilities).sum(axis=1)
    assert found.shape == (50, 2) and not found[:, 0].any()
    assert found[:, 1] == pytest.approx(expected)


def test_changes_of_numbers_are_in_units_of_their_scatter(tmp_path):
    rng, parts = np.random.default_rng(0), []
    means = rng.normal(size=(30, 2)) * np.array([1.0, 1000.0])
    for name, moved in (("a", 0.0), ("b", 1.0)):
        path = tmp_path / f"{name}.parquet"
        with PredictionsWriter(path, targets=("age", "mass"),
                               metadata={"task": "t", "model": "m"}) as writer:  # fmt: skip
            writer.add({"object_id": [f"o{k}" for k in range(30)], "fold": "test", "subset": "x",
                        "seed": 1, "run": "r", "labels": means, "sds": None,
                        "means": means + moved * means.std(axis=0)})  # fmt: skip
        parts.append(read_predictions(path))
    assert changes(parts[0], parts[1:])[:, 0] == pytest.approx(2.0, rel=1e-4)
