import json
import os
import shutil

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from trifid.cli.info import describe
from trifid.errors import ConfigError, InputError, StoreError
from trifid.ingest import plan
from trifid.ingest.run import ingest
from trifid.simulate.sky_cutouts import fits_image
from trifid.store.read import Store


def picture(path, size=(40, 40), colour=(200, 30, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


@pytest.fixture
def make(tmp_path, spec_files):
    """Writes spec files of fibres into tmp_path/in."""

    def write(*fibers, folder="in", **row):
        for fiber in fibers:
            objid = ("19A", f"12376507951460{fiber:05d}")
            position = {"PLUG_RA": ("D", 100.0 + fiber), "BESTOBJID": objid}
            hdu = spec_files.row(fiber=fiber, **(position | row))
            path = tmp_path / folder / f"spec-0266-51630-{fiber:04d}.fits"
            spec_files.write_spec(path, pixels=spec_files.coadd(seed=fiber), rows=[hdu])
        return tmp_path / folder

    return write


def write_frame(path, band, peaks, **cards):
    """A small frame of one band with Gaussian stars {(x, y): peak} and noise."""
    rows, columns = np.mgrid[:128, :128]
    image = np.random.default_rng(5).normal(0, 0.02, (128, 128))
    for (x, y), peak in peaks.items():
        image += peak * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 4.5)
    values = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 0.0}
    values |= {"CRPIX1": 64.5, "CRPIX2": 64.5, "CD1_1": -1.1e-4, "CD2_2": 1.1e-4}
    header = fits.Header(list((values | {"BUNIT": "nanomaggy", "FILTER": band} | cards).items()))
    fits.PrimaryHDU(image.astype(np.float32), header).writeto(path)


def reasons(summary):
    return {(item.file, item.object_id): item.reason for item in summary.skipped}


def ids(out):
    return Store.open(out, full=True).columns("object_id").column(0).to_pylist()


def test_pictures_and_catalogue_join_the_spectra_they_belong_to(make, tmp_path):
    folder = make(1, 2, 3)
    picture(folder / "pics" / "1237650795146000001.jpg")
    picture(folder / "pics" / "1237650795146000099.png", size=(64, 20))
    picture(folder / "a name.png")
    catalogue = tmp_path / "c.csv"
    catalogue.write_text(
        "objid,mag,label,flag\n"
        "1237650795146000001,18.5,spiral,true\n"
        "1237650795146000099,,=HYPERLINK(1),false\n"
        "1237650795146077777,1,lost,true\n"
    )
    summary = ingest(folder, tmp_path / "s", catalogs=[catalogue], size=16)
    store = Store.open(tmp_path / "s", full=True)
    rows = {r["object_id"]: r for r in store.columns().to_pylist()}
    assert set(rows) == {
        "sdss-0266-51630-0001",
        "sdss-0266-51630-0002",
        "sdss-0266-51630-0003",
        "objid-1237650795146000099",
        "file-a name",
    }
    both = rows["sdss-0266-51630-0001"]
    assert both["source_path"] == [
        "spec-0266-51630-0001.fits",
        "pics/1237650795146000001.jpg",
        "c.csv",
    ]
    assert both["label"] == "spiral" and both["flag"] is True and both["class"] == "GALAXY"
    alone = rows["objid-1237650795146000099"]
    assert alone["group"] == "objid-1237650795146000099" and alone["label"] == "=HYPERLINK(1)"
    assert alone["class"] is None and alone["plate"] is None
    assert rows["sdss-0266-51630-0002"]["label"] is None
    place = list(rows)
    table = store.take(np.arange(5), ["table"])["table"]
    cells = zip(table["values"][:, 0], table["valid"][:, 0], strict=True)
    values = dict(zip(place, cells, strict=True))
    assert values["sdss-0266-51630-0001"] == (18.5, 1)
    assert values["objid-1237650795146000099"] == (0, 0)
    assert reasons(summary) == {("c.csv", "objid-1237650795146077777"): "no file of this object"}
    present = {name: int(store.present(name).sum()) for name in store.schema.modalities}
    assert present == {"image_rgb": 3, "spectrum": 3, "table": 2}
    for shard in store.manifest.shards:
        assert shard.rows >= 1


