import json

import numpy as np
import pytest

from trifid.errors import RunError
from trifid.evaluation.compare import COMPARED
from trifid.evaluation.seeds import compare_seeds
from trifid.metrics.comparison import corrected_resampled_t


def runs_of(table, columns, skill, seeds):
    return [table(columns(300, skill=skill, seed=s)) for s in seeds]


def test_means_scatter_and_differences_from_the_first(table, columns):
    runs = {
        "weak": runs_of(table, columns, 1.0, (1, 2, 3)),
        "strong": runs_of(table, columns, 3.0, (4, 5, 6)),
        "as weak": runs_of(table, columns, 1.0, (7, 8)),
    }
    found = compare_seeds(runs, resamples=400, test_share=0.2)
    weak, strong, _ = found["models"]
    accuracy = weak["metrics"]["accuracy"]
    single = [(part.labels == part.predicted).mean() for part in runs["weak"]]
    assert accuracy["value"] == pytest.approx(np.mean(single))
    assert accuracy["seed_sd"] == pytest.approx(np.std(single, ddof=1))
    assert accuracy["seeds"] == pytest.approx(single)
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    gaps = {(e["a"], e["metric"]): e for e in found["differences"]}
    assert len(gaps) == 2 * len(COMPARED)
    gap = gaps["strong", "macro_f1"]
    value = strong["metrics"]["macro_f1"]["value"] - weak["metrics"]["macro_f1"]["value"]
    assert gap["value"] == pytest.approx(value) and gap["better"] == "strong"
    assert gaps["as weak", "accuracy"]["better"] is None
    seeds = np.subtract(
        strong["metrics"]["macro_f1"]["seeds"], weak["metrics"]["macro_f1"]["seeds"]
    )
    _, low, high, p = corrected_resampled_t(seeds, 0.2)
    assert gap["over_seeds"] == {"low": low, "high": high, "p": p}
    assert gaps["as weak", "macro_f1"]["over_seeds"] is None  # two seeds against three
    assert found["best"] == {"macro_f1": "strong"}
    back = {entry["a"]: entry for entry in found["from_best"]}
    assert set(back) == {"weak", "as weak"} and {e["b"] for e in back.values()} == {"strong"}
    assert back["weak"]["value"] == pytest.approx(-value)
    assert (back["weak"]["low"], back["weak"]["high"]) == pytest.approx(
        (-gap["high"], -gap["low"]), abs=0.01
    )
    assert back["weak"]["better"] == "strong"
    assert found["n"] == 300 and found["seeds"] == [3, 3, 2]
    json.dumps(found, allow_nan=False)


def test_one_seed_has_no_scatter_and_no_runs_are_refused(table, columns):
    found = compare_seeds({"a": runs_of(table, columns, 1.0, (1,))}, resamples=100)
    assert found["models"][0]["metrics"]["accuracy"]["seed_sd"] is None
    assert found["differences"] == []
    with pytest.raises(RunError, match="at least one finished run"):
        compare_seeds({"a": []})
