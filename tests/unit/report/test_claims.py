import pytest

from trifid.errors import RunError
from trifid.report.claims import supported

SHOWN = {"better": "net", "p_adjusted": 0.01, "low": 0.02, "high": 0.1}


def test_a_claim_needs_a_small_adjusted_p_and_an_interval_without_zero():
    text = "| net | +0.060: net better |"
    assert supported(text, ["net", "tree"], [SHOWN]) == text
    for change in ({"p_adjusted": 0.05}, {"p_adjusted": None}, {"low": -0.01}, {"low": None}):
        with pytest.raises(RunError, match="'net better', which no test shows"):
            supported(text, ["net", "tree"], [SHOWN | change])


@pytest.mark.parametrize(
    "text",
    ["tree better", "The best model first.", "net-2 better", "a superior fusion", "it outperforms",
     "state-of-the-art"],
)  # fmt: skip
def test_claims_of_others_and_of_nobody_are_refused(text):
    with pytest.raises(RunError, match="which no test shows"):
        supported(text, ["net", "tree", "net-2"], [SHOWN])


def test_the_rule_itself_and_words_within_names_are_no_claims():
    for text in ("a model is called better only where", "| best net | 0.7 |", "best net better"):
        assert supported(text, ["best net"], [SHOWN | {"better": "best net"}]) == text
