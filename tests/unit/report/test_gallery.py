from pathlib import Path

import numpy as np

from trifid.evaluation.predictions import Predictions, PredictionsWriter, read_predictions
from trifid.report.gallery import choose, gallery, rebin


def _predictions(path: Path) -> Predictions:
    """Six rows of two classes; rows c and d are one object of the sky, both wrong."""
    with PredictionsWriter(path, classes=("A", "B"), metadata={}) as writer:
        writer.add(
            {
                "object_id": list("abcdef"),
                "group": ["1", "2", "3", "3", "5", "6"],
                "fold": "test",
                "subset": "image",
                "label": ["A", "A", "A", "A", "B", "B"],
                "probabilities": np.array(
                    [[0.7, 0.3], [0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.4, 0.6], [0.6, 0.4]]
                ),
                "seed": 0,
                "run": "r",
            }
        )
    return read_predictions(path)


def test_the_surest_are_chosen_and_an_object_once(tmp_path: Path) -> None:
    right, wrong = choose(_predictions(tmp_path / "p.parquet"))
    assert right.tolist() == [1, 4]
    assert wrong.tolist() == [2, 5]


def test_without_a_store_the_cards_hold_numbers(tmp_path: Path) -> None:
    right, wrong = gallery(_predictions(tmp_path / "p.parquet"), None)
    assert [card.object_id for card in right.items] == ["b", "e"]
    worst = wrong.items[0]
    assert (worst.label, worst.predicted, worst.confidence) == ("A", "B", "90.0\u00a0%")
    assert [(p.name, p.value) for p in worst.probabilities] == [("B", "0.900"), ("A", "0.100")]
    assert "3 wrong" in wrong.note


def test_no_mistake_is_said(tmp_path: Path) -> None:
    rows = _predictions(tmp_path / "p.parquet").take(np.array([0, 1, 4]))
    assert "no wrong prediction" in gallery(rows, None)[1].note


def test_rebin_weighs_by_inverse_variance_and_leaves_gaps() -> None:
    wavelength, flux = np.arange(9.0), np.array([1.0, 3, 5, 7, 0, 0, 0, 0, 9])
    ivar = np.array([1.0, 3, 0, 0, 0, 0, 0, 0, 1])
    middle, mean = rebin(wavelength, flux, ivar, 4)
    assert middle.tolist() == [1.5, 5.5]
    assert mean[0] == 2.5
    assert np.isnan(mean[1])
