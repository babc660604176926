import re

import numpy as np
import pytest

from trifid.report import figures


def _texts(drawn: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawn)


def test_roc_of_a_perfect_and_a_useless_class() -> None:
    labels = np.array([0, 0, 1, 1])
    scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7]])
    assert "a 1.000" in _texts(figures.roc(labels, scores, ("a", "b")))
    flat = np.full((4, 2), 0.5)
    assert "a 0.500" in _texts(figures.roc(labels, flat, ("a", "b")))


def test_a_class_without_objects_has_no_curve() -> None:
    labels, scores = np.array([0, 1, 0]), np.full((3, 3), 1 / 3)
    assert not [
        text for text in _texts(figures.roc(labels, scores, ("a", "b", "c"))) if "c 0" in text
    ]
    assert "c" not in _texts(figures.precision_recall(labels, scores, ("a", "b", "c")))


def test_ranked_counts_ties_once() -> None:
    hits, false = figures._ranked(np.array([1, 0, 1, 0]), np.array([0.9, 0.5, 0.5, 0.1]))
    assert hits.tolist() == [0, 1, 2, 2]
    assert false.tolist() == [0, 0, 1, 2]


def test_reliability_says_share_and_number_of_each_bin() -> None:
    drawn = figures.reliability(np.array([0.95, 0.95, 0.55, 1.0]), np.array([1, 1, 0, 1], bool))
    assert "0.55: 0.00 of 1 and 0.97: 1.00 of 3." in drawn


def test_training_says_the_last_values_and_skips_what_is_missing() -> None:
    log = [{"epoch": 0, "train_loss": 1.0, "valid_loss": None}, {"epoch": 1, "train_loss": 0.25}]
    drawn = figures.training([("", log)])
    assert len(drawn) == 1
    assert "train 0.250." in drawn[0][0]
    assert figures.training([("", [])]) == []
    assert figures.training([("", log[:1])]) == []  # one epoch is no curve


@pytest.mark.parametrize("flux", [np.full(50, np.nan), np.zeros(50)])
def test_a_spectrum_without_signal_is_drawn(flux: np.ndarray) -> None:
    wavelength = np.linspace(4000, 9000, 50)
    drawn = figures.spectrum("s", "t", wavelength, flux, unit="u", lines=[("Hα", 6564.6)])
    assert "Marked lines: Hα." in drawn


def test_lines_outside_the_spectrum_are_not_marked() -> None:
    wavelength, flux = np.linspace(4000, 5000, 50), np.ones(50)
    drawn = figures.spectrum("s", "t", wavelength, flux, unit="u", lines=[("Hα", 6564.6)])
    assert "Hα" not in drawn
