"""Two verbs of the bench as their users meet them."""

import json

import pytest
import tomli_w

from trifid.cli import main as command_line


@pytest.fixture
def call(capfd, monkeypatch):
    """A function that runs `trifid WORDS` in this process: (exit code, stdout, stderr)."""

    def run(*words):
        monkeypatch.setattr("sys.argv", ["trifid", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            command_line.main()
        out, err = capfd.readouterr()
        return stopped.value.code, out, err

    return run


def test_the_papers_are_audited_on_one_page_and_as_json(call):
    code, out, err = call("audit", "papers")
    assert code == 0 and err == ""
    assert "AGN: 1105 of 1149, 1178 predicted" in out and "prints no table" in out
    code, out, _ = call("audit", "papers", "gcsnet", "--json")
    document = json.loads(out)
    assert code == 0 and [paper["paper"] for paper in document["papers"]] == ["gcsnet"]
    assert all(finding["text"] for finding in document["papers"][0]["findings"])


def test_a_users_table_is_audited_and_a_bad_one_refused_in_one_line(call, tmp_path):
    path = tmp_path / "mine.toml"
    row = {"model": "a\x1b[2Jb", "overall": {"accuracy": "0.9137"}}
    path.write_text(tomli_w.dumps({"paper": "mine", "table": [{"number": "1", "n": [100],
                                                                "row": [row]}]}))  # fmt: skip
    code, out, _ = call("audit", "papers", path)
    assert code == 0 and "91.370 objects, no whole number" in out and "\x1b" not in out
    path.write_text("paper = 1")
    for words in ((path,), (tmp_path / "none.toml",), ("nobody",)):
        code, out, err = call("audit", "papers", *words)
        assert code == 2 and out == "" and err.count("\n") == 1


def test_a_store_is_audited_for_a_task_or_one_recipe(call, store_folder, tmp_path):
    code, _, err = call("audit", "data", store_folder)
    assert code == 2 and "trifid audit data STORE --task TASK" in err
    code, _, err = call("audit", store_folder)
    assert code == 2 and "choose `data" in err and err.count("\n") == 1
    page = tmp_path / "pages" / "store.html"
    code, _, err = call("audit", "papers", "--html", page)
    assert code == 2 and "writes no page" in err
    words = ("audit", "data", store_folder, "--recipe", "galaxy4_table", "--html", page)
    code, out, _ = call(*words, "--json")
    assert code == 0 and json.loads(out)["findings"] and "Class balance" in page.read_text()
    code, out, _ = call("audit", "data", store_folder, "--task", "galaxy4", "--json")
    findings = {entry["check"]: entry for entry in json.loads(out)["findings"]}
    kept = findings["features to keep out"]
    assert kept["verdict"] == "warn" and {"redshift", "ew_ha_6562"} <= set(
        kept["numbers"]["features"]
    )
    assert findings["features from the label's fit"]["verdict"] == "pass"
    code, out, _ = call("audit", "data", store_folder, "--task", "galaxy4")
    assert code == 0 and "features to keep out" in out


def test_tuning_ends_with_a_recipe_that_trains(call, store_folder, tmp_path):
    space = tmp_path / "space.toml"
    space.write_text('[space]\n"model.method.neighbours" = { low = 1, high = 9 }\n')
    words = ("tune", "galaxy4_boosted", "--data", store_folder, "--out", tmp_path / "out")
    code, out, err = call(*words, "--trials", 2, "--space", space)
    assert code == 2 and "no such field" in err and out == ""
    small = ("--set", "model.method.trees=5", "--set", "split.by=group", "--trials", 2)
    code, out, err = call(*words, *small, "--json")
    assert code == 0 and err.count("trial") == 2
    assert json.loads(out)["best"] == "galaxy4_boosted"
    code, _, err = call(*words, *small)
    assert code == 2 and "--resume" in err
    code, out, _ = call(*words, *small, "--resume")
    assert code == 0 and "best.toml" in out
