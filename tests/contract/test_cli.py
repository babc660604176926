"""The command line as its users meet it: exit codes, one line, one JSON document, no waiting."""

import fcntl
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import tomllib

import pytest
from typer.testing import CliRunner

from trifid import registry
from trifid.cli import main as command_line
from trifid.training.recipe import Recipe

VERBS = tuple(command_line.VERBS)
EXTRAS = ("timm", "torchvision", "lightgbm", "xgboost", "httpx", "astroquery", "bagpipes", "optuna")


@pytest.fixture
def call(capfd, monkeypatch):
    """A function that runs `trifid WORDS` in this process: (exit code, stdout, stderr)."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["trifid", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            command_line.main()
        out, err = capfd.readouterr()
        return stopped.value.code, out, err

    return run


@pytest.fixture
def refused(call):
    """A function that runs `trifid WORDS`, expects the user's mistake and gives its one line."""

    def run(*words):
        code, out, err = call(*words)
        assert code == 2, err
        assert out == ""
        assert err.count("\n") == 1 and err.startswith("trifid: "), err
        return err

    return run


def child(code, **environment):
    """Runs Python code in a fresh process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
        check=False,
    )


def strict_json(text):
    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def recipe_file(small_recipe, tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(small_recipe.edited(["training.epochs=1"]).toml())
    return path


# help, start, version


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb):
    shown = CliRunner().invoke(command_line.app, [verb, "--help"], prog_name="trifid")
    assert shown.exit_code == 0
    assert f"Usage: trifid {verb}" in shown.output
    help_text = (command_line.VERBS[verb].__doc__ or "").strip().split("\n")[0].split(";")[0]
    assert " ".join(shown.output.split()).find(help_text[:40]) > 0


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_that_answers_has_json(verb):
    assert "--json" in CliRunner().invoke(command_line.app, [verb, "--help"]).output


def test_help_lists_every_verb_within_half_a_second():
    command = [sys.executable, "-c", "from trifid.cli.main import main; main()", "--help"]
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        seconds.append(time.perf_counter() - start)
        for verb in VERBS:
            assert verb in shown.stdout
    used = child(
        "import resource, trifid.cli.main as m; m.app(['--help'], standalone_mode=False); "
        "import sys; t = resource.getrusage(resource.RUSAGE_SELF); "
        "sys.stderr.write(str(t.ru_utime + t.ru_stime))"
    )
    # other work on the machine may hold the wall clock up, but not the processor's
    assert min(statistics.median(seconds), float(used.stderr)) < 0.5


def test_importing_trifid_is_quick_and_brings_no_torch():
    seen = child(
        "import time; start = time.process_time(); import trifid; "
        "took = time.process_time() - start; import trifid.cli.main, sys; "
        "names = ('torch', 'numpy', 'pyarrow', 'astropy', 'scipy'); "
        "heavy = [name for name in names if name in sys.modules]; "
        "print(took, heavy)"
    )
    took, heavy = seen.stdout.split(" ", 1)
    assert float(took) < 1.0
    assert heavy.strip() == "[]"


def test_version_and_no_verb_at_all(call):
    from trifid.version import __version__

    assert call("--version")[:2] == (0, __version__ + "\n")
    code, out, _ = call()
    assert code == 0 and "Usage: trifid" in out


# wrong command lines, wrong names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nope"], "No such command 'nope'"),
        (["train"], "Missing argument 'recipe'; see trifid train --help"),
        (["train", "galaxy4"], "Missing option '--data'"),
        (["info", "a", "b"], "unexpected extra argument"),
        (["info", "a", "--zz"], "No such option: --zz"),
        (
            ["simulate", "galaxy4", "--out", "x", "--objects", "many"],
            "Invalid value for '--objects'",
        ),
        (["train", "galaxy4", "--data", "x", "--out", "y", "--folds", "-1"], "--folds"),
        (["list", "stars"], "no kind 'stars' to list; known: models, recipes, tasks, surveys"),
        (["show", "gcsnet_papr"], "no model named 'gcsnet_papr'; known: gcsnet_paper"),
        (
            ["show", "galaxy4"],
            "'galaxy4' is several things; say which: recipe/galaxy4, task/galaxy4",
        ),
        (["show", "recipe/galaxy5"], "no recipe named 'galaxy5'; known: galaxy4"),
        (["show", "sky/galaxy4"], "no kind 'sky'; known: model, recipe, task, survey"),
        (
            ["train", "galxy4", "--data", "x", "--out", "y"],
            "no recipe named 'galxy4'; known: galaxy4",
        ),
        (["train", "no.toml", "--data", "x", "--out", "y"], "no.toml: cannot be read as a recipe"),
        (["simulate", "galxy4", "--out", "x"], "galaxy4"),
        (["info", "\x1b[31mnowhere\n"], "?[31mnowhere?"),
    ],
)
def test_a_wrong_command_line_is_one_line(refused, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(*words)


@pytest.mark.parametrize("content", [b"\xff\x00", b"name = ", b"name = 1\n", b"", b"a" * 10_000])
def test_an_unreadable_recipe_is_one_line(refused, tmp_path, content):
    path = tmp_path / "r.toml"
    path.write_bytes(content)
    refused("train", path, "--data", tmp_path, "--out", tmp_path / "run")
    refused("train", tmp_path, "--data", tmp_path, "--out", tmp_path / "run")


def test_a_deeply_nested_recipe_is_one_line(refused, tmp_path):
    path = tmp_path / "r.toml"
    path.write_text("a = " + "[" * 5000 + "]" * 5000)
    refused("train", path, "--data", tmp_path, "--out", tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("training.epochs", "expected FIELD=VALUE"),
        ("training.epoch=5", "no such field; known there: epochs"),
        ("training.epochs=0", "training.epochs"),
        ("training.epochs=many", "got 'many'"),
        ("model.kind=resnet900", "no part of kind 'resnet900'; known: active_vgg"),
        ("task=galaxy5", "no task named 'galaxy5'; known: galaxy4"),
        ("labels=mpaa", "no labels 'mpaa'; known: portsmouth, mpa"),
        ("inputs.image.bands=[1,2]", "inputs.image"),
        ("=1", "no such field"),
    ],
)
def test_a_bad_set_is_one_line(refused, recipe_file, store_folder, tmp_path, change, message):
    out = tmp_path / "run"
    line = refused("train", recipe_file, "--data", store_folder, "--out", out, "--set", change)
    assert message in line
    assert not out.exists()


# stores, runs, bundles


def test_a_missing_store_or_run_is_one_line(refused, trained_run, recipe_file, tmp_path):
    none = tmp_path / "none"
    for words in (
        ["info", none],
        ["train", recipe_file, "--data", none, "--out", tmp_path / "run"],
        ["predict", trained_run, "--data", none, "--out", tmp_path / "c.csv"],
        ["predict", none, "--data", none, "--out", tmp_path / "c.csv"],
        ["evaluate", none],
        ["evaluate", trained_run, "--data", none],
        ["compare", none, trained_run],
        ["report", none],
        ["ingest", none, "--out", tmp_path / "store"],
    ):
        assert str(none) in refused(*words), words
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["c.xlsx", "c", "no/c.csv", "c.csv/"])
def test_a_catalogue_that_cannot_be_is_one_line(refused, trained_run, store_folder, tmp_path, name):
    if name.endswith("/"):
        (tmp_path / name).mkdir()
    line = refused("predict", trained_run, "--data", store_folder, "--out", tmp_path / name)
    assert str(tmp_path / name) in line


def test_a_store_without_labels_is_one_line(refused, recipe_file, store_folder, tmp_path):
    words = ["train", recipe_file, "--data", store_folder, "--out", tmp_path / "run"]
    assert "bptclass" in refused(*words, "--set", "labels=mpa")


def test_a_run_folder_in_use_is_one_line(
    refused, trained_run, small_recipe, store_folder, tmp_path
):
    out, recipe = tmp_path / "run", tmp_path / "r.toml"
    recipe.write_text(small_recipe.toml())
    words = ["train", recipe, "--data", store_folder, "--out"]
    assert "add --resume" in refused(*words, trained_run)
    shutil.copytree(trained_run, out)
    shutil.rmtree(out / "bundle")
    with (out / "run.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert "being trained by another process" in refused(*words, out, "--resume")
    (tmp_path / "file").write_text("mine")
    refused(*words, tmp_path / "file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    assert "choose another folder" in refused(*words, tmp_path / "full")


@pytest.mark.parametrize("damage", ["weights", "card", "format", "json"])
def test_a_foreign_bundle_is_one_line(refused, trained_run, store_folder, tmp_path, damage):
    bundle = shutil.copytree(trained_run / "bundle", tmp_path / "bundle")
    card = json.loads((bundle / "bundle.json").read_text())
    if damage == "weights":
        (bundle / "model.safetensors").write_bytes(b"\x80\x04 a pickle, say")
    elif damage == "card":
        (bundle / "bundle.json").unlink()
    elif damage == "format":
        (bundle / "bundle.json").write_text(json.dumps(card | {"format": "torch\n\x1b[31m"}))
    else:
        (bundle / "bundle.json").write_text("{" * 100)
    line = refused("predict", bundle, "--data", store_folder, "--out", tmp_path / "c.csv")
    assert str(bundle) in line and "\x1b" not in line


def test_a_full_disk_or_closed_folder_is_one_line(refused, monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(28, "No space left on device", str(tmp_path / "x"))

    monkeypatch.setattr("trifid.store.read.Store.open", full)
    assert refused("info", tmp_path) == f"trifid: {tmp_path / 'x'}: No space left on device\n"


def test_our_bug_is_shown_with_its_place_and_exit_1(call, monkeypatch, tmp_path):
    def broken(*_, **__):
        raise ValueError("cannot be \x1b[31m")

    monkeypatch.setattr("trifid.store.read.Store.open", broken)
    code, out, err = call("info", tmp_path)
    assert code == 1 and out == ""
    assert "Traceback" in err and "in broken" in err
    assert err.endswith("trifid: this is a bug in trifid; please report the lines above\n")


def test_ctrl_c_says_how_to_go_on(call, monkeypatch, tmp_path):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("trifid.store.read.Store.open", stop)
    code, out, err = call("info", tmp_path)
    assert code == 130 and out == ""
    assert err == "trifid: stopped; run the same command again to go on where it can\n"


def test_a_reader_that_has_gone_is_no_bug():
    """`trifid list models | true`: the pipe is closed before anything is written."""
    code = (
        "import os, sys; sys.argv = ['trifid', 'list', 'models']; r, w = os.pipe(); os.close(r); "
        "os.dup2(w, 1); from trifid.cli.main import main; main()"
    )
    done = child(code)
    assert done.returncode == 1 and done.stderr == ""


# names


def test_listing_works_with_every_extra_absent():
    """Importing an extra fails in this process, whether it is installed or not."""
    code = (
        "import sys\n"
        f"for name in {EXTRAS}: sys.modules[name] = None\n"
        "from trifid import registry\n"
        "from trifid.cli.main import app\n"
        "for kind in ('models', 'recipes', 'tasks', 'surveys'):\n"
        "    app(['list', kind, '--json'], standalone_mode=False)\n"
        "    app(['list', kind], standalone_mode=False)\n"
        "app(['show', 'gcsnet_paper'], standalone_mode=False)\n"
    )
    done = child(code)
    assert done.returncode == 0, done.stderr
    assert "415,490" in done.stdout


@pytest.mark.parametrize("kind", ["models", "recipes", "tasks", "surveys"])
def test_list_names_summarises_and_cites(call, kind):
    code, out, _ = call("list", kind, "--json")
    rows = strict_json(out)
    assert code == 0 and rows
    assert all(set(row) == {"name", "summary", "paper"} and row["summary"] for row in rows)
    shown = call("list", kind)[1]
    assert all(row["name"] in shown for row in rows)


def test_the_named_ones_are_there(call):
    expected = {"recipes": "galaxy4 sgq3", "tasks": "galaxy4 sgq3", "surveys": "sdss"}
    for kind, names in expected.items():
        rows = strict_json(call("list", kind, "--json")[1])
        assert set(names.split()) <= {row["name"] for row in rows}


def test_show_a_model(call):
    assert "415,490" in call("show", "gcsnet_paper")[1]
    document = strict_json(call("show", "model/gcsnet_paper", "--json")[1])
    assert set(document) == {"parts", "parameters", "inputs", "outputs"}
    assert document["parameters"] == 415_490
    assert all(isinstance(part["parameters"], int) for part in document["parts"])


def test_show_a_recipe_prints_toml_that_reads_back(call):
    code, out, _ = call("show", "recipe/galaxy4")
    assert code == 0
    assert tomllib.loads(out)["name"] == "galaxy4"
    assert Recipe.from_toml(out) == registry.get("recipe", "galaxy4").build()
    assert strict_json(call("show", "recipe/galaxy4", "--json")[1])["task"] == "galaxy4"


def test_everything_listed_can_be_shown(call):
    for kind in registry.kinds():
        for entry in registry.entries(kind):
            if kind != "model":
                assert isinstance(
                    strict_json(call("show", f"{kind}/{entry.name}", "--json")[1]), dict
                )
    assert "classes" in call("show", "task/galaxy4")[1]


# one JSON document


def test_train_evaluate_compare_predict_and_info_give_one_document(
    call, recipe_file, store_folder, tmp_path
):
    out, catalogue = tmp_path / "run", tmp_path / "c.csv"
    words = ["train", recipe_file, "--data", store_folder, "--out", out, "--json"]
    code, shown, err = call(*words, "--set", "inputs.table.feature_set=paper")
    document = strict_json(shown)
    assert code == 0 and document["run"] == str(out)
    assert {"n", "metrics", "per_class", "confusion", "subsets"} <= set(document)
    assert "audit fail: features from the label's fit: " in err and "sentinel" not in err
    for name in ("bundle/bundle.json", "predictions.parquet", "metrics.json", "report.html"):
        assert (out / name).is_file()
    evaluated = strict_json(call("evaluate", out, "--json", "--resamples", 100)[1])
    assert evaluated["n"] == document["n"]
    for entry in evaluated["metrics"].values():
        assert set(entry) >= {"value", "low", "high"}
    again = call("evaluate", out, "--data", store_folder, "--json", "--resamples", 100)
    assert strict_json(again[1])["n"] == 80
    shutil.copytree(out, tmp_path / "second")
    compared = call("compare", out, tmp_path / "second", "--json", "--resamples", 100)
    assert {"runs", "differences", "cost"} <= set(strict_json(compared[1])), compared[2]
    words = ["predict", out, "--data", store_folder, "--out", catalogue]
    assert strict_json(call(*words, "--json")[1])["rows"] == 80
    assert catalogue.is_file()
    far = tmp_path / ("deep" * 30) / ("down" * 30)
    far.mkdir(parents=True)
    shown = call(*words[:-1], far / "c.csv")[1]
    assert shown.startswith(f"80 rows to {far / 'c.csv'}: ") and shown.count("\n") == 1
    described = strict_json(call("info", store_folder, "--json")[1])
    assert {"rows", "groups", "modalities", "labels", "skipped"} <= set(described)


def test_simulate_gives_one_document_and_refuses_a_folder_in_use(call, refused, tmp_path):
    words = ["simulate", "galaxy4", "--objects", "20", "--size", "16", "--out", tmp_path / "sky"]
    code, out, err = call(*words, "--json")
    assert code == 0, err
    assert strict_json(out)["rows"] == 20
    assert str(tmp_path / "sky") in refused(*words)
