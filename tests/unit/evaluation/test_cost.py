import json

import pytest

from trifid.errors import RunError
from trifid.evaluation.cost import run_cost


def _write(folder, **cost):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cost.json").write_text(json.dumps(cost))


def test_a_run_s_own_line(tmp_path):
    _write(tmp_path, parameters=415_490, train_seconds=60.5)
    assert run_cost(tmp_path) == {"parameters": 415_490, "train_seconds": 60.5}


def test_folds_add_their_seconds(tmp_path):
    for number in range(3):
        _write(
            tmp_path / f"fold-{number}",
            parameters=7,
            train_seconds=10.0 + number,
            peak_memory_bytes=100 + number,
        )
    assert run_cost(tmp_path) == {
        "parameters": 7,
        "train_seconds": 33.0,
        "peak_memory_bytes": 102,
    }


def test_no_line_and_a_broken_one(tmp_path):
    assert run_cost(tmp_path) == {}
    (tmp_path / "cost.json").write_text("{")
    with pytest.raises(RunError, match=r"cost\.json cannot be read"):
        run_cost(tmp_path)
    (tmp_path / "cost.json").write_text("[]")
    with pytest.raises(RunError, match="list, expected a JSON object"):
        run_cost(tmp_path)
