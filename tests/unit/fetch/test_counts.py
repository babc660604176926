"""Rows left after each cut, by class."""

import pyarrow.parquet as pq
import pytest

from trifid.errors import InputError
from trifid.fetch import counts
from trifid.fetch.catalogue import Catalogue
from trifid.simulate.sky_server import as_csv


def test_counts_stand_beside_the_paper(helpers, archive, tmp_path):
    def ask(sql, accept):
        text = as_csv(archive.query(sql))
        accept(text)
        return text

    wanted = helpers.wanted()
    listed = counts.count_cuts(wanted, ask)
    pq.write_table(helpers.table(wanted, ask, tmp_path / "pages"), tmp_path / "c.parquet")
    listed += counts.count_rows(Catalogue(tmp_path / "c.parquet"), wanted)
    counts.write_counts(tmp_path / "cuts.csv", listed)
    lines = (tmp_path / "cuts.csv").read_text().splitlines()
    assert lines[0] == "cut,class,rows,published"
    assert "class GALAXY,SF,3," in lines
    assert "one class of bpt,SF,3,33291" in lines
    assert lines[-1] == "fetched,SF,3,"
    assert len(lines) == 1 + 4 * 7


def test_a_class_that_nobody_has_is_listed(helpers):
    wanted = helpers.wanted()
    listed = counts.by_class("cut", counts.Counter({"Seyfert": 2, "LINER": 3, "Odd": 1}), wanted,
                             published=True)  # fmt: skip
    assert [(c.name, c.rows, c.published) for c in listed] == [
        ("AGN", 5, 7662), ("COMP", 0, 13131), ("NORMAL", 0, 14833), ("Odd", 1, None),
        ("SF", 0, 33291),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "<html>", "#Table1\nlabel,n\nSF,x\n", "#Table1\nlabel,n\nSF,1", "a,b\n1,2\n"]
)
def test_what_is_no_count_is_refused(helpers, text):
    def ask(sql, accept):
        accept(text)
        return text

    with pytest.raises(InputError):
        counts.count_cuts(helpers.wanted(), ask)
