import json

import pytest

from trifid.bench.board import leaderboard_text
from trifid.bench.suite import Contender, Suite, read_suite, run_suite
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


def test_a_stack_joins_the_predictions_of_those_before_it(number_store, tmp_path):
    changes = ('targets=["redshift"]', "split.by=group")
    mean = Contender(name="mean", recipe="zsfr_mean")
    linear = Contender(name="linear", recipe="zsfr_linear_spectrum", set=("model.components=8",))
    both = Contender(name="both", stack=("mean", "linear"), way="inverse_mse")
    suite = Suite(name="s", contenders=(mean, linear, both), seeds=(1,), set=changes)
    board = run_suite(suite, number_store, tmp_path / "out")
    assert [model["name"] for model in board["models"]] == ["mean", "linear", "both"]
    assert board["models"][2]["cost"]["train_seconds"] == 0.0
    assert abs(board["models"][0]["metrics"]["redshift_r2"]["value"]) < 0.2
    assert (tmp_path / "out/runs/both/seed-1/metrics.json").is_file()
    assert run_suite(suite, number_store, tmp_path / "out", resume=True) == board
    late = suite.replace(contenders=(mean, both, linear))
    with pytest.raises(ConfigError, match="no contender 'linear' before it"):
        run_suite(late, number_store, tmp_path / "late")
    with pytest.raises(ConfigError, match="a stack needs valid rows"):
        run_suite(suite.replace(folds=2), number_store, tmp_path / "late")
    with pytest.raises(ValueError, match="a recipe or a stack"):
        Contender(name="neither")
