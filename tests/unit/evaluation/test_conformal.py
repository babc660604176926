import json

import numpy as np
import pytest

from trifid.evaluation.conformal import binned_sets, number_intervals
from trifid.evaluation.evaluate import evaluate
from trifid.evaluation.predictions import PredictionsWriter, read_predictions

REPEATS, ROWS = 8, 2000


def depth(ids):
    """A magnitude for each object: later ones are fainter."""
    return {"modelmag_r": np.array([14.0 + 6.0 * int(name[1:]) / ROWS for name in ids])}


def write(path, parts, **form):
    with PredictionsWriter(path, **form, metadata={"task": "t", "model": "m"}) as writer:
        for fold, columns in parts.items():
            count = len(next(iter(columns.values())))
            names = [f"o{k}" for k in range(count)]
            writer.add({"object_id": names, "fold": fold, "subset": "table", "seed": 1, "run": "r",
                        **columns})  # fmt: skip
    return read_predictions(path)


def classes(rng, rows=ROWS):
    """Three classes whose scores drown in noise towards faint objects, all equally sure."""
    labels = rng.integers(0, 3, rows)
    noise = 0.3 + 2.0 * np.arange(rows) / rows
    scores = 2.0 * np.eye(3)[labels] + noise[:, None] * rng.normal(size=(rows, 3))
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return {"label": np.array(["a", "b", "c"], object)[labels], "probabilities": probabilities}


def numbers(rng, rows=ROWS, *, spread=True):
    """One number whose error grows towards faint objects, with one width for all."""
    truth = rng.normal(size=(rows, 1))
    noise = 0.2 + np.arange(rows)[:, None] / rows
    means = truth + noise * rng.normal(size=(rows, 1))
    return {"labels": truth, "means": means, "sds": np.full((rows, 1), 0.3) if spread else None}


def repeated(tmp_path, make, **form):
    """Tables of fresh validation and test rows."""
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        parts = {"valid": make(rng), "test": make(rng)}
        yield write(tmp_path / f"{seed}.parquet", parts, **form)


def test_sets_hold_within_every_bin_where_one_threshold_does_not(tmp_path):
    own, one = [], []
    for table in repeated(tmp_path, classes, classes=("a", "b", "c")):
        valid, test = (table.select(fold=fold) for fold in ("valid", "test"))
        (found,) = binned_sets(valid, test, depth)
        assert found["column"] == "modelmag_r" and [e["n"] for e in found["bins"]] == [500] * 4
        own.append([entry["coverage"]["value"] for entry in found["bins"]])
        one.append([entry["one"]["value"] for entry in found["bins"]])
    assert np.mean(own, axis=0) == pytest.approx(0.9, abs=0.03)
    assert np.mean(own) == pytest.approx(0.9, abs=0.01)
    assert np.mean(one, axis=0)[0] > 0.95 and np.mean(one, axis=0)[-1] < 0.85


@pytest.mark.parametrize("spread", [True, False])
def test_intervals_of_numbers_hold_overall_and_within_bins(tmp_path, spread):
    overall, own = [], []
    for table in repeated(tmp_path, lambda rng: numbers(rng, spread=spread), targets=("mass",)):
        found = number_intervals(table, columns=depth)["mass"]
        overall.append(found["conformal"]["coverage"]["value"])
        assert (found["as_predicted"] is None) == (not spread)
        if spread:
            assert found["as_predicted"]["coverage"]["value"] < 0.75
        by = {entry["column"]: entry["bins"] for entry in found["by"]}
        assert set(by) == {"modelmag_r", "predicted mass"}
        own.append([entry["coverage"]["value"] for entry in by["modelmag_r"]])
        widths = [entry["mean_width"] for entry in by["modelmag_r"]]
        assert widths == sorted(widths) and by["modelmag_r"][-1]["one"]["value"] < 0.87
    assert np.mean(overall) == pytest.approx(0.9, abs=0.01)
    assert np.mean(own, axis=0) == pytest.approx(0.9, abs=0.03)


def test_recalibrated_quantiles_hold_and_their_pit_is_uniform(tmp_path):
    """The model is twice too sure: widths of 0.3 for errors of about 0.7."""
    held, distances = [], []
    for table in repeated(tmp_path, numbers, targets=("mass",)):
        found = number_intervals(table)["mass"]
        held.append(found["recalibrated"]["coverage"]["value"])
        distances.append([found[key]["pit_distance"] for key in ("as_predicted", "recalibrated")])
        assert found["recalibrated"]["mean_width"] > 2 * found["as_predicted"]["mean_width"]
    assert np.mean(held) == pytest.approx(0.9, abs=0.01)
    before, after = np.mean(distances, axis=0)
    assert after < 0.03 < 0.1 < before


def test_unknown_numbers_are_left_out_and_few_rows_give_fewer_bins(tmp_path):
    rng = np.random.default_rng(0)
    table = write(tmp_path / "p.parquet", {"valid": classes(rng, 130), "test": classes(rng, 90)},
                  classes=("a", "b", "c"))  # fmt: skip
    valid, test = (table.select(fold=fold) for fold in ("valid", "test"))

    def holes(ids):
        values = np.arange(len(ids), dtype=np.float64)
        values[::9] = np.nan
        return {"redshift": values, "sky": np.array(["x"] * len(ids), object),
                "same": np.ones(len(ids))}  # fmt: skip

    (found,) = binned_sets(valid, test, holes)
    assert found["column"] == "redshift" and len(found["bins"]) == 2
    assert sum(entry["n"] for entry in found["bins"]) == 80
    assert binned_sets(valid.take(np.arange(80)), test, holes) == []


def test_a_target_is_no_bin_and_without_validation_rows_nothing_is_said(tmp_path):
    rng = np.random.default_rng(1)
    parts = {"valid": numbers(rng, 400), "test": numbers(rng, 300)}
    table = write(tmp_path / "a.parquet", parts, targets=("modelmag_r",))
    document = evaluate(table, resamples=100, columns=depth)
    found = document["intervals"]["modelmag_r"]
    assert [entry["column"] for entry in found["by"]] == ["predicted modelmag_r"]
    json.dumps(document, allow_nan=False)
    alone = write(tmp_path / "b.parquet", {"test": numbers(rng, 50)}, targets=("mass",))
    assert number_intervals(alone) == {}
