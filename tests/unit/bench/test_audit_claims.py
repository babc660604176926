"""Claims of invented tables: shown, open, not shown, the other way."""

import pytest

from trifid.bench.audit_papers import audit_paper
from trifid.bench.published import PublishedPaper
from trifid.config import parse


def verdict(better, worse, n=1000, **rest):
    rows = [
        {"model": name, "overall": {"accuracy": f"{right / n:.6f}"}}
        for name, right in (("new", better), ("old", worse))
    ]
    claim = {"text": "new is better", "table": "1", "metric": "accuracy"}
    document = {
        "paper": "invented",
        "table": [{"number": "1", "n": [n], "row": rows}],
        "claim": [claim | {"better": "new", "worse": "old"} | rest],
    }
    (finding,) = [f for f in audit_paper(parse(PublishedPaper, document)) if f.check == "claim"]
    return finding


@pytest.mark.parametrize(
    "better, worse, expected",
    [(950, 800, "shown"), (905, 895, "open"), (902, 901, "not shown"), (800, 950, "the other way")],
)
def test_what_the_totals_can_show(better, worse, expected):
    finding = verdict(better, worse)
    assert finding.verdict == expected
    assert finding.numbers["a"] == [better, 1000]
    low, high = finding.numbers["mcnemar"]
    assert low <= high


def test_means_over_runs_are_compared_by_their_spread():
    rows = [
        {"model": "new", "overall": {"f1": "94.78"}, "overall_sd": {"f1": "0.38"}},
        {"model": "old", "overall": {"f1": "94.35"}, "overall_sd": {"f1": "0.83"}},
    ]
    document = {
        "paper": "invented",
        "table": [{"number": "1", "unit": "percent", "n": [1204], "runs": 5, "row": rows}],
        "claim": [{"text": "t", "table": "1", "metric": "f1", "better": "new", "worse": "old"}],
    }
    (finding,) = [f for f in audit_paper(parse(PublishedPaper, document)) if f.check == "claim"]
    assert finding.verdict == "not shown"
    assert "+0.43 +- 0.41 points" in finding.text
    assert 100 * finding.numbers["half_width"] == pytest.approx(1.26, abs=0.02)
