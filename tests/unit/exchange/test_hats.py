"""HATS catalogues: the layout of the note, division of the sky, and the way back.

LSDB itself opens and cross-matches one in tests/slow/test_hats.py.
"""

import csv

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trifid.errors import ConfigError, InputError
from trifid.exchange import hats
from trifid.exchange.parquet import read_parquet
from trifid.exchange.wide import Wide
from trifid.physics.healpix import nested_pixels
from trifid.store.read import Store


def positions(store):
    columns = store.columns("ra", "dec")
    return columns["ra"].to_numpy(), columns["dec"].to_numpy()


@pytest.fixture(scope="module")
def folder(rich, tmp_path_factory):
    out = tmp_path_factory.mktemp("hats") / "sky"
    lost = hats.write_hats(Wide(rich, arrays=True), *positions(rich), out, lambda n: None)
    assert lost == 1  # one row has no position
    return out


def properties(folder):
    lines = (folder / "hats.properties").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_the_layout_of_the_note(folder):
    with (folder / "partition_info.csv").open() as handle:
        pixels = {(int(row["Norder"]), int(row["Npix"])) for row in csv.DictReader(handle)}
    files = hats.hats_files(folder)
    assert {(int(p.parts[-3][7:]), int(p.stem[5:])) for p in files} == pixels
    about = properties(folder)
    assert about["obs_collection"] == "sky" and about["dataproduct_type"] == "object"
    assert (about["hats_col_ra"], about["hats_col_dec"]) == ("ra", "dec")
    assert about["hats_nrows"] == "11" and about["hats_col_healpix"] == "_healpix_29"
    assert "https://www.sdss.org" in about["obs_ack"]
    footer = pq.read_metadata(folder / "dataset" / "_metadata")
    assert footer.num_rows == 11
    assert footer.row_group(0).column(0).file_path == str(files[0].relative_to(folder / "dataset"))
    common = pq.read_schema(folder / "dataset" / "_common_metadata")
    assert common.equals(pq.read_schema(files[0]), check_metadata=True)
    assert common.names[0] == "_healpix_29" and common.field("dec").metadata[b"unit"] == b"deg"


def test_every_row_lies_in_its_pixel_in_order(folder):
    for path in hats.hats_files(folder):
        order, pixel = int(path.parts[-3][7:]), int(path.stem[5:])
        table = pq.ParquetFile(path).read()
        ra, dec = table["ra"].to_numpy(), table["dec"].to_numpy()
        assert (nested_pixels(ra, dec, order) == pixel).all()
        numbers = table["_healpix_29"].to_numpy()
        assert (np.diff(numbers) >= 0).all()
        np.testing.assert_array_equal(numbers, nested_pixels(ra, dec, 29))


def test_out_and_back_has_the_same_rows(folder, rich, same_rows, tmp_path):
    assert read_parquet(hats.hats_files(folder), tmp_path / "back", "hats") == 11
    back = Store.open(tmp_path / "back", full=True)
    ids = back.columns("object_id")["object_id"].to_pylist()
    assert len(set(ids)) == 11
    same_rows(back, rich, ids=ids)
    assert back.schema == rich.schema


def test_crowded_pixels_are_divided():
    generator = np.random.default_rng(3)
    ra = np.concatenate([generator.uniform(0, 360, 300), generator.normal(80, 0.01, 700)])
    dec = np.concatenate([generator.uniform(-80, 80, 300), generator.normal(-20, 0.01, 700)])
    pixels = np.sort(nested_pixels(ra, dec, 29))
    found = hats.divide(pixels, 100)
    assert sum(part.rows for part in found) == 1000
    rows = np.concatenate([np.arange(p.first, p.first + p.rows) for p in found])
    np.testing.assert_array_equal(np.sort(rows), np.arange(1000))
    assert len({part.order for part in found}) > 2
    for part in found:
        held = pixels[part.first : part.first + part.rows]
        assert (held >> (2 * (29 - part.order)) == part.pixel).all()
        assert part.rows <= 100 or part.order == 10
    by_order = {(part.order, part.pixel) for part in found}
    for order, pixel in by_order:  # no pixel lies in another
        above = {(order - k, pixel >> (2 * k)) for k in range(1, order + 1)}
        assert not above & by_order


def test_partitions_and_parts_are_bounded(rich, tmp_path, monkeypatch):
    wide = Wide(rich, arrays=True)
    width = hats.row_bytes(wide.kind)
    monkeypatch.setattr(hats, "PARTITION_BYTES", 20 * width)
    monkeypatch.setattr(hats, "CHUNK_BYTES", 2 * width)
    taken = []
    real = Wide.take
    monkeypatch.setattr(Wide, "take", lambda s, rows: taken.append(len(rows)) or real(s, rows))
    ra, dec = np.full(12, 10.0), np.full(12, 10.0)
    hats.write_hats(wide, ra, dec, tmp_path / "one", lambda n: None)
    assert taken == [2] * 6
    (path,) = hats.hats_files(tmp_path / "one")
    assert pq.ParquetFile(path).metadata.num_row_groups == 6


def test_hostile_text_stays_text(tmp_path):
    text = "a=b\\n\nsecond=1 é\x1b"
    table = pa.table({"ra": [1.0], "dec": [2.0]}).replace_schema_metadata({"acknowledgement": text})
    source = hats.TableRows(table)
    hats.write_hats(source, np.array([1.0]), np.array([2.0]), tmp_path / "x", lambda n: None)
    about = properties(tmp_path / "x")
    assert about["obs_ack"] == "a=b\\\\nsecond=1 é"
    assert "second" not in about


def test_no_positions_and_taken_names_are_refused(rich, tmp_path):
    wide = Wide(rich, arrays=False)
    nowhere = np.full(12, np.nan)
    with pytest.raises(InputError, match="no row has a position"):
        hats.write_hats(wide, nowhere, nowhere, tmp_path / "x", lambda n: None)
    source = hats.TableRows(pa.table({"_healpix_29": [1]}))
    with pytest.raises(ConfigError, match="rename it"):
        hats.write_hats(source, np.zeros(1), np.zeros(1), tmp_path / "x", lambda n: None)
    (tmp_path / "empty" / "dataset").mkdir(parents=True)
    with pytest.raises(InputError, match="no Norder"):
        hats.hats_files(tmp_path / "empty")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