def test_every_bad_file_is_listed_with_its_reason(make, tmp_path, spec_files):
    folder = make(1, 2)
    good = (folder / "spec-0266-51630-0001.fits").read_bytes()
    (folder / "spec-0001-50000-0001.fits").write_bytes(b"")
    (folder / "spec-0001-50000-0002.fits").write_bytes(good[:-3000])
    (folder / "spec-0001-50000-0003.fits").write_bytes(b"<html>error</html>")
    (folder / "notes.txt").write_text("hello")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    shutil.copy(folder / "spec-0266-51630-0001.fits", folder / "spec-copy.fits")
    zero = spec_files.coadd(ivar=np.zeros(200))
    spec_files.write_spec(
        folder / "spec-0266-51630-0009.fits", pixels=zero, rows=[spec_files.row(fiber=9)]
    )
    (folder / "spec-link.fits").symlink_to(folder / "spec-0266-51630-0001.fits")
    os.mkfifo(folder / "spec-pipe.fits")
    summary = ingest(folder, tmp_path / "s")
    assert ids(tmp_path / "s") == ["sdss-0266-51630-0001", "sdss-0266-51630-0002"]
    why = {name: reason for (name, _), reason in reasons(summary).items()}
    assert set(why) == {
        "spec-0001-50000-0001.fits",
        "spec-0001-50000-0002.fits",
        "spec-0001-50000-0003.fits",
        "notes.txt",
        "broken.jpg",
        "spec-copy.fits",
        "spec-0266-51630-0009.fits",
        "spec-link.fits",
        "spec-pipe.fits",
    }
    assert "empty" in why["spec-0001-50000-0001.fits"]
    assert "cut off" in why["spec-0001-50000-0002.fits"]
    assert "not a FITS file" in why["spec-0001-50000-0003.fits"]
    assert "not a kind of file" in why["notes.txt"]
    assert "JPEG" in why["broken.jpg"]
    assert why["spec-copy.fits"].startswith("duplicate: sdss-0266-51630-0001 is read from")
    assert "no valid pixel" in why["spec-0266-51630-0009.fits"]
    assert "link" in why["spec-link.fits"] and "plain" in why["spec-pipe.fits"]
    assert not any(str(tmp_path) in reason for reason in why.values())
    document = describe(Store.open(tmp_path / "s"))
    assert {item["file"] for item in document["skipped"]} == set(why)


def test_a_row_that_loses_one_file_keeps_the_others(make, tmp_path):
    folder = make(1, 2)
    for fiber in (1, 2):
        picture(folder / f"12376507951460{fiber:05d}.jpg")
    (folder / "1237650795146000002.jpg").write_bytes(b"\xff\xd8 not a picture")
    summary = ingest(folder, tmp_path / "s", size=8)
    store = Store.open(tmp_path / "s", full=True)
    assert sorted(ids(tmp_path / "s")) == ["sdss-0266-51630-0001", "sdss-0266-51630-0002"]
    assert store.present("spectrum").all() and store.present("image_rgb").sum() == 1
    assert list(reasons(summary)) == [("1237650795146000002.jpg", "sdss-0266-51630-0002")]


def test_again_is_a_no_op_and_new_files_extend(make, tmp_path):
    folder = make(1, 2)
    out = tmp_path / "s"
    assert ingest(folder, out).added == 2
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    again = ingest(folder, out)
    assert (again.rows, again.added) == (2, 0)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    make(3, BESTOBJID=("19A", "1237650795146000001"))
    shutil.copy(folder / "spec-0266-51630-0001.fits", folder / "spec-other-name.fits")
    more = ingest(folder, out)
    assert (more.rows, more.added) == (3, 1)
    store = Store.open(out, full=True)
    groups = dict(zip(ids(out), store.columns("group").column(0).to_pylist(), strict=True))
    assert groups["sdss-0266-51630-0003"] == groups["sdss-0266-51630-0001"]
    assert (out / "shard-00000.arrow").read_bytes() == before["shard-00000.arrow"]
    assert [i["file"] for i in store.skipped().to_pylist()] == ["spec-other-name.fits"]


def test_a_store_of_another_schema_is_not_extended(make, tmp_path):
    ingest(make(1), tmp_path / "s")
    folder = make(7, folder="other")
    picture(folder / "x.png")
    with pytest.raises(StoreError, match="cannot be extended"):
        ingest(folder, tmp_path / "s")


