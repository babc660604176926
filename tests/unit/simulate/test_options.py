import pytest
from pydantic import ValidationError

from trifid.config import parse
from trifid.errors import ConfigError
from trifid.simulate.options import SkyOptions, read_shares


def test_options_round_trip() -> None:
    options = SkyOptions(instrument="boss", missing={"table+image": 0.2}, prior={"STAR": 1.0})
    assert parse(SkyOptions, options.model_dump(mode="json")) == options
    assert options.missing == {"image+table": 0.2}


def test_patterns_say_what_rows_have() -> None:
    options = SkyOptions(missing={"image": 0.2, "spectrum+table": 0.1})
    assert options.patterns() == [("image", "spectrum", "table"), ("spectrum", "table"), ("image",)]
    assert options.pattern_shares() == pytest.approx([0.7, 0.2, 0.1])
    assert SkyOptions(rgb=True).modalities == ("image", "image_rgb", "spectrum", "table")


@pytest.mark.parametrize(
    "values",
    [
        {"instrument": "hubble"},
        {"seeing": 0.0},
        {"depth": -1.0},
        {"label_noise": 2.0},
        {"prior": {"STAR": 0.5}},
        {"missing": {"radio": 0.1}},
        {"missing": {"image": 0.7, "table": 0.7}},
        {"missing": {"image+spectrum+table": 0.1}},
        {"missing": {"image_rgb": 0.1}},
        {"unknown": 1},
    ],
)
def test_wrong_values_are_refused(values: dict) -> None:
    with pytest.raises(ValidationError):
        SkyOptions(**values)


def test_prior_replaces_the_usual_shares() -> None:
    usual = {"STAR": 0.5, "QSO": 0.5}
    assert SkyOptions().class_shares(usual) == usual
    assert SkyOptions(prior={"QSO": 1.0}).class_shares(usual) == {"STAR": 0.0, "QSO": 1.0}
    with pytest.raises(ConfigError, match="no class 'GALAXY'"):
        SkyOptions(prior={"GALAXY": 1.0}).class_shares(usual)


def test_shares_are_read_from_words() -> None:
    assert read_shares(["A=0.5,B=0.25", "C = .25"], "--prior") == {"A": 0.5, "B": 0.25, "C": 0.25}
    assert read_shares([], "--prior") == {}
    for words in (["A"], ["A=x"], ["A=1,A=1"], ["=1"]):
        with pytest.raises(ConfigError, match="--prior"):
            read_shares(words, "--prior")
