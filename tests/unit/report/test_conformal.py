import numpy as np

from trifid.evaluation.measure import share
from trifid.report.conformal import bin_table, interval_tables


def entry(name: str, held: float, **others: object) -> dict[str, object]:
    """A bin whose sets hold the truth in some of a hundred rows."""
    flags = np.arange(100) < 100 * held
    return {"bin": name, "n": 100, "n_valid": 90, "one": share(flags), "coverage": share(~flags),
            **others}  # fmt: skip


def test_bins_of_sets_come_least_covered_first() -> None:
    bins = [entry("below 17", 0.95, mean_size=1.5), entry("17 and above", 0.7, mean_size=2.5)]
    metrics = {"trust": {"mondrian": [{"column": "modelmag_r", "wanted": 0.9, "bins": bins}]}}
    table = bin_table(metrics)
    assert table is not None and "wanted 90" in table.note
    assert [row[0] for row in table.rows] == ["modelmag_r: 17 and above", "modelmag_r: below 17"]
    assert table.rows[0][3].text == "0.700" and table.rows[0][5] == "2.500"
    assert bin_table({}) is None and bin_table({"trust": {"mondrian": []}}) is None


def test_intervals_say_what_was_predicted_and_what_holds() -> None:
    side = {"coverage": share(np.arange(100) < 90), "mean_width": None}
    bins = [entry(f"{k}", 0.5 + 0.02 * k, as_predicted=None, mean_width=0.1 * k) for k in range(20)]
    mass = {"wanted": 0.9, "n": 2000, "n_valid": 900, "as_predicted": None,
            "recalibrated": None, "conformal": side,
            "by": [{"column": "redshift", "bins": bins}]}  # fmt: skip
    whole, by_bin = interval_tables({"intervals": {"mass": mass}})
    assert (
        whole.rows[0][3] == "no spread"
        and whole.rows[0][5] == "no spread"
        and whole.rows[0][8] == "–"
    )
    assert len(by_bin.rows) == 16 and "of 20 bins" in by_bin.note
    assert by_bin.rows[0][0] == "mass, redshift: 0" and by_bin.rows[0][5] == "0.000"
    assert interval_tables({}) == []
    assert len(interval_tables({"intervals": {"mass": mass | {"by": []}}})) == 1