def test_rows_of_one_shard_share_their_modalities_and_shards_are_bounded(
    make, tmp_path, monkeypatch
):
    monkeypatch.setattr(plan, "MAX_ROWS", 3)
    folder = make(*range(1, 9))
    for fiber in (2, 5):
        picture(folder / f"12376507951460{fiber:05d}.jpg")
    ingest(folder, tmp_path / "s", size=8)
    store = Store.open(tmp_path / "s", full=True)
    shards = [(shard.rows, shard.modalities) for shard in store.manifest.shards]
    assert shards == [
        (2, ("image_rgb", "spectrum", "table")),
        (3, ("spectrum", "table")),
        (3, ("spectrum", "table")),
    ]


def test_an_interrupted_ingest_goes_on_to_the_same_bytes(make, tmp_path, monkeypatch, spec_files):
    monkeypatch.setattr(plan, "MAX_ROWS", 2)
    folder = make(*range(1, 8))
    zero = spec_files.coadd(ivar=np.zeros(200))
    spec_files.write_spec(folder / "bad.fits", pixels=zero, rows=[spec_files.row(fiber=2, plate=1)])
    ingest(folder, tmp_path / "whole")
    import trifid.ingest.shards as module

    real, calls = module.write_shard, []

    def dies(*arguments):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(1)
        return real(*arguments)

    monkeypatch.setattr(module, "write_shard", dies)
    with pytest.raises(KeyboardInterrupt):
        ingest(folder, tmp_path / "part")
    assert not (tmp_path / "part" / "manifest.json").exists()
    with pytest.raises(StoreError, match="resume"):
        Store.open(tmp_path / "part")
    monkeypatch.setattr(module, "write_shard", real)
    summary = ingest(folder, tmp_path / "part")
    assert summary.resumed == 2 and summary.rows == 7
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "part").iterdir())
    for name in names:
        whole, part = ((tmp_path / d / name).read_bytes() for d in ("whole", "part"))
        assert whole == part, name


def test_a_changed_folder_does_not_reuse_stale_shards(make, tmp_path, monkeypatch, spec_files):
    monkeypatch.setattr(plan, "MAX_ROWS", 1)
    folder = make(1, 2)
    import trifid.ingest.run as run

    monkeypatch.setattr(
        run.StoreWriter, "finish", lambda *_: (_ for _ in ()).throw(OSError("stop"))
    )
    with pytest.raises(OSError, match="stop"):
        ingest(folder, tmp_path / "s")
    monkeypatch.undo()
    monkeypatch.setattr(plan, "MAX_ROWS", 1)
    path = folder / "spec-0266-51630-0001.fits"
    path.unlink()
    spec_files.write_spec(path, pixels=spec_files.coadd(seed=77), rows=[spec_files.row(fiber=1)])
    assert ingest(folder, tmp_path / "s").resumed == 0
    ingest(folder, tmp_path / "fresh")
    for shard in sorted((tmp_path / "fresh").glob("*.arrow")):
        assert shard.read_bytes() == (tmp_path / "s" / shard.name).read_bytes()


