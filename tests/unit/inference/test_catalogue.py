"""Catalogues of a whole store: four formats, equal numbers, labels never read."""

import csv
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from trifid.errors import BundleError, ConfigError, StoreError
from trifid.exchange.tables import FORMATS
from trifid.inference.catalogue import predict_catalogue
from trifid.schema.modality import ImageSpec


@pytest.fixture(scope="module")
def catalogue(trained_run, store_folder, tmp_path_factory):
    """The catalogue of the small store as an Arrow table."""
    out = tmp_path_factory.mktemp("catalogue") / "c.parquet"
    summary = predict_catalogue(trained_run, store_folder, out)
    json.dumps(summary, allow_nan=False)
    assert summary["rows"] == 80 and summary["out"] == str(out)
    return pq.read_table(out)


def test_columns_units_and_provenance(catalogue, bundle):
    probabilities = [f"prob_{name}" for name in ("SF", "COMP", "AGN", "NORMAL")]
    assert catalogue.column_names == [
        *("object_id", "ra", "dec", "predicted"),
        *probabilities,
        *("used", "out_of_domain"),
    ]
    assert catalogue.schema.field("ra").metadata[b"unit"] == b"deg"
    assert b"SF" in catalogue.schema.field("prob_SF").metadata[b"description"]
    metadata = catalogue.schema.metadata
    assert metadata[b"bundle_sha256"].decode() == bundle.hash
    assert metadata[b"task"] == b"galaxy4"
    assert metadata[b"trained_on_simulated_data"] == b"true"
    assert b"Simulated by trifid" in metadata[b"acknowledgement"]
    assert metadata[b"citation"].startswith(b"GCSNet")
    assert catalogue.schema.field("ra").metadata[b"ucd"] == b"pos.eq.ra;meta.main"
    values = np.array([catalogue[name].to_numpy() for name in probabilities])
    np.testing.assert_allclose(values.sum(axis=0), 1, atol=1e-6)
    best = [bundle.classes[k] for k in values.argmax(axis=0)]
    assert catalogue["predicted"].to_pylist() == best
    assert catalogue["used"].to_pylist() == ["image+spectrum+table"] * 70 + ["spectrum"] * 10


@pytest.mark.parametrize("suffix", [".fits", ".vot", ".csv"])
def test_every_format_holds_equal_numbers(catalogue, trained_run, store_folder, tmp_path, suffix):
    path = tmp_path / f"c{suffix}"
    predict_catalogue(trained_run, store_folder, path)
    if suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.reader(line for line in handle if not line.startswith("#")))
        got = {name: np.array(cells) for name, *cells in zip(*rows, strict=True)}
    else:
        got = Table.read(path)
        assert got["ra"].unit == "deg"
    for name in catalogue.column_names:
        expected = catalogue[name].to_pylist()
        if isinstance(expected[0], float):
            numbers = np.asarray(got[name]).astype(np.float64)
            np.testing.assert_array_equal(numbers, expected)
        else:
            assert [str(value).strip() for value in got[name]] == [str(v) for v in expected]
    header = (
        path.read_bytes()[:20_000] if suffix != ".fits" else str(Table.read(path).meta).encode()
    )
    assert catalogue.schema.metadata[b"bundle_sha256"] in header
    assert catalogue.schema.metadata[b"citation"] in header
    assert b"Simulated by trifid" in header


def test_rows_without_input_are_null_and_counted(trained_run, rewrite, tmp_path):
    store = rewrite(range(3), without=("image", "spectrum", "table"))
    for suffix in FORMATS:
        out = tmp_path / f"c{suffix}"
        summary = predict_catalogue(trained_run, store, out)
        assert (summary["rows"], summary["without_input"], summary["out_of_domain"]) == (3, 3, 0)
    table = pq.read_table(tmp_path / "c.parquet")
    assert table["predicted"].null_count == table["prob_SF"].null_count == 3
    assert table["used"].to_pylist() == [""] * 3
    for suffix in (".fits", ".vot"):
        got = Table.read(tmp_path / f"c{suffix}")
        empty = np.ma.getmaskarray(got["prob_SF"]) | np.isnan(np.ma.filled(got["prob_SF"], np.nan))
        assert empty.all()
    last = (tmp_path / "c.csv").read_text().splitlines()[-1].split(",")
    assert last[3:8] == [""] * 5


def test_positions_may_be_missing(trained_run, rewrite, tmp_path):
    store = rewrite([0, 1], columns={"ra": [None, 1.5], "dec": [None, -2.0]})
    for suffix in FORMATS:
        predict_catalogue(trained_run, store, tmp_path / f"c{suffix}")
    ra = Table.read(tmp_path / "c.vot")["ra"]
    assert np.isnan(np.ma.filled(ra, np.nan)).tolist() == [True, False]
    assert pq.read_table(tmp_path / "c.parquet")["dec"].to_pylist() == [None, -2.0]


