import json

import pytest

from trifid.bench.board import leaderboard_text
from trifid.bench.suite import Contender, Suite, read_suite, run_suite
from trifid.bench.suites import SUITES
from trifid.errors import ConfigError, RunError

QUICK = ("training.epochs=1", "training.batch_size=32", "split.by=group")


@pytest.fixture
def suite():
    return Suite(
        name="quick",
        contenders=(
            Contender(name="spectrum", recipe="galaxy4_spectrum", set=("inputs.spectrum.rebin=3",)),
            Contender(name="table", recipe="galaxy4_table"),
        ),
        seeds=(1, 2),
        set=QUICK,
    )


def test_a_suite_trains_judges_and_goes_on_where_it_was_killed(
    suite, store_folder, tmp_path, monkeypatch
):
    from trifid.bench import suite as module

    out, lines, right = tmp_path / "out", [], module.train

    def killed_at_the_third(*arguments, **options):
        if len(lines) == 3:
            first = json.loads((out / "leaderboard.json").read_text())
            assert first["seeds"] == [1, 1]  # the seed that is done
            raise KeyboardInterrupt
        return right(*arguments, **options)

    monkeypatch.setattr(module, "train", killed_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run_suite(suite, store_folder, out, tell=lines.append)
    monkeypatch.setattr(module, "train", right)
    weights = out / "runs" / "table" / "seed-1" / "bundle" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    with pytest.raises(RunError, match="add --resume"):
        run_suite(suite, store_folder, out)
    board = run_suite(suite, store_folder, out, resume=True, tell=lines.append)
    assert weights.stat().st_mtime_ns == before
    assert [model["name"] for model in board["models"]] == ["spectrum", "table"]
    assert json.loads((out / "leaderboard.json").read_text()) == board
    assert all(len(model["metrics"]["macro_f1"]["seeds"]) == 2 for model in board["models"])
    foreign = {"theirs": out / "runs" / "table" / "seed-1" / "predictions.parquet"}
    more = run_suite(suite, store_folder, out, resume=True, submissions=foreign)
    assert [model["name"] for model in more["models"]] == ["spectrum", "table", "theirs"]
    assert "| theirs |" in (out / "leaderboard.md").read_text()
    with pytest.raises(RunError, match="called 'table' already"):
        run_suite(suite, store_folder, out, resume=True, submissions={"table": foreign["theirs"]})
    with pytest.raises(ConfigError, match="is no name"):
        run_suite(suite, store_folder, out, resume=True, submissions={"a|b": foreign["theirs"]})
    board = run_suite(suite, store_folder, out, resume=True)
    text = (out / "leaderboard.md").read_text()
    assert text == leaderboard_text(board) and "the reference" in text
    with pytest.raises(RunError, match="another suite"):
        run_suite(suite.replace(set=(*QUICK, "training.epochs=2")), store_folder, out, resume=True)
    fewer = run_suite(suite.replace(seeds=(2,)), store_folder, out, resume=True)
    assert fewer["seeds"] == [1, 1] and weights.stat().st_mtime_ns == before


def test_everything_is_checked_before_the_first_run(suite, store_folder, tmp_path):
    wrong = suite.contenders[1].replace(set=("training.epoch=2",))
    with pytest.raises(ConfigError, match="no such field"):
        run_suite(suite.replace(contenders=(suite.contenders[0], wrong)), store_folder, tmp_path)
    twice = suite.replace(contenders=(suite.contenders[0], suite.contenders[0]))
    with pytest.raises(ConfigError, match="share a name"):
        run_suite(twice, store_folder, tmp_path)
    assert not (tmp_path / "runs").exists()


def test_a_suite_file(tmp_path):
    path = tmp_path / "suite.toml"
    path.write_text('name = "a"\n[[contenders]]\nname = "t"\nrecipe = "galaxy4_table"\n')
    assert read_suite(path).contenders[0].recipe == "galaxy4_table"
    path.write_text('name = "a"\ncontenders = []\n')
    with pytest.raises(ConfigError, match="contenders"):
        read_suite(path)
    path.write_text("name = ")
    with pytest.raises(ConfigError, match="is not TOML"):
        read_suite(path)


def test_the_suites_that_come_along_have_recipes_that_exist():
    from trifid import registry

    for suite in SUITES.values():
        for entry in suite.contenders:
            assert registry.get("recipe", entry.recipe).build().task
