"""The papers' numbers as package data, and files of users."""

import tomllib

import pytest
import tomli_w

from trifid.bench.published import published, published_names, read_paper
from trifid.errors import ConfigError, InputError

GOOD = {
    "paper": "mine",
    "table": [
        {
            "number": "1",
            "unit": "fraction",
            "n": [10],
            "classes": ["a", "b"],
            "support": [4, 6],
            "row": [
                {
                    "model": "m",
                    "overall": {"accuracy": "0.9"},
                    "by_class": {"recall": ["0.75", "1.0"]},
                }
            ],
        }
    ],
}


def test_all_four_papers_are_here_and_one_has_no_numbers():
    assert published_names() == ("batmm", "gcsnet", "quasar_galaxy_star", "redshift_sfr")
    sizes = {name: len(published(name).tables) for name in published_names()}
    assert sizes == {"batmm": 4, "gcsnet": 5, "quasar_galaxy_star": 5, "redshift_sfr": 0}
    assert "no number" in published("redshift_sfr").note
    with pytest.raises(ConfigError, match="known: batmm"):
        published("../secret")


def test_numbers_are_read_in_their_unit():
    table = published("gcsnet").table("2")
    printed = table.printed("GCSNet", "precision", "COMP")
    assert printed is not None and printed.value == 0.943416
    assert table.printed("GCSNet", "auc") is None and table.printed("nobody", "f1") is None
    percent = published("quasar_galaxy_star").table("7").printed("Xception+ANN", "f1")
    assert percent is not None and percent.value == pytest.approx(0.9896)


def test_the_na_pattern_of_table_4_is_what_the_models_can_do():
    """No AUC for the SVM, the ridge classifier and the network."""
    rows = published("quasar_galaxy_star").table("4").rows
    assert len(rows) == 14
    assert [row.model for row in rows if "auc" not in row.overall] == ["SVM", "Ridge", "ANN"]


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"paper": 3}, "paper"),
        ({"tables": []}, "tables"),
        ({"claim": [{"text": "t", "table": "9", "metric": "accuracy", "better": "m",
                     "worse": "m"}]}, "no table '9'"),
        ({"claim": [{"text": "t", "table": "1", "metric": "auc", "better": "m",
                     "worse": "m"}]}, "has no auc of 'm'"),
        ({"claim": [{"text": "t", "table": "1", "metric": "recall", "better": "m",
                     "worse": "m", "class": "c"}]}, "no class 'c'"),
        ({"joined": [{"accuracy": "1", "by_class": "2"}]}, "no table '2'"),
        ({"table": GOOD["table"] * 2}, "repeat"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused_in_one_line(change, expected, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(tomli_w.dumps(GOOD | change))
    with pytest.raises(InputError, match=expected) as caught:
        read_paper(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line, expected",
    [
        ('accuracy = "0.9"', "accuracy = 0.9"),
        ('accuracy = "0.9"', 'accuracy = "nan"'),
        ('accuracy = "0.9"', 'accuracy = "90"'),
        ("    4,\n    6,", "    4,\n    7,"),
        ("    4,\n    6,", "    4,"),
        ('    "1.0",\n', ""),
    ],
)
def test_numbers_must_be_printed_and_agree(line, expected, tmp_path):
    text = tomli_w.dumps(GOOD)
    assert line in text
    path = tmp_path / "mine.toml"
    path.write_text(text)
    assert read_paper(path).table("1").support == (4, 6)
    path.write_text(text.replace(line, expected))
    with pytest.raises(InputError):
        read_paper(path)


def test_what_is_no_file_or_no_toml_is_refused(tmp_path):
    for content in (b"\xff\xfe", b"a = [", b"x" * 2**21):
        path = tmp_path / "bad.toml"
        path.write_bytes(content)
        with pytest.raises(InputError):
            read_paper(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_paper(tmp_path / "none.toml")


def test_the_guide_shows_a_file_that_works(tmp_path):
    from pathlib import Path

    guide = Path(__file__).resolve().parents[3] / "docs" / "guide" / "audit.md"
    text = guide.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    tomllib.loads(text)
    path = tmp_path / "shown.toml"
    path.write_text(text)
    assert read_paper(path).claims
