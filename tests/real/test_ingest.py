"""Ingest of every folder of real survey files, through the command's own function."""

import csv
import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from scipy import ndimage

from trifid.cli.info import describe
from trifid.errors import InputError
from trifid.ingest.run import ingest
from trifid.schema import grid
from trifid.store.read import Store


def stored(folder, out, **options):
    summary = ingest(folder, out, **options)
    store = Store.open(out, full=True)
    document = json.loads(json.dumps(describe(store), allow_nan=False))
    assert summary.rows == len(store) == document["rows"]
    return store, document


def test_boss_plate_with_its_catalogue_loses_nothing(shared_data, tmp_path):
    folder = shared_data / "boss_plate7102"
    path = folder / "cat_boss_test1.fits.gz"
    store, document = stored(folder, tmp_path / "s", catalogs=[path])
    assert document["rows"] == document["groups"] == 140 and document["skipped"] == []
    assert store.present("spectrum").all() and store.present("table").all()
    assert document["labels"]["class_person"] == {"3": 79, "1": 44, "4": 9, "30": 8}
    assert sum(document["labels"]["class"].values()) == 140
    columns = store.columns("plate", "mjd", "fiber", "class_person", "cat_zwarning").to_pylist()
    table = store.take(np.arange(140), ["table"])["table"]
    features = store.schema.modalities["table"].features
    units = dict(zip(features, store.schema.modalities["table"].units, strict=True))
    assert units["psfflux_g"] == "nanomaggies" and units["z_vi"] == ""
    with fits.open(path) as opened:
        rows = {(r["PLATE"], r["MJD"], r["FIBERID"]): r for r in opened[1].data}
        for number, column in enumerate(columns):
            row = rows[(column["plate"], column["mjd"], column["fiber"])]
            assert column["class_person"] == row["CLASS_PERSON"]
            assert column["cat_zwarning"] == row["ZWARNING"]
            values = dict(zip(features, table["values"][number], strict=True))
            assert values["z_vi"] == np.float32(row["Z_VI"])
            for band, expected in zip("ugriz", row["PSFMAG"], strict=True):
                assert values[f"psfmag_{band}"] == expected
    assert table["valid"].all()


def test_triplets_have_picture_spectrum_and_row(shared_data, tmp_path):
    store, document = stored(shared_data / "galaxy_triplets", tmp_path / "s")
    assert document["rows"] == 6 and document["skipped"] == []
    assert {n: e["rows"] for n, e in document["modalities"].items()} == {
        "image_rgb": 6,
        "spectrum": 6,
        "table": 6,
    }
    assert document["labels"]["class"] == {"GALAXY": 6}
    for row in store.columns("bestobjid", "source_path", "redshift").to_pylist():
        assert row["source_path"][1] == f"{row['bestobjid']}.jpeg"
        assert 0 < row["redshift"] < 1
    pixels = store.take(np.arange(6), ["image_rgb"])["image_rgb"]["pixels"]
    assert pixels.shape == (6, 64, 64, 3) and (pixels.std(axis=(1, 2, 3)) > 1).all()
    table = store.take(np.arange(6), ["table"])["table"]
    valid = dict(zip(store.schema.modalities["table"].features, table["valid"].T, strict=True))
    assert valid["spectroflux_r"].all() and not valid["modelmag_r"].any()


def test_legacy_galaxies_and_their_repeats(shared_data, tmp_path):
    store, document = stored(shared_data / "legacy_galaxies", tmp_path / "s")
    assert document["rows"] == 12 and document["skipped"] == []
    objids = store.columns("bestobjid").column(0).to_pylist()
    assert document["groups"] == len(set(objids)) == 10
    assert document["labels"]["instrument"] == {"SDSS": 11, "BOSS": 1}


def test_repeat_observations_share_a_group(shared_data, tmp_path):
    store, document = stored(shared_data / "hisscube", tmp_path / "s")
    assert document["rows"] == 14 and document["groups"] == 5 and document["skipped"] == []
    groups = {}
    for row in store.columns("object_id", "group", "bestobjid").to_pylist():
        assert row["group"] == f"objid-{row['bestobjid']}"
        groups.setdefault(row["group"], []).append(row["object_id"])
    assert sorted(map(len, groups.values())) == [1, 1, 1, 3, 8]


