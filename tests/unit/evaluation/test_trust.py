import json

import numpy as np
import pytest

from trifid.errors import RunError
from trifid.evaluation.trust import trust


def test_sets_cover_and_abstention_keeps_its_promise(table, columns):
    predictions = table(
        columns(3000, seed=1, fold="valid", skill=2.0), columns(3000, seed=2, skill=2.0)
    )
    found = trust(predictions)
    for name, entry in found["conformal"].items():
        assert entry["coverage"]["value"] == pytest.approx(0.9, abs=0.02), name
        assert entry["coverage"]["low"] < 0.9 < entry["coverage"]["high"] + 0.02
        assert 0.9 <= entry["mean_size"] <= 3
    for entry in found["conformal"]["lac_per_class"]["per_class"].values():
        assert entry["value"] == pytest.approx(0.9, abs=0.04)
    loose = found["selective"]["at"][1]
    assert loose["risk"] == 0.05 and 0 < loose["answered"] < 1
    assert loose["error"]["low"] <= 0.05
    assert found["selective"]["best_area"] <= found["selective"]["area"]
    json.dumps(found, allow_nan=False)


def test_a_model_too_sure_of_itself_is_mended_on_new_rows(table, columns):
    def sharp(fold, seed):
        made = columns(2000, seed=seed, fold=fold, skill=1.0)
        p = made["probabilities"] ** 4
        return made | {"probabilities": p / p.sum(axis=1, keepdims=True)}

    found = trust(table(sharp("valid", 1), sharp("test", 2)))["calibration"]
    for name in ("temperature", "vector", "dirichlet"):
        assert found[name]["nll"] < found["as_predicted"]["nll"] - 0.1
        assert found[name]["ece"] < 0.5 * found["as_predicted"]["ece"]


def test_shares_of_balanced_training_are_corrected(table):
    """A posterior under equal shares, objects by 80, 15 and 5 % (trap E14, before and after)."""

    def drawn(fold, seed):
        rng = np.random.default_rng(seed)
        labels = rng.choice(3, 3000, p=(0.8, 0.15, 0.05))
        points = 2.0 * np.eye(3)[labels] + rng.normal(size=(3000, 3))
        p = np.exp(2.0 * points)
        names = np.array(["galaxy", "quasar", "star"], object)
        return {"object_id": [f"o{k}" for k in range(3000)], "fold": fold, "subset": "table",
                "label": names[labels], "probabilities": p / p.sum(axis=1, keepdims=True),
                "seed": 1, "run": "r"}  # fmt: skip

    parts = drawn("valid", 1), drawn("test", 2)
    equal = {"galaxy": 0.5, "quasar": 0.5, "star": 0.5}
    found = trust(table(*parts, trained_shares=equal))
    before, after = (found["calibration"][name] for name in ("as_predicted", "prior"))
    assert after["classwise_ece"] < 0.02 < 0.05 < before["classwise_ece"]
    assert after["ece"] < 0.02
    assert after["nll"] < before["nll"] - 0.05
    assert found["prior"]["trained"]["star"] == pytest.approx(1 / 3)
    assert found["prior"]["estimated"]["galaxy"] == pytest.approx(0.8, abs=0.02)
    natural = trust(table(*parts))
    assert natural["prior"] is None and "prior" not in natural["calibration"]
    with pytest.raises(RunError, match="a positive share of each class"):
        trust(table(*parts, trained_shares={"galaxy": 1.0}))


def test_without_validation_rows_nothing_is_said(table, columns):
    assert trust(table(columns(50))) == {}


def test_few_validation_rows_give_whole_sets(table, columns):
    few = columns(5, fold="valid")
    found = trust(table(few, columns(100)))["conformal"]["lac"]
    assert found["mean_size"] == 3 and found["coverage"]["value"] == 1.0
    assert np.isfinite(found["coverage"]["low"])
