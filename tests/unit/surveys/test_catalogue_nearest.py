"""The nearest objects of foreign HATS catalogues, against separations computed one by one."""

import runpy
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy_healpix import HEALPix

from trifid.errors import InputError
from trifid.surveys import catalogue_nearest
from trifid.surveys.catalogue_hats import open_hats
from trifid.surveys.catalogue_nearest import nearest_objects

FILES = runpy.run_path(str(Path(__file__).parents[2] / "hats_files.py"))
FORMS = ("hats", "folders", "collection", "unlisted", "hipscat")
RADIUS = 20.0


@pytest.fixture(scope="module")
def places():
    """Positions at corners of partitions, at the poles, at RA 0, and unknown ones."""
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 24), np.degrees(np.arcsin(rng.uniform(-1, 1, 24)))
    ra[:4], dec[:4], ra[4:8] = 10.0, (90.0, 89.999, -90.0, -89.998), 359.9999
    order, number = FILES["partitions"](ra, dec)
    corners = []
    for one, pixel in zip(order.tolist(), number.tolist(), strict=True):
        lon, lat = HEALPix(2**one, order="nested").boundaries_lonlat([pixel], step=1)
        corners.append((lon.deg[0], lat.deg[0]))
    lon, lat = (np.concatenate(values) for values in zip(*corners, strict=True))
    unknown = np.array([np.nan])
    return np.concatenate([ra, lon, unknown]), np.concatenate([dec, lat, unknown])


@pytest.fixture(scope="module")
def table(places):
    """Objects within two radii of the positions, and elsewhere."""
    rng = np.random.default_rng(2)
    ra, dec = (np.repeat(values[:-1], 4) for values in places)
    turn, apart = rng.uniform(0, 360, ra.size), rng.uniform(0, 2 * RADIUS, ra.size)
    near = SkyCoord(ra, dec, unit="deg").directional_offset_by(turn * u.deg, apart * u.arcsec)
    ra = np.concatenate([near.ra.deg, rng.uniform(0, 360, 99)])
    dec = np.concatenate([near.dec.deg, np.degrees(np.arcsin(rng.uniform(-1, 1, 99)))])
    rows = ra.size
    return pa.table(
        {
            "source_id": np.arange(rows) + 2**60,
            "meanra": np.where(ra > 300, ra - 360, ra),  # some count from -180
            "ra": rng.uniform(0, 360, rows),  # of something else
            "mag": rng.uniform(15, 20, rows).astype(np.float32),
            "meandec": dec,
            "light_curve": [[1.0]] * rows,
            "raw": [b"x"] * rows,
            "name": [f"n{row}" for row in range(rows)],
        }
    )


def expected(places, table, radius=RADIUS):
    """Nearest row, count and separation [arcsec] of each position, by brute force."""
    known = np.isfinite(places[0])
    here = SkyCoord(places[0][known], places[1][known], unit="deg")
    there = SkyCoord(table["meanra"].to_numpy(), table["meandec"].to_numpy(), unit="deg")
    apart = here[:, None].separation(there[None, :]).arcsec
    count, index = np.zeros(known.size, int), np.full(known.size, -1)
    separation = np.full(known.size, np.nan)
    count[known] = (apart <= radius).sum(1)
    index[known] = np.where(count[known] > 0, apart.argmin(1), -1)
    separation[known] = np.where(count[known] > 0, apart.min(1), np.nan)
    return index, count, separation


@pytest.mark.parametrize("form", FORMS)
def test_it_finds_what_all_separations_say(form, places, table, tmp_path):
    FILES["write_hats"](tmp_path / "sky", table, form)
    near, columns, left_out = nearest_objects(open_hats(tmp_path / "sky"), *places, RADIUS)
    index, count, separation = expected(places, table)
    assert set(count.tolist()) >= {0, 1, 2, 3}
    np.testing.assert_array_equal(near.count, count)
    np.testing.assert_allclose(near.separation, separation, atol=1e-6)
    found = columns[2].values[near.index] - 2**60
    np.testing.assert_array_equal(np.where(near.index < 0, -1, found), index)
    matched = index >= 0
    assert len(columns[0].values) == np.unique(index[matched]).size  # one object for each, no more
    there = near.index[matched]
    np.testing.assert_array_equal(
        columns[0].values[there], table["meanra"].to_numpy()[index[matched]] % 360
    )
    assert [c.name for c in columns] == ["ra", "dec", "source_id", "ra", "mag", "name"]
    assert columns[5].values[there[0]] == f"n{index[matched][0]}"
    assert columns[4].values.dtype == np.float32
    number = "_hipscat_index" if form == "hipscat" else "_healpix_29"
    assert left_out[1:] == [
        "column 'raw' is left out: binary",
        f"column {number!r} is left out: it numbers a pixel",
    ]
    assert left_out[0].startswith("column 'light_curve' is left out: list<")


