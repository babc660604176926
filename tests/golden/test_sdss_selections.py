"""The SQL of the four papers' samples, word by word, and what it is made of."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from trifid.errors import ConfigError
from trifid.surveys.sdss_paths import RELEASES
from trifid.surveys.sdss_query import (
    MAX_KEYS,
    MAX_ROWS,
    ORDER_KEY,
    QueryOptions,
    columns_of,
    count_query,
    cuts_of,
    keys_query,
    rows_query,
)
from trifid.surveys.sdss_selections import SELECTIONS, get_selection

SQL = Path(__file__).parent / "sql"
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "surveys.md"
DR17 = RELEASES["dr17"]
LONGEST = 8000  # characters of an address


@pytest.mark.parametrize("task", SELECTIONS)
def test_the_sql_is_the_one_written_down(task):
    written = (SQL / f"{task}_dr17.sql").read_text(encoding="utf-8")
    assert rows_query(SELECTIONS[task], DR17) + "\n" == written


@pytest.mark.parametrize("task", SELECTIONS)
def test_a_task_finds_the_columns_it_needs(task):
    from trifid import registry

    known = {column.name for column in columns_of(SELECTIONS[task], DR17)}
    feature_set = registry.get("task", task).build().feature_sets["safe"]
    needed = {name for text in feature_set.features for name in re.findall(r"[a-z]\w+", text)}
    assert needed <= known
    assert len(known) == len(columns_of(SELECTIONS[task], DR17))


def test_galaxy4_is_what_the_paper_says():
    sql = rows_query(SELECTIONS["galaxy4"], DR17)
    for part in ("s.z > 0 AND s.z < 0.3", "s.snMedian > 10", "s.zWarning IN (0, 16)",
                 "s.instrument = 'SDSS'", "s.class = 'GALAXY'"):  # fmt: skip
        assert part in sql
    published = SELECTIONS["galaxy4"].published
    assert sum(published.values()) == 68_917
    assert set(SELECTIONS["galaxy4"].classes.values()) == set(published)


def test_a_strict_redshift_and_any_instrument_are_a_choice():
    options = QueryOptions(zwarning="strict", instrument="any")
    sql = rows_query(SELECTIONS["galaxy4"], DR17, options)
    assert "s.zWarning = 0\n" in sql and "IN (0, 16)" not in sql
    assert "s.instrument =" not in sql and "s.instrument AS instrument" in sql
    assert "s.instrument = 'BOSS'" in rows_query(
        SELECTIONS["sgq3"], DR17, QueryOptions(instrument="BOSS")
    )
    assert "s.instrument =" not in rows_query(SELECTIONS["sgq3"], DR17)


def test_a_page_goes_on_after_the_last_row():
    sql = rows_query(SELECTIONS["sgq3"], DR17, top=MAX_ROWS, after=(77, 2**60))
    assert sql.startswith("SELECT TOP 5000\n")
    assert f"({ORDER_KEY} > 77 OR ({ORDER_KEY} = 77 AND s.specObjID > {2**60}))" in sql
    assert sql.endswith(f"ORDER BY {ORDER_KEY}, s.specObjID")


def test_counts_add_one_cut_after_another():
    selection, options = SELECTIONS["galaxy4"], QueryOptions()
    cuts = cuts_of(selection, options)
    first = count_query(selection, options, 1)
    assert first.startswith("SELECT e.bpt AS label, COUNT(*) AS n\nFROM SpecObj AS s\n")
    assert first.endswith("WHERE s.class = 'GALAXY'\nGROUP BY e.bpt")
    last = count_query(selection, options, len(cuts))
    assert all(cut.sql in last for cut in cuts)


@pytest.mark.parametrize("task", SELECTIONS)
def test_an_address_is_never_too_long(task):
    keys = [(12345, 59000, 1000)] * MAX_KEYS
    page = rows_query(SELECTIONS[task], DR17, top=MAX_ROWS, after=(65520, 2**63))
    for sql in (page, keys_query(SELECTIONS[task], DR17, keys)):
        assert len(urlencode({"cmd": sql, "format": "csv"})) < LONGEST


def test_at_most_eighty_spectra_in_a_query():
    sql = keys_query(SELECTIONS["bhb2"], DR17, [(266, 51602, 13), (7102, 56666, 82)])
    assert "(s.plate=266 AND s.mjd=51602 AND s.fiberID=13)\nOR (s.plate=7102" in sql
    for wrong in ([], [(1, 2, 3)] * 81):
        with pytest.raises(ConfigError, match="expected 1 to 80"):
            keys_query(SELECTIONS["bhb2"], DR17, wrong)


def test_the_order_key_fits_an_integer_of_the_service():
    assert 99999 * 7919 + 99999 * 613 + 1000 * 104729 < 2**31


def test_a_selection_is_found_by_its_task():
    assert get_selection("zsfr").task == "zsfr"
    with pytest.raises(ConfigError, match="no selection for task 'nope'; known: galaxy4"):
        get_selection("nope")


@pytest.mark.parametrize("task", SELECTIONS)
def test_the_guide_writes_every_selection_out(task):
    text = GUIDE.read_text(encoding="utf-8")
    sql = rows_query(SELECTIONS[task], DR17)
    assert sql[sql.index("FROM SpecObj") :] in text
    for column in SELECTIONS[task].columns:
        assert f"{column.sql} AS {column.name}" in text
    for count in SELECTIONS[task].published.values():
        assert f"{count:,}" in text or str(count) in text