def test_galaxy_zoo_pictures_and_labels(shared_data, tmp_path):
    folder = shared_data / "galaxyzoo_cutouts"
    store, document = stored(folder, tmp_path / "s", catalogs=[folder / "labels.csv"])
    assert document["rows"] == document["groups"] == 1676 and document["skipped"] == []
    counts = {"0": 1201, "1": 93, "2": 102, "3": 227, "4": 17, "5": 36}
    assert document["labels"]["class"] == dict(sorted(counts.items(), key=lambda kv: -kv[1]))
    with (folder / "labels.csv").open() as handle:
        expected = {f"objid-{r['objid']}": int(r["class"]) for r in csv.DictReader(handle)}
    columns = store.columns("object_id", "class").to_pylist()
    assert {row["object_id"]: row["class"] for row in columns} == expected


def test_stamps_become_two_five_band_images(shared_data, tmp_path):
    folder = shared_data / "ugriz_stamps"
    store, document = stored(folder, tmp_path / "s", size=51)
    assert document["rows"] == 2
    image = document["modalities"]["image"]
    assert image["bands"] == list("ugriz") and image["pixel_scale"] == 0.396
    flux = store.take(np.arange(2), ["image"])["image"]["flux"]
    assert flux.shape == (2, 5, 51, 51)
    for row, key in enumerate(("164.4311-39.0359", "5.0073-0.0739")):
        with fits.open(folder / f"stamp-r-{key}.fits") as opened:
            assert flux[row, 2].sum() == pytest.approx(opened[0].data.sum(), rel=0.05)
    flags = store.columns("image_missing_band", "image_misregistered").to_pylist()
    assert not any(value for row in flags for value in row.values())
    reasons = {item["file"]: item["reason"] for item in document["skipped"]}
    assert len(reasons) == 15
    assert all("second image" in why for name, why in reasons.items() if "_2kpsf" in name)
    assert all("--catalog" in why for name, why in reasons.items() if not name.startswith("stamp"))


def test_a_frame_needs_positions_and_gives_cutouts_of_them(shared_data, tmp_path):
    folder = shared_data / "frames"
    with pytest.raises(InputError, match=r"give positions with --catalog FILE \(ra, dec\)"):
        ingest(folder, tmp_path / "none")
    with fits.open(folder / "frame-u-004948-3-0199.fits.bz2") as opened:
        wcs, frame = WCS(opened[0].header), opened[0].data
    rng = np.random.default_rng(3)
    x, y = rng.uniform(40, 2008, 20), rng.uniform(40, 1449, 20)
    x[0], y[0] = 5, 700  # at the edge
    ra, dec = wcs.all_pix2world(x, y, 0)
    path = tmp_path / "positions.csv"
    lines = [f"t{i},{ra[i]:.17g},{dec[i]:.17g}" for i in range(20)] + ["far,10.0,-89.0"]
    path.write_text("object_id,ra,dec\n" + "\n".join(lines) + "\n")
    store, document = stored(folder, tmp_path / "s", catalogs=[path], size=32)
    assert document["rows"] == 20
    assert [(s["object_id"], s["reason"]) for s in document["skipped"]] == [
        ("far", "no file of this object")
    ]
    columns = store.columns("object_id", "ra", "image_edge", "image_missing_band").to_pylist()
    assert set(store.columns("image_saturated").column(0).to_pylist()) == {False}
    flux = store.take(np.arange(20), ["image"])["image"]["flux"]
    assert flux.shape == (20, 5, 32, 32)
    for row, planes in zip(columns, flux, strict=True):
        number = int(row["object_id"][1:])
        assert row["ra"] == ra[number] and row["image_missing_band"]
        assert row["image_edge"] == (number == 0)
        assert not planes[1:].any()
        if number:
            steps = np.arange(32) - 15.5  # pixels of the frame are those of the cutout, shifted
            places = np.meshgrid(y[number] + steps, x[number] + steps, indexing="ij")
            expected = ndimage.map_coordinates(frame, places, order=1)
            assert np.abs(planes[0] - expected).max() < 0.05 * np.abs(expected).max()


