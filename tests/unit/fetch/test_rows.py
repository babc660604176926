"""Answers of the catalogue service become rows, pages become a table."""

import pytest

from trifid.errors import InputError
from trifid.fetch import rows
from trifid.fetch.rows import in_order, read_page
from trifid.simulate.sky_server import as_csv
from trifid.surveys.sdss_query import Column

COLUMNS = (
    Column("specobjid", "s.specObjID", "string", "", "id"),
    Column("plate", "s.plate", "int64", "", "plate"),
    Column("value", "s.value", "float64", "mag", "a number"),
)
HEAD = "#Table1\nspecobjid,plate,value\n"


def test_values_have_their_type_and_none_stays_none():
    text = HEAD + "1237648721217716541,266,16.5\n,null,-9999\n3,2.0,NaN\n"
    assert [list(row.values()) for row in read_page(text, COLUMNS)] == [
        ["1237648721217716541", 266, 16.5],
        [None, None, None],
        ["3", 2, None],
    ]


def test_other_line_ends_and_letters_are_taken():
    text = "SpecObjID,Plate,Value\r\n1,2,3\r\n"
    assert read_page(text, COLUMNS) == [{"specobjid": "1", "plate": 2, "value": 3.0}]


def test_a_last_line_without_its_end_is_left_out():
    assert len(read_page(HEAD + "1,2,16.55\n2,3,16.5", COLUMNS)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the columns"),
        ("<html>\n", "answered '<html>'"),
        ('{"error_message": "timeout"}\n', "expected the columns"),
        ("#Table1\nspecobjid,plate\n", "expected the columns"),
        (HEAD + "1,2\n", "row 1 of an answer has 2 values of 3"),
        (HEAD + "1,many,3\n", "column plate: 'many'; expected a number"),
    ],
)
def test_what_is_no_answer_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        read_page(text, COLUMNS)


@pytest.fixture
def ask(archive):
    """A service that counts its queries."""

    def send(sql, accept):
        send.asked.append(sql)
        text = as_csv(archive.query(sql))
        accept(text)
        return text

    send.asked = []
    return send


def test_pages_join_to_the_whole(helpers, archive, ask, tmp_path, monkeypatch):
    whole = helpers.table(helpers.wanted(), ask, tmp_path / "one")
    assert len(ask.asked) == 2 and whole.num_rows == len(archive) == 8
    monkeypatch.setattr(rows, "MAX_ROWS", 3)
    ask.asked.clear()
    assert helpers.table(helpers.wanted(), ask, tmp_path / "many").equals(whole)
    assert len(ask.asked) == 4
    again = helpers.table(helpers.wanted(), ask, tmp_path / "many")
    assert again.equals(whole) and len(ask.asked) == 4  # nothing is asked twice


def test_a_spectrum_that_an_answer_has_twice_is_one_row(helpers, archive, ask, tmp_path):
    def twice(sql, accept):
        lines = ask(sql, accept).splitlines(keepends=True)
        return "".join([*lines[:2], *(line for row in lines[2:] for line in (row, row))])

    whole = helpers.table(helpers.wanted(), ask, tmp_path / "whole")
    assert helpers.table(helpers.wanted(), twice, tmp_path / "twice").equals(whole)


@pytest.mark.parametrize("change", ["backwards", "again"])
def test_an_answer_out_of_order_is_none(helpers, archive, tmp_path, monkeypatch, change):
    monkeypatch.setattr(rows, "MAX_ROWS", 4)
    first = []

    def wrong(sql, accept):
        lines = as_csv(archive.query(sql)).splitlines(keepends=True)
        first.append("".join(lines))
        text = "".join([*lines[:2], *reversed(lines[2:])]) if change == "backwards" else first[0]
        accept(text)
        return text

    with pytest.raises(InputError, match=r"an answer is not in order: \d+ comes too late"):
        helpers.table(helpers.wanted(), wrong, tmp_path / "pages")


def test_rows_keep_their_order_and_need_their_keys():
    row = dict.fromkeys(("specobjid", "plate", "mjd", "fiberid", "run2d", "order_key"), 1)
    later = row | {"specobjid": "2"}
    assert in_order([row, row, later], (0, 7)) == [row, later]
    assert in_order([row, later], (1, 1)) == [later]
    for wrong in ({"order_key": None}, {"plate": None}, {"specobjid": "x"}):
        with pytest.raises(InputError, match="a row without its key"):
            in_order([row | wrong])