def test_labels_are_never_read(catalogue, trained_run, rewrite, tmp_path):
    rows = np.arange(70)
    absent = rewrite(rows, drop=("bpt",))
    poisoned = rewrite(rows, columns={"bpt": ["poison", None] * 35})
    for number, store in enumerate((absent, poisoned)):
        out = tmp_path / f"{number}.parquet"
        predict_catalogue(trained_run, store, out)
        got = pq.read_table(out)
        assert got.drop_columns(["object_id"]).equals(
            catalogue.slice(0, 70).drop_columns(["object_id"])
        )


def test_an_answer_does_not_depend_on_the_rows_beside_it(catalogue, trained_run, rewrite, tmp_path):
    predict_catalogue(trained_run, rewrite([5, 40, 12]), tmp_path / "c.parquet")
    got = pq.read_table(tmp_path / "c.parquet")
    expected = catalogue.take([5, 40, 12])
    for name in ("prob_SF", "prob_AGN"):
        np.testing.assert_allclose(got[name].to_numpy(), expected[name].to_numpy(), atol=1e-5)


def test_a_modality_the_store_lacks_is_absent(trained_run, rewrite, tmp_path):
    predict_catalogue(trained_run, rewrite([0, 1], without=("image",)), tmp_path / "c.parquet")
    assert pq.read_table(tmp_path / "c.parquet")["used"].to_pylist() == ["spectrum+table"] * 2


def test_another_pixel_scale_is_refused_in_one_line(trained_run, rewrite, tmp_path):
    def coarse(schema):
        image = schema.modalities["image"]
        assert isinstance(image, ImageSpec)
        changed = image.replace(pixel_scale=0.2)
        return schema.replace(modalities=schema.modalities | {"image": changed})

    store = rewrite([0, 1], schema=coarse)
    with pytest.raises(StoreError, match="image does not fit") as caught:
        predict_catalogue(trained_run, store, tmp_path / "c.parquet")
    message = str(caught.value)
    assert message.endswith("pixel_scale was 0.396, now 0.2")
    assert not list(tmp_path.glob("c.*"))


def test_out_of_domain_rows_are_counted(trained_run, store_folder, rewrite, tmp_path, monkeypatch):
    from trifid.store.read import Store

    store = rewrite(range(6))
    real = Store.take

    def brighter(self, rows, modalities):
        taken = real(self, rows, modalities)
        taken["image"]["flux"][rows < 2] *= 1000
        return taken

    monkeypatch.setattr(Store, "take", brighter)
    summary = predict_catalogue(trained_run, store, tmp_path / "c.parquet")
    assert summary["out_of_domain"] == 2
    odd = pq.read_table(tmp_path / "c.parquet")["out_of_domain"].to_pylist()
    assert odd == [True, True, False, False, False, False]


def test_hostile_object_ids_are_harmless(trained_run, rewrite, tmp_path):
    hostile = ["=cmd()", "<script>\x1b[31m\nx"]
    store = rewrite([0, 1], columns={"object_id": hostile})
    for suffix in FORMATS:
        predict_catalogue(trained_run, store, tmp_path / f"c{suffix}")
    lines = (tmp_path / "c.csv").read_text().splitlines()
    assert lines[-2].startswith("'=cmd(),") and lines[-1].startswith("<script>[31mx,")
    assert Table.read(tmp_path / "c.vot")["object_id"][1] == "<script>[31mx"
    assert pq.read_table(tmp_path / "c.parquet")["object_id"].to_pylist() == hostile


def test_what_cannot_be_written_or_read_is_refused_before_any_work(
    trained_run, store_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr("trifid.inference.catalogue.score_store", None)
    with pytest.raises(ConfigError, match=r"unknown format; use one of \.parquet"):
        predict_catalogue(trained_run, store_folder, tmp_path / "c.xlsx")
    with pytest.raises(ConfigError, match="folder that exists"):
        predict_catalogue(trained_run, store_folder, tmp_path / "no" / "c.csv")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(ConfigError, match="expected a file"):
        predict_catalogue(trained_run, store_folder, tmp_path / "d.csv")
    with pytest.raises(BundleError, match=r"holds no bundle\.json"):
        predict_catalogue(tmp_path, store_folder, tmp_path / "c.csv")
    with pytest.raises(StoreError):
        predict_catalogue(trained_run, tmp_path, tmp_path / "c.csv")
