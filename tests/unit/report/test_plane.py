from pathlib import Path

import numpy as np

from trifid.evaluation.predictions import read_predictions
from trifid.report.plane import bpt_figure, subset_matrix
from trifid.store import Store


def test_spectra_give_the_plane_where_no_catalogue_does(whole_run: Path) -> None:
    judged = read_predictions(whole_run / "predictions.parquet").select(fold="test")
    judged = judged.select(subset=judged.subsets[0]).labelled()
    drawn = bpt_figure(judged, Store.open(whole_run.parent / "store"))
    assert drawn is not None and "measured again in the spectra" in drawn.caption
    assert "Right and wrong answers in the BPT plane" in drawn.image
    assert "are wrong." in drawn.image and "Kauffmann 2003" in drawn.image


def test_the_matrix_holds_the_recall_of_each_class_and_subset(whole_run: Path) -> None:
    predictions = read_predictions(whole_run / "predictions.parquet")
    found = subset_matrix(predictions)
    assert found is not None
    table, drawn = found
    given = ["image + spectrum + table", "image + table", "image", "spectrum"]
    assert [row[0] for row in table.rows] == given
    rows = predictions.select(fold="test", subset="image").labelled()
    recall = (rows.predicted == rows.labels)[rows.labels == 2].mean()
    cell = table.rows[2][3]
    assert table.head[3] == "AGN" and not isinstance(cell, str)
    assert cell.text == f"{recall:.2f}" and cell.heat == round(10 * float(np.round(recall, 9)))
    assert "Share of each class" in drawn.image
    full = predictions.select(subset=predictions.subsets[0])
    assert subset_matrix(full) is None