def test_a_limit_is_the_beginning_of_the_whole(helpers, ask, tmp_path, monkeypatch):
    whole = helpers.table(helpers.wanted(), ask, tmp_path / "all")
    monkeypatch.setattr(rows, "MAX_ROWS", 2)
    few = helpers.table(helpers.wanted(limit=5), ask, tmp_path / "few")
    assert few.equals(whole.slice(0, 5))


def test_answers_cut_at_any_byte_lose_no_row(helpers, archive, ask, tmp_path):
    whole = helpers.table(helpers.wanted(), ask, tmp_path / "whole")
    text = as_csv(archive.query(helpers.wanted().sql()))
    for place in (10, text.find("\n1") + 2, len(text) // 2, len(text) - 1, text.rfind("\n1") + 1):
        cut = []

        def some(sql, accept, cut=cut, place=place):
            answer = as_csv(archive.query(sql))
            try:
                if len(cut) < 2:
                    cut.append(sql)
                    accept(answer[:place])
                    return answer[:place]
            except InputError:
                pass  # a fetch asks again
            return answer

        assert helpers.table(helpers.wanted(), some, tmp_path / f"cut{place}").equals(whole)


def test_spectra_of_a_list_are_asked_for_in_batches(helpers, archive, ask, tmp_path, monkeypatch):
    whole = helpers.table(helpers.wanted(), ask, tmp_path / "whole")
    keys = list(
        zip(*(whole.column(name).to_pylist() for name in ("plate", "mjd", "fiberid")), strict=True)
    )
    monkeypatch.setattr(rows, "MAX_KEYS", 3)
    ask.asked.clear()
    wanted = helpers.wanted(listed=helpers.listed(*keys, (1, 2, 3)))
    listed = helpers.table(wanted, ask, tmp_path / "list")
    assert sorted(listed.column("specobjid").to_pylist()) == sorted(
        whole.column("specobjid").to_pylist()
    )
    assert len(ask.asked) == 4  # the one that is not there was asked for twice
    assert wanted.sql().startswith("-- the first of 3 queries for 9 listed objects\nSELECT")


def test_positions_and_objids_of_a_list_are_asked_for(helpers, archive, ask, tmp_path):
    whole = helpers.table(helpers.wanted(), ask, tmp_path / "whole").to_pylist()
    ask.asked.clear()
    alone = [row for row in whole if row["ra"] != 150.0]  # that object has two spectra
    near = [(row["ra"] + 1e-4, row["dec"]) for row in alone]
    found = helpers.table(
        helpers.wanted(listed=helpers.listed(*near[:3], int(alone[3]["bestobjid"]), (10.0, 10.0))),
        ask, tmp_path / "list",
    )  # fmt: skip
    assert sorted(found.column("specobjid").to_pylist()) == sorted(
        row["specobjid"] for row in alone[:4]
    )
    assert [sql.count("BETWEEN") for sql in ask.asked] == [0, 8, 2]
    both = helpers.table(
        helpers.wanted(listed=helpers.listed((150.0, 20.0))), ask, tmp_path / "both"
    )
    assert both.num_rows == 2


def test_an_answer_to_a_list_that_was_cut_is_asked_for_again(helpers, archive, ask, tmp_path):
    place = (150.0, 20.0)
    whole = helpers.table(helpers.wanted(listed=helpers.listed(place)), ask, tmp_path / "whole")
    asked = []

    def cut(sql, accept):
        answer = as_csv(archive.query(sql))
        asked.append(sql)
        return answer[:-2] if len(asked) == 1 else answer

    found = helpers.table(helpers.wanted(listed=helpers.listed(place)), cut, tmp_path / "cut")
    assert len(asked) == 2 and found.equals(whole)


def test_columns_carry_units_and_descriptions(helpers, ask, tmp_path):
    table = helpers.table(helpers.wanted(), ask, tmp_path)
    metadata = table.schema.field("petror50_r").metadata
    assert metadata == {b"unit": b"arcsec", b"description": b"half-light radius, r"}
    assert table.schema.metadata[b"task"] == b"galaxy4"
    assert b"citing-sdss" in table.schema.metadata[b"credit"]
