from itertools import pairwise

import pytest

from trifid.report.lines import marks


def test_lines_are_where_the_redshift_puts_them() -> None:
    placed = marks(0.1, (3800.0, 9200.0))
    assert ("Mg b", pytest.approx(5176.70 * 1.1)) in placed
    assert [at for _, at in placed] == sorted(at for _, at in placed)
    assert any(at == pytest.approx(6564.61 * 1.1) for _, at in placed)


def test_close_lines_share_a_label_and_keep_their_marks() -> None:
    labelled = [label for label, _ in marks(0.1, (3800.0, 9200.0)) if label]
    assert any("Hα" in label and "[N II]" in label for label in labelled)
    assert len(labelled) < len(marks(0.1, (3800.0, 9200.0)))
    places = [at for label, at in marks(0.1, (3800.0, 9200.0)) if label]
    assert min(b - a for a, b in pairwise(places)) > 0.03 * 5400


def test_a_distant_quasar_shows_its_broad_lines() -> None:
    labels = " ".join(label for label, _ in marks(2.5, (3600.0, 10400.0)))
    assert "Lyα" in labels
    assert "C IV" in labels
    assert "Hα" not in labels


def test_nothing_in_range_is_no_mark() -> None:
    assert marks(0.0, (9000.0, 9100.0)) == []
