"""Lists of spectra, objects and positions, and what they match."""

import csv

import pytest

from trifid.errors import ConfigError, InputError
from trifid.fetch.lists import match, read_lists, told, write_matches
from trifid.simulate.sky_server import as_csv

DR8, DR7 = 1237648721217716541, 587722952230174996


@pytest.fixture
def catalogue(helpers, archive, tmp_path):
    """The eight rows of the small survey."""

    def ask(sql, accept):
        return as_csv(archive.query(sql))

    return helpers.table(helpers.wanted(), ask, tmp_path / "pages")


def test_lists_are_joined_each_spectrum_once(tmp_path):
    one, two = tmp_path / "bhb.csv", tmp_path / "others.csv"
    one.write_text("plate,mjd,fiberid,ra\n7102,56666,82,1.0\n266,51602,13,2.0\n")
    two.write_text("PLATE,MJD,FIBER\n266,51602,13\n")
    listed = read_lists([one, two])
    assert listed.spectra == [(266, 51602, 13), (7102, 56666, 82)] and len(listed.rows) == 3
    assert {row.kind for row in listed.rows} == {"spectrum"}


def test_a_row_is_found_by_the_best_that_it_names(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(
        "objid,ra,dec\n"
        f"{DR8},10.0,20.0\n"
        f"{DR7},11.0,21.0\n"  # another namespace: the position is used
        f"{DR7},,\n"
        ",12.0,22.0\n"
    )
    listed = read_lists([path], radius=3.0)
    assert [row.kind for row in listed.rows] == ["objid", "position", "nothing", "position"]
    assert listed.objids == [DR8] and listed.places == [(11.0, 21.0), (12.0, 22.0)]
    assert listed.rows[1].asked == "11.0000000 +21.0000000" and listed.rows[3].row == 4


def test_a_list_without_objects_is_refused(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(f"objid,name\n{DR7},a\n")
    with pytest.raises(InputError, match="no row names an object; expected plate, mjd"):
        read_lists([path])
    for radius in (0.0, 100.0, float("nan")):
        with pytest.raises(ConfigError, match="expected more than 0, at most 60 arcsec"):
            read_lists([], radius)


def test_another_list_has_another_digest(helpers):
    one, other = helpers.listed((1.0, 2.0)), helpers.listed((1.0, 2.1))
    assert one.digest() != other.digest() == helpers.listed((1.0, 2.1)).digest()
    assert one.digest() != helpers.listed((1.0, 2.0), radius=3.0).digest()


def test_the_nearest_is_taken_and_all_are_counted(helpers, catalogue, tmp_path):
    rows = catalogue.to_pylist()
    alone = next(row for row in rows if row["ra"] != 150.0)
    listed = helpers.listed(
        (150.0, 20.0 + 1 / 3600),                  # two spectra
        (alone["ra"], alone["dec"] - 0.5 / 3600),  # one
        (10.0, 10.0),                              # none
        int(alone["bestobjid"]),                   # the same again
        (1, 2, 3),
    )  # fmt: skip
    matches = match(listed, catalogue)
    assert [item.found for item in matches] == [2, 1, 0, 1, 0]
    assert rows[matches[0].taken]["ra"] == 150.0
    assert matches[1].taken == matches[3].taken == rows.index(alone)
    assert matches[0].separation == pytest.approx(1.0, abs=1e-6)
    assert told(matches, 2.0) == (
        "5 listed rows: 2 match one spectrum within 2 arcsec, 1 several (the nearest is taken), "
        "2 none; 1 match one that another row has"
    )
    write_matches(tmp_path / "matches.csv", matches, catalogue)
    written = list(csv.DictReader((tmp_path / "matches.csv").read_text().splitlines()))
    assert [row["by"] for row in written] == ["position"] * 3 + ["objid", "spectrum"]
    assert [row["found"] for row in written] == ["2", "1", "0", "1", "0"]
    assert written[1]["specobjid"] == alone["specobjid"]
    assert written[1]["separation_arcsec"] == "0.500" and written[2]["object_id"] == ""
    assert written[4]["asked"] == "sdss-0001-00002-0003"