def test_modalities_can_be_chosen(make, tmp_path):
    folder = make(1)
    picture(folder / "alone.png")
    summary = ingest(folder, tmp_path / "s", modalities=["spectrum"])
    store = Store.open(tmp_path / "s", full=True)
    assert list(store.schema.modalities) == ["spectrum"]
    assert reasons(summary) == {("alone.png", "file-alone"): "none of its modalities was asked for"}
    with pytest.raises(ConfigError, match="no modality 'spectra'"):
        ingest(folder, tmp_path / "t", modalities=["spectra"])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"bands": "uux"}, "bands"), ({"size": 0}, "size"), ({"workers": 0}, "workers")],
)
def test_impossible_options_are_refused(make, tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        ingest(make(1), tmp_path / "s", **options)


def test_folders_without_anything_to_store_say_so(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        ingest(tmp_path / "gone", tmp_path / "s")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="nothing to store: expected spec-"):
        ingest(tmp_path / "empty", tmp_path / "s")
    (tmp_path / "names.csv").write_text("ra,dec,name\n10.0,5.0,a\n")
    with pytest.raises(InputError, match="or a catalogue with numbers beside keys"):
        ingest(tmp_path / "names.csv", tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_an_unreadable_folder_is_listed_or_refused(make, tmp_path, monkeypatch):
    folder = make(1)
    (folder / "locked").mkdir()
    real = os.scandir

    def scandir(place):
        if str(place).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(place))
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    summary = ingest(folder, tmp_path / "s")
    why = "the folder cannot be read: Permission denied"
    assert reasons(summary) == {("locked/", ""): why}
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        ingest(folder / "locked", tmp_path / "t")


def test_the_store_may_lie_inside_the_folder(make):
    folder = make(1)
    ingest(folder, folder / "store")
    assert ingest(folder, folder / "store").added == 0


def test_hostile_names_and_texts_stay_harmless(make, tmp_path):
    folder = make(1)
    evil = "[bold]x[_bold]\x1b]0;pwned\x07\n=1+1"
    picture(folder / f"{evil}.png")
    picture(folder / "..%2f..%2fetc.png")
    catalogue = tmp_path / "c.csv"
    catalogue.write_text(
        'plate,mjd,fiberid,"../../x",spectrum.flux\n'
        '266,51630,1,"<script>\x1b[2J</script>","@SUM(A1)"\n'
    )
    ingest(folder, tmp_path / "s", catalogs=[catalogue], size=4)
    store = Store.open(tmp_path / "s", full=True)
    rows = {r["object_id"]: r for r in store.columns().to_pylist()}
    row = rows["sdss-0266-51630-0001"]
    assert row["x"] == "<script>[2J</script>" and row["spectrum_flux"] == "@SUM(A1)"
    assert all(name.isprintable() for name in rows)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.csv", "in", "s"]
    json.dumps(describe(store), allow_nan=False)


def test_a_full_disk_leaves_no_half_store(make, tmp_path, monkeypatch):
    import trifid.store.shard as shard

    def full(path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(shard, "written_whole", full)
    with pytest.raises(StoreError, match="No space left on device"):
        ingest(make(1), tmp_path / "s")
    assert not list((tmp_path / "s").glob("*.arrow"))
    monkeypatch.undo()
    assert ingest(tmp_path / "in", tmp_path / "s").added == 1


def test_a_store_does_not_silently_go_without_a_catalogue(make, tmp_path):
    folder = make(1)
    ingest(folder, tmp_path / "s")
    catalogue = tmp_path / "c.csv"
    catalogue.write_text("plate,mjd,fiberid,label\n266,51630,1,x\n")
    with pytest.raises(StoreError, match="cannot be extended"):
        ingest(folder, tmp_path / "s", catalogs=[catalogue])
    with pytest.raises(StoreError, match="cannot be extended"):
        picture(folder / "12376507951460 .png")
        ingest(folder, tmp_path / "s", size=12)


def test_a_new_bad_file_is_added_to_the_list(make, tmp_path):
    folder = make(1)
    ingest(folder, tmp_path / "s")
    (folder / "x.txt").write_text("x")
    assert ingest(folder, tmp_path / "s").added == 0
    skipped = Store.open(tmp_path / "s", full=True).skipped().to_pylist()
    assert [item["file"] for item in skipped] == ["x.txt"]


def test_a_catalogue_row_repeated_or_without_key_is_listed(make, tmp_path):
    catalogue = tmp_path / "c.csv"
    catalogue.write_text("plate,mjd,fiberid,label\n266,51630,1,a\n266,51630,1,b\n266,,1,c\n")
    summary = ingest(make(1), tmp_path / "s", catalogs=[catalogue])
    store = Store.open(tmp_path / "s", full=True)
    assert store.columns("label").column(0).to_pylist() == ["a"]
    assert reasons(summary) == {
        ("c.csv", "sdss-0266-51630-0001"): "duplicate: row 2 repeats the key",
        ("c.csv", ""): "row 3 has no key and no position",
    }


def test_two_catalogues_join_and_their_clashing_columns_are_renamed(make, tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("plate,mjd,fiberid,label,class,mag\n266,51630,1,a,9,1.5\n")
    two.write_text("specobjid,label,mag\n299489677444907008,b,2.5\n299489574306015232,c,3.5\n")
    ingest(make(1), tmp_path / "s", catalogs=[one, two])
    store = Store.open(tmp_path / "s", full=True)
    assert store.schema.modalities["table"].features == ("mag", "cat2_mag")
    row = store.columns().to_pylist()[0]
    assert (row["label"], row["cat_class"], row["class"]) == ("a", 9, "GALAXY")
    assert row["cat2_label"] == "b"


def test_a_catalogue_row_far_from_the_spectrum_of_its_key_is_not_joined(make, tmp_path):
    catalogue = tmp_path / "c.csv"
    catalogue.write_text(
        "plate,mjd,fiberid,ra,dec,label\n266,51630,1,101,-0.771,near\n266,51630,2,101,5,far\n"
    )
    summary = ingest(make(1, 2), tmp_path / "s", catalogs=[catalogue])
    store = Store.open(tmp_path / "s", full=True)
    assert store.columns("label").column(0).to_pylist() == ["near", None]
    assert store.present("spectrum").all()
    [(where, why)] = reasons(summary).items()
    assert where == ("c.csv", "sdss-0266-51630-0002") and "arcsec away: not joined" in why


def test_images_say_what_is_wrong_with_them(tmp_path):
    (tmp_path / "in").mkdir()
    calibrated = {"NMGY": 0.005, "SOFTBIAS": 1000}
    bright, pair = {(30, 64): 400.0}, {(90, 64): 5.0, (97, 64): 4.0}
    write_frame(tmp_path / "in" / "frame-g-000001-1-0001.fits", "g", bright | pair, **calibrated)
    write_frame(tmp_path / "in" / "frame-r-000001-1-0001.fits", "r", bright | pair)
    (tmp_path / "c.csv").write_text(
        "object_id,ra,dec\nbright,150.003685,0\npair,149.997085,0\nempty,150,0.003\n"
    )
    ingest(tmp_path / "in", tmp_path / "s", catalogs=[tmp_path / "c.csv"], bands="gr", size=24)
    names = ["object_id", "image_saturated", "image_blended", "image_edge", "image_missing_band"]
    found = {
        row.pop("object_id"): row for row in Store.open(tmp_path / "s").columns(*names).to_pylist()
    }
    assert {name: tuple(row.values()) for name, row in found.items()} == {
        "bright": (True, False, False, False),
        "pair": (False, True, False, False),
        "empty": (False, False, False, False),
    }
    (tmp_path / "in" / "frame-g-000001-1-0001.fits").unlink()
    ingest(tmp_path / "in", tmp_path / "u", catalogs=[tmp_path / "c.csv"], bands="gr", size=24)
    assert set(Store.open(tmp_path / "u").columns("image_saturated").column(0).to_pylist()) == {
        None
    }


def test_images_of_an_image_service_are_a_modality_of_their_own(make, tmp_path):
    folder = make(1)
    rng = np.random.default_rng(0)
    planes = rng.normal(0, 1, (2, 20, 20)).astype("f4")
    objids = ("1237650795146000001", "1237650795146000099")
    for objid, ra in zip(objids, (101.0, 50.0), strict=True):
        for band, plane in zip("gr", planes, strict=True):
            data = fits_image(plane, ra, -0.77176 if ra > 100 else 10.0, 0.5)
            (folder / f"hips-{band}-{objid}.fits").write_bytes(data)
    ingest(folder, tmp_path / "s", bands="gri", size=16)
    store = Store.open(tmp_path / "s", full=True)
    rows = store.columns().to_pylist()
    assert [row["object_id"] for row in rows] == [f"objid-{objids[1]}", "sdss-0266-51630-0001"]
    assert (rows[0]["ra"], rows[0]["dec"]) == (pytest.approx(50.0), pytest.approx(10.0))
    spec = store.schema.modalities["image_hips"]
    assert (spec.bands, spec.pixel_scale) == (("g", "r", "i"), 0.5) and "image" in spec.unit
    assert "image" not in store.schema.modalities and "image_edge" not in store.schema.columns
    flux = store.take(np.arange(2), ["image_hips"])["image_hips"]["flux"]
    assert flux[0, :2] == pytest.approx(planes[:, 2:18, 2:18], abs=1e-4)
    assert flux[1, :2] == pytest.approx(planes[:, 2:18, 2:18], abs=1e-4)
    assert not flux[:, 2].any()
    bad = folder / f"hips-r-{objids[0]}.fits"
    bad.write_bytes(bad.read_bytes()[:-2000])
    summary = ingest(folder, tmp_path / "t", bands="gri", size=16)
    assert reasons(summary).keys() == {(bad.name, "")}
    assert Store.open(tmp_path / "t").present("image_hips").all()