def test_a_catalogue_alone_becomes_a_table_store(shared_data, tmp_path):
    path = shared_data / "catalogues" / "kaggle_dr14_dev.csv"
    store, document = stored(path, tmp_path / "s")
    assert document["rows"] == document["groups"] == 4998
    assert document["modalities"]["table"]["features"] == ["u", "g", "r", "i", "z", "redshift"]
    assert "objid" not in document["columns"] and "bestobjid" not in document["columns"]
    refused = [item["reason"] for item in document["skipped"]]
    assert any("'objid' cannot be a key" in why and "1.24e+18" in why for why in refused)
    assert any("'specobjid' cannot be a key" in why for why in refused) and len(refused) == 2
    with path.open() as handle:
        rows = {
            f"sdss-{int(r['plate']):04d}-{int(r['mjd']):05d}-{int(r['fiberid']):04d}": r
            for r in csv.DictReader(handle)
        }
    values = store.take(np.arange(4998), ["table"])["table"]["values"]
    columns = store.columns("object_id", "class", "ra", "plate", "fiber").to_pylist()
    for column, value in zip(columns, values, strict=True):
        row = rows[column["object_id"]]
        assert column["class"] == row["class"] and column["ra"] == float(row["ra"])
        assert (column["plate"], column["fiber"]) == (int(row["plate"]), int(row["fiberid"]))
        assert value[0] == np.float32(row["u"]) and value[5] == np.float32(row["redshift"])


def test_a_real_desi_coadd_gives_the_targets_that_have_data(shared_data, tmp_path):
    folder = shared_data / "desi_coadds"
    store, document = stored(folder, tmp_path / "s")
    assert document["rows"] == 2 and document["provenance"]["surveys"] == "desi"
    assert {item["object_id"]: item["reason"][:14] for item in document["skipped"]} == {
        "desi--2713437-sv3-dark": "no valid pixel",
        "desi--2713415-sv3-dark": "no valid pixel",
        "desi-616088619186127404-sv3-dark": "a fibre on the",
    }
    rows = store.columns().to_pylist()
    assert [row["targetid"] for row in rows] == ["39627866878511337", "39627866878514741"]
    assert [row["object_id"] for row in rows] == [f"desi-{r['targetid']}-sv3-dark" for r in rows]
    taken = store.take(np.arange(2), ["spectrum"])["spectrum"]
    wave = grid.wavelengths()
    with fits.open(folder / "coadd-sv3-dark-26065.fits") as opened:
        for row, flux, ivar, place in zip(rows, taken["flux"], taken["ivar"], (2, 4), strict=True):
            target = opened["FIBERMAP"].data[place]
            assert (row["ra"], row["dec"]) == (target["TARGET_RA"], target["TARGET_DEC"])
            assert 3000 < row["resolving_power"] < 5500 and row["instrument"] == "DESI"
            assert (ivar > 0).sum() > 4300
            for arm, low, high in (("B", 3700, 5700), ("R", 5850, 7450), ("Z", 7700, 9700)):
                native = opened[f"{arm}_WAVELENGTH"].data
                inside = (native > low) & (native < high) & (opened[f"{arm}_IVAR"].data[place] > 0)
                expected = np.average(opened[f"{arm}_FLUX"].data[place][inside])
                here = (wave > low) & (wave < high) & (ivar > 0)
                mean = np.average(flux[here], weights=wave[here])  # pixels widen with wavelength
                assert mean == pytest.approx(expected, abs=1e-3)  # ends differ by a pixel


def test_other_real_folders_say_what_is_missing(shared_data, tmp_path):
    for name, message in (
        ("gri_mosaic", "give positions with --catalog"),
        ("catalogues", "--catalog"),
    ):
        with pytest.raises(InputError, match=message):
            ingest(shared_data / name, tmp_path / name)


def test_two_workers_give_the_same_bytes(shared_data, tmp_path):
    for name, workers in (("one", 1), ("two", 2)):
        ingest(shared_data / "hisscube", tmp_path / name, workers=workers)
    first = sorted((tmp_path / "one").iterdir())
    names = ["data_card.md", "manifest.json", "shard-00000.arrow", "skipped.parquet"]
    assert [p.name for p in first] == names
    for path in first:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
