"""A simulated survey answers as the archive would: paths and queries."""

import bz2
import io
import runpy
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trifid.errors import InputError
from trifid.simulate import camera
from trifid.simulate.sky_archive import SkyArchive
from trifid.surveys.sdss_paths import RELEASES, frame_path, spectrum_path
from trifid.surveys.sdss_query import (
    QueryOptions,
    count_query,
    keys_query,
    objids_query,
    places_query,
    rows_query,
)
from trifid.surveys.sdss_selections import SELECTIONS

SKY = runpy.run_path(str(Path(__file__).resolve().parents[2] / "sky_files.py"))
GALAXY4, DR17 = SELECTIONS["galaxy4"], RELEASES["dr17"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return SkyArchive(SKY["write_sky"](tmp_path_factory.mktemp("sky")))


def rows_of(answer):
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def test_rows_have_what_the_selection_asks(archive):
    rows = rows_of(archive.query(rows_query(GALAXY4, DR17)))
    assert len(rows) == len(archive) == 6
    order = [(row["order_key"], int(row["specobjid"])) for row in rows]
    assert order == sorted(order)
    first = next(row for row in rows if row["fiberid"] == 1)
    assert first["class"] == "GALAXY" and first["bpt"] == "Star Forming"
    assert (first["run"], first["camcol"], first["field"], first["rerun"]) == (1266, 1, 11, 301)
    assert first["modelmag_r"] == 16.0 and first["bptclass"] is None


def test_files_lie_where_the_release_has_them(archive):
    for row in rows_of(archive.query(rows_query(GALAXY4, DR17))):
        for release in RELEASES.values():
            key = (row["plate"], row["mjd"], row["fiberid"], row["run2d"])
            assert archive.file(spectrum_path(release, *key)).startswith(b"SIMPLE")
            place = (row["run"], row["camcol"], row["field"], "g")
            packed = archive.file(frame_path(release, *place))
            assert bz2.decompress(packed).startswith(b"SIMPLE")
    for path in ("dr17/nothing", "../simulate.json", "dr17/../catalogue.fits", ""):
        assert archive.file(path) is None
    assert archive.file(spectrum_path(DR17, 999, 51602, 1, "26")) is None
    assert archive.file(frame_path(DR17, 1266, 1, 999, "u")) is None


def test_pages_follow_each_other_to_the_end(archive):
    whole = rows_of(archive.query(rows_query(GALAXY4, DR17)))
    paged, after = [], None
    while page := rows_of(archive.query(rows_query(GALAXY4, DR17, top=4, after=after))):
        paged += page
        after = (page[-1]["order_key"], int(page[-1]["specobjid"]))
    assert paged == whole


def test_cuts_on_the_spectrum_are_obeyed(archive):
    sql = rows_query(GALAXY4, DR17)
    near = archive.query(sql.replace("s.z < 0.3", "s.z < 0.035"))
    assert len(near.rows) == 3
    assert archive.query(sql.replace("s.snMedian > 10", "s.snMedian > 14")).rows == []
    boss = rows_query(GALAXY4, DR17, QueryOptions(instrument="BOSS"))
    assert archive.query(boss).rows == []
    two = archive.query(sql.replace("'Composite', ", "").replace("'BLANK'", "'Seyfert'"))
    assert {row["bpt"] for row in rows_of(two)} == {"Star Forming", "Seyfert"}


def test_keys_and_counts(archive):
    found = rows_of(archive.query(keys_query(GALAXY4, DR17, [(266, 51602, 1), (1, 2, 3)])))
    assert [row["fiberid"] for row in found] == [1]
    counted = dict(archive.query(count_query(GALAXY4, QueryOptions(), 2)).rows)
    assert counted == {"Star Forming": 3, "Composite": 1, "Seyfert": 1, "BLANK": 1}


def test_objects_and_places(archive):
    rows = rows_of(archive.query(rows_query(GALAXY4, DR17)))
    objid = int(rows[0]["bestobjid"])
    found = rows_of(archive.query(objids_query(GALAXY4, DR17, [objid, 1237000000000000000])))
    assert {row["bestobjid"] for row in found} == {str(objid)}
    for place, count in (((150.0, 20.0), 2), ((150.1, 20.0), 1), ((150.1, -20.0), 0)):
        sql = places_query(GALAXY4, DR17, [place, (10.0, 89.9999)], 2.0)
        assert len(archive.query(sql).rows) == count
    around = places_query(GALAXY4, DR17, [(0.0, 20.0)], 2.0)
    assert archive.query(around).rows == []
    assert len(archive.query(around.replace("NOT BETWEEN 0.00", "NOT BETWEEN 150.2")).rows) == 4


def test_wise_is_not_simulated(archive):
    (row, *_) = rows_of(archive.query(rows_query(GALAXY4, DR17, QueryOptions(wise=True))))
    assert row["w1_nanomaggies"] is None


def test_extended_sources_are_told_by_psf_and_model_magnitude(archive):
    rows = rows_of(archive.query(rows_query(GALAXY4, DR17)))
    for row in rows:
        apart = row["psfmag_r"] - row["modelmag_r"]
        assert row["psf_minus_cmodel_r"] == apart and row["extended"] == (apart > 0.145)
    assert {row["extended"] for row in rows} == {0, 1}


def test_cutouts_are_those_of_the_nearest_object(archive):
    row = rows_of(archive.query(rows_query(GALAXY4, DR17)))[0]
    place = (row["ra"], row["dec"])
    whole = fits.getdata(next(archive._folder.glob(f"images/*/cutout-{row['bestobjid']}-r.fits")))
    same = fits.getdata(io.BytesIO(archive.image("r", *place, camera.PIXEL, whole.shape)))
    np.testing.assert_allclose(same, whole, rtol=1e-5)
    up = (place[0], place[1] + 2 * camera.PIXEL / 3600)
    moved = fits.getdata(io.BytesIO(archive.image("r", *up, camera.PIXEL, whole.shape)))
    np.testing.assert_allclose(moved[:-2], whole[2:], rtol=1e-4)
    assert archive.picture(*place, 0.4, (32, 32)).startswith(b"\xff\xd8")
    assert archive.image("r", place[0], -place[1], 0.4, (8, 8)) is None
    assert archive.picture(place[0], -place[1], 0.4, (8, 8)) is None


def test_other_text_is_no_query(archive):
    for text in ("", "SELECT 1", "DROP TABLE SpecObj", "SELECT\n  s.z AS z\nFROM Other AS s"):
        with pytest.raises(InputError, match="no query that trifid writes"):
            archive.query(text)


def test_a_folder_without_a_simulation_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no simulate\.json; make it with trifid simulate"):
        SkyArchive(tmp_path)
