"""The SQL of the four papers' samples, word by word, and what it is made of."""

import re
from pathlib import Path
from urllib.parse import urlencode

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from trifid.errors import ConfigError
from trifid.surveys.sdss_paths import RELEASES
from trifid.surveys.sdss_query import (
    MAX_KEYS,
    MAX_PLACES,
    MAX_ROWS,
    ORDER_KEY,
    QueryOptions,
    columns_of,
    count_query,
    cuts_of,
    keys_query,
    objids_query,
    places_query,
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


@pytest.mark.parametrize("wise", [False, True])
@pytest.mark.parametrize("task", SELECTIONS)
def test_an_address_is_never_too_long(task, wise):
    selection, options = SELECTIONS[task], QueryOptions(wise=wise)
    page = rows_query(selection, DR17, options, top=MAX_ROWS, after=(65520, 2**63))
    keys = keys_query(selection, DR17, [(12345, 59000, 1000)] * MAX_KEYS, options)
    objids = objids_query(selection, DR17, [1237648721217716541] * MAX_KEYS, options)
    places = places_query(selection, DR17, [(359.9999, -12.3456789)] * MAX_PLACES, 2.0, options)
    for sql in (page, keys, objids, places):
        assert len(urlencode({"cmd": sql, "format": "csv"})) < LONGEST


def test_only_so_many_spectra_in_a_query():
    assert MAX_KEYS <= 80
    sql = keys_query(SELECTIONS["bhb2"], DR17, [(266, 51602, 13), (7102, 56666, 82)])
    assert "(s.plate=266 AND s.mjd=51602 AND s.fiberID=13)\nOR (s.plate=7102" in sql
    for wrong in ([], [(1, 2, 3)] * 81):
        with pytest.raises(ConfigError, match=r"objects in one query; expected 1 to 75"):
            keys_query(SELECTIONS["bhb2"], DR17, wrong)


def condition(sql):
    """What stands between WHERE and ORDER BY."""
    return sql[sql.index("WHERE ") + 6 : sql.index("\nORDER BY")]


def test_objects_are_named_by_their_photometric_id():
    sql = objids_query(SELECTIONS["sgq3"], DR17, [1237648721217716541, 1237651752939520154])
    assert condition(sql) == (
        "(s.bestObjID=1237648721217716541\nOR s.bestObjID=1237651752939520154)"
    )


@pytest.mark.parametrize(
    ("place", "box"),
    [
        ((150.0, 0.0), "(s.ra BETWEEN 149.999444 AND 150.000556 AND "
                       "s.dec BETWEEN -0.000556 AND 0.000556)"),
        ((150.0, 60.0), "(s.ra BETWEEN 149.998888 AND 150.001112 AND "
                        "s.dec BETWEEN 59.999444 AND 60.000556)"),
        ((359.9999, 0.0), "(s.ra NOT BETWEEN 0.000457 AND 359.999343 AND "
                          "s.dec BETWEEN -0.000556 AND 0.000556)"),
        ((10.0, 89.9999), "(s.dec BETWEEN 89.999344 AND 90.000000)"),
        ((10.0, -90.0), "(s.dec BETWEEN -90.000000 AND -89.999444)"),
    ],
)  # fmt: skip
def test_a_box_holds_the_circle(place, box):
    assert condition(places_query(SELECTIONS["sgq3"], DR17, [place], 2.0)) == f"({box})"


def test_boxes_hold_every_position_of_their_circle():
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 200), np.degrees(np.arcsin(rng.uniform(-1, 1, 200)))
    ra[:20], dec[20:40] = rng.uniform(-5e-4, 5e-4, 20) % 360, 89.99
    for place in zip(ra.tolist(), dec.tolist(), strict=True):
        box = condition(places_query(SELECTIONS["sgq3"], DR17, [place], 2.0))
        around = SkyCoord(*place, unit="deg").directional_offset_by(
            rng.uniform(0, 360, 20) * u.deg, 2.0 * u.arcsec
        )
        numbers = [float(text) for text in re.findall(r"-?\d+\.\d+", box)]
        assert (around.dec.deg >= numbers[-2]).all() and (around.dec.deg <= numbers[-1]).all()
        if "s.ra" in box:
            inside = (around.ra.deg >= numbers[0]) & (around.ra.deg <= numbers[1])
            assert (~inside if "NOT" in box else inside).all()


@pytest.mark.parametrize(
    ("place", "radius", "message"),
    [
        ((361.0, 0.0), 2.0, "ra 361.0, dec 0.0; expected 0 to 360"),
        ((float("nan"), 0.0), 2.0, "ra nan"),
        ((1.0, 91.0), 2.0, "dec 91.0"),
        ((1.0, 1.0), 0.0, "radius 0.0 arcsec"),
        ((1.0, 1.0), 61.0, "radius 61.0 arcsec; expected more than 0, at most 60"),
    ],
)
def test_no_query_for_a_place_off_the_sky(place, radius, message):
    with pytest.raises(ConfigError, match=message):
        places_query(SELECTIONS["sgq3"], DR17, [place], radius)
    with pytest.raises(ConfigError, match="0 objects in one query"):
        places_query(SELECTIONS["sgq3"], DR17, [], 2.0)


def test_wise_photometry_is_joined_without_choosing_rows():
    selection = SELECTIONS["sgq3"]
    plain = rows_query(selection, DR17).splitlines()
    sql = rows_query(selection, DR17, QueryOptions(wise=True))
    assert "p.z AS z,\n  w.w1_nanomaggies AS w1_nanomaggies,\n" in sql
    more = [line for line in sql.splitlines() if line not in plain]
    assert more == [
        "  p.z AS z,",
        "  w.w1_nanomaggies AS w1_nanomaggies,",
        "  w.w1_nanomaggies_ivar AS w1_nanomaggies_ivar,",
        "  w.w2_nanomaggies AS w2_nanomaggies,",
        "  w.w2_nanomaggies_ivar AS w2_nanomaggies_ivar",
        "LEFT JOIN wiseForcedTarget AS w ON w.objID = p.objID AND w.has_wise_phot = 1",
    ]


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
