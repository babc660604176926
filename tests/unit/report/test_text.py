import pytest

from trifid.report import text


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
        ("right\u202eleft", "rightleft"),
        ("tab\tand\nline", "tab and\nline"),
        ("lone \ud800 half", "lone  half"),
        ("Hα <b> 星", "Hα <b> 星"),
    ],
)
def test_clean_keeps_what_can_be_read(given: str, cleaned: str) -> None:
    assert text.clean(given) == cleaned


def test_numbers() -> None:
    assert text.number(0.12345) == "0.123"
    assert text.number(None) == "–"
    assert text.count(1234567) == "1\u202f234\u202f567"
    assert text.percent(0.5) == "50.0\u00a0%"
    assert text.interval({"value": 0.5, "low": 0.25, "high": 0.75}) == "0.250 to 0.750"
    assert text.interval({"value": 1.0, "low": None, "high": None}) == "no interval"
    assert text.interval({"value": None, "low": None, "high": None}) == ""


def test_words() -> None:
    assert text.words("macro_f1") == "Macro F1"
    assert text.words("f1") == "F1"
    assert text.words("macro_auc") == "Macro AUC"
    assert text.joined(["a", "b", "c"]) == "a, b and c"
    assert text.joined(["a"]) == "a"
    assert text.joined([]) == ""


@pytest.mark.parametrize(
    ("seconds", "said"), [(12.34, "12.3 s"), (90, "1.5 min"), (7200, "2.0 h"), (None, "–")]
)
def test_duration(seconds: float | None, said: str) -> None:
    assert text.duration(seconds) == said


def test_size() -> None:
    assert text.size(900 * 2**20) == "900 MiB"
    assert text.size(3 * 2**30) == "3.0 GiB"
