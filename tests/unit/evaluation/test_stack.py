"""Stacked runs: the weights by hand and by scikit-learn, test rows untouched by their labels."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from trifid.errors import RunError
from trifid.evaluation.predictions import PredictionsWriter, read_predictions
from trifid.evaluation.stack import stack

NOISE = {"image": 0.8, "spectrum": 0.3}
TARGETS = ("redshift", "sfr_median")


def numbers(path, subset, *, rows=200, skip=0, shift=0.0, targets=TARGETS):
    """Predictions of valid and test rows; every fifth object has no second target."""
    truth = np.random.default_rng(1).normal(2, 1, (2, rows, len(TARGETS)))[..., : len(targets)]
    noise = np.random.default_rng(len(subset)).normal(0, NOISE[subset], truth.shape)
    labels = truth.copy()
    labels[:, ::5, 1:] = np.nan
    with PredictionsWriter(path, targets=targets, metadata={"task": "zsfr", "model": "m"}) as out:
        for k, fold in enumerate(("valid", "test")):
            order = np.random.default_rng(k).permutation(rows)[skip:]
            out.add(
                {
                    "object_id": [f"{fold}-{i:03d}" for i in order],
                    "fold": fold, "subset": subset, "seed": 1, "run": "r",
                    "labels": labels[k, order] + (shift if fold == "test" else 0.0),
                    "means": truth[k, order] + noise[k, order], "sds": None,
                }
            )  # fmt: skip
    return read_predictions(path)


@pytest.fixture
def parts(tmp_path):
    return [numbers(tmp_path / f"{name}.parquet", name) for name in NOISE]


def arrays(predictions, fold, target):
    rows = predictions.select(fold=fold)
    rows = rows.take(np.argsort(rows.object_ids))
    found = rows.numbers(target)
    return found.truth, found.mean


@pytest.mark.parametrize("target", TARGETS)
def test_ridge_is_scikit_learns_and_inverse_errors_are_by_hand(parts, tmp_path, target):
    truth, _ = arrays(parts[0], "valid", target)
    known = np.isfinite(truth)
    scale = truth[known].std()
    valid = np.stack([arrays(part, "valid", target)[1] for part in parts], axis=1)
    test = np.stack([arrays(part, "test", target)[1] for part in parts], axis=1)
    ridge = Ridge(alpha=1.0).fit(valid[known] / scale, truth[known] / scale)
    expected = ridge.predict(test / scale) * scale
    error = np.square(valid[known] - truth[known, None]).mean(axis=0)
    simple = (test / error).sum(axis=1) / (1 / error).sum()
    for way, wanted in (("ridge", expected), ("inverse_mse", simple)):
        path = stack(parts, tmp_path / "s.parquet", way=way, seed=3, run="stack")
        found = read_predictions(path)
        assert found.subsets == ("image+spectrum",) and found.folds == ("valid", "test")
        np.testing.assert_allclose(arrays(found, "test", target)[1], wanted, rtol=1e-5)


def test_both_are_better_than_either_and_test_labels_are_not_read(parts, tmp_path):
    one = read_predictions(stack(parts, tmp_path / "1", way="ridge", seed=1, run="s"))
    truth, mean = arrays(one, "test", "redshift")
    errors = [np.square(arrays(part, "test", "redshift")[1] - truth).mean() for part in parts]
    assert np.square(mean - truth).mean() < min(errors)
    moved = [numbers(tmp_path / f"m-{n}", n, shift=9.0) for n in NOISE]
    two = read_predictions(stack(moved, tmp_path / "2", way="ridge", seed=1, run="s"))
    np.testing.assert_array_equal(arrays(two, "test", "redshift")[1], mean)


def test_rows_that_one_run_lacks_are_left_out_and_misfits_refused(parts, tmp_path):
    fewer = numbers(tmp_path / "few", "image", skip=50)
    found = read_predictions(stack([fewer, parts[1]], tmp_path / "s", way="ridge", seed=1, run="s"))
    assert len(found) == 300
    other = numbers(tmp_path / "other", "image", targets=("redshift",))
    for wrong in ([parts[0]], [parts[0], other]):
        with pytest.raises(RunError, match="same numbers"):
            stack(wrong, tmp_path / "w", way="ridge", seed=1, run="s")