@pytest.mark.parametrize("rows", [1, 7])
def test_pieces_of_any_size_give_the_same(rows, places, table, tmp_path, monkeypatch):
    FILES["write_hats"](tmp_path / "sky", table, rows=rows + 1)
    monkeypatch.setattr(catalogue_nearest, "_ROWS", rows)
    near, columns, _ = nearest_objects(open_hats(tmp_path / "sky"), *places, 2.0)
    index, count, _ = expected(places, table, 2.0)
    np.testing.assert_array_equal(near.count, count)
    ids = columns[2].values[near.index[index >= 0]]
    np.testing.assert_array_equal(ids - 2**60, index[index >= 0])


@pytest.fixture
def one(table, tmp_path):
    """A catalogue and a row of it, in a partition of its own."""
    files = FILES["write_hats"](tmp_path / "sky", table, "hats", common=False)
    ra, dec = (table[name].to_numpy()[-1:] for name in ("meanra", "meandec"))
    order, number = FILES["partitions"](ra % 360, dec)
    return tmp_path / "sky", files, (int(order[0]), int(number[0])), (ra, dec)


def test_files_far_away_are_never_opened(one, table):
    folder, files, here, place = one
    for pixel, path in files.items():
        if pixel != here:
            path.write_bytes(b"garbage") if pixel[0] != 3 else path.unlink()
    near, columns, _ = nearest_objects(open_hats(folder), *place, 2.0)
    assert near.count.tolist() == [1]
    assert columns[-1].values.tolist() == [f"n{len(table) - 1}"]


def test_a_damaged_file_is_named(one, table):
    folder, files, here, place = one
    path = files[here]
    whole = path.read_bytes()
    for change, why in (
        (lambda: path.write_bytes(whole[: len(whole) // 2]), "not a readable parquet catalogue"),
        (lambda: path.write_bytes(b""), "not a readable parquet catalogue"),
        (lambda: pq.write_table(table.drop(["meanra"]), path), "has no column 'meanra'"),
        (path.unlink, "does not exist, but belongs to the catalogue"),
    ):
        change()
        with pytest.raises(InputError, match=why) as caught:
            nearest_objects(open_hats(folder), *place, 2.0)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_files_whose_columns_differ_are_named(places, table, tmp_path):
    files = FILES["write_hats"](tmp_path / "sky", table)
    for path in files.values():
        pq.write_table(pq.ParquetFile(path).read().drop(["mag"]), path)
    with pytest.raises(InputError, match=r"Npix=\d+.parquet has no column 'mag'"):
        nearest_objects(open_hats(tmp_path / "sky"), *places, RADIUS)


@pytest.mark.parametrize("common", [True, False])
def test_where_nothing_lies_near_the_columns_are_known_if_written_down(common, table, tmp_path):
    FILES["write_hats"](tmp_path / "sky", table.slice(0, 8), common=common)
    far = np.array([200.0]), np.array([7.0])
    near, columns, _ = nearest_objects(open_hats(tmp_path / "sky"), *far, 2.0)
    assert near.count.tolist() == [0] and near.index.tolist() == [-1]
    names = ["ra", "dec", "source_id", "ra", "mag", "name"]
    assert [column.name for column in columns] == names[: 6 if common else 2]
    assert {len(column.values) for column in columns} == {0}


def test_positions_that_are_null_or_impossible_match_nothing(table, tmp_path):
    files = FILES["write_hats"](tmp_path / "sky", table.slice(0, 1), rows=3)
    (path,) = files.values()
    held = pq.ParquetFile(path).read()
    ra = held["meanra"][0].as_py()
    many = pa.concat_tables([held] * 4)
    many = many.set_column(1, "meanra", pa.array([None, ra, float("nan"), ra]))
    many = many.set_column(4, "meandec", pa.array([*held["meandec"].to_pylist() * 3, 900.0]))
    pq.write_table(many, path)
    place = np.array([ra]), held["meandec"].to_numpy()
    near, columns, _ = nearest_objects(open_hats(tmp_path / "sky"), *place, 2.0)
    assert near.count.tolist() == [1] and len(columns[0].values) == 1
