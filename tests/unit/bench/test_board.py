import base64
import hashlib
import re

import numpy as np
import pytest

from trifid.bench.board import leaderboard_page, leaderboard_text, pareto
from trifid.errors import RunError


def entry(value, low=None, high=None, sd=0.01):
    return {"value": value, "low": low, "high": high, "seed_sd": sd, "seeds": [value]}


def model(name, f1, seconds, parameters=1000, rows=700):
    metrics = {n: entry(f1, f1 - 0.05, f1 + 0.05) for n in ("macro_f1", "accuracy", "log_loss")}
    cost = {"train_seconds": seconds, "parameters": parameters, "train_rows": rows}
    return {"name": name, "recipe": "one", "metrics": metrics, "cost": cost, "crossed": None}


@pytest.fixture
def board():
    gap = {
        "a": "b",
        "b": "a",
        "metric": "macro_f1",
        "value": 0.1,
        "low": 0.02,
        "high": 0.2,
        "p_adjusted": 0.01,
        "better": "b",
        "over_seeds": {"low": 0.0, "high": 0.2, "p": 0.049},
    }
    back = gap | {"a": "a", "b": "b", "value": -0.1, "low": -0.2, "high": -0.02}
    return {
        "suite": "small", "kind": "classification", "simulated": True, "n": 300, "groups": 290,
        "seeds": [3, 3], "targets": {}, "differences": [gap], "from_best": [back],
        "notes": ["simulated objects: no statement about the sky"],
        "models": [model("a", 0.7, 10.0), model("b", 0.8, 30.0)],
    }  # fmt: skip


def test_the_best_model_comes_first_with_its_doubts(board):
    text = leaderboard_text(board)
    assert "300 simulated objects in 290 groups, 3 seeds, 6 runs judged on them" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert rows[0].startswith("| b") and "0.800 (0.750 to 0.850) ± 0.010" in rows[0]
    assert "+0.100, p 0.01, over seeds p 0.049: b better" in rows[0] and "| itself |" in rows[0]
    assert "the reference" in rows[1] and "-0.100, p 0.01" in rows[1] and "| 700 |" in rows[1]
    assert "against the highest" in text and "Simulated objects: no statement" in text


def test_a_leaderboard_that_claims_more_than_its_tests_is_not_written(board):
    board["differences"][0]["p_adjusted"] = board["from_best"][0]["p_adjusted"] = 0.2
    for write in (leaderboard_text, leaderboard_page):
        with pytest.raises(RunError, match="'b better', which no test shows"):
            write(board)


def test_a_recipe_trained_on_more_rows_has_a_learning_curve(board):
    assert "Learning curves" not in leaderboard_page(board)
    board["models"][0]["cost"]["train_rows"] = 100
    page = leaderboard_page(board)
    assert page.count("<svg") == 3
    assert "macro f1 by training rows. one: 0.700 from 100, 0.800 from 700." in page


def test_numbers_have_a_table_for_each_target(board):
    metrics = {
        f"{target}_{name}": entry(value)
        for target, value in (("redshift", 0.02), ("sfr_avg", 0.3))
        for name in ("rmse", "r2", "mae")
    }
    board |= {"kind": "regression", "targets": {"redshift": 300, "sfr_avg": 280},
              "differences": [], "from_best": []}  # fmt: skip
    board["models"] = [
        {"name": "net", "metrics": metrics, "cost": {}, "crossed": 0.0},
        {"name": "mean", "metrics": {k: entry(2 * v["value"]) for k, v in metrics.items()},
         "cost": {}, "crossed": None},
    ]  # fmt: skip
    text = leaderboard_text(board)
    assert "redshift (n = 300):" in text and "sfr_avg (n = 280):" in text
    assert text.index("| net") < text.index("| mean")
    assert "quantiles out of order, mean over seeds: net 0.0." in text
    page = leaderboard_page(board)
    assert page.count("<table") == 2 and "sfr_avg (n = 280)" in page


def test_the_page_stands_alone_and_shows_quality_against_cost(board):
    page = leaderboard_page(board)
    assert "mathdefault" not in page and ">20</text>" in page
    assert page.count("<svg") == 2 and "<script" not in page
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page and "trifid bench" in page
    assert "://" not in page.replace("http://www.w3.org", "")
    assert "macro f1 against training time [s]; no cheaper one equals a, b." in page
    assert "macro f1 against parameters; no cheaper one equals b." in page


def test_the_front_holds_what_nothing_cheaper_equals():
    rng = np.random.default_rng(0)
    points = [(float(c), float(q)) for c, q in rng.random((50, 2))]
    for lower in (False, True):
        front = set(pareto(points, lower=lower))
        for index, (cost, quality) in enumerate(points):
            sign = -1 if lower else 1
            beaten = any(
                c < cost and sign * q >= sign * quality
                for i, (c, q) in enumerate(points)
                if i != index
            )
            assert (index in front) == (not beaten)
