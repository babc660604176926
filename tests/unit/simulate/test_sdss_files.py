"""`--as sdss`, then ingest: the same rows as the direct store, to the precision of the formats."""

import numpy as np
import pytest
from astropy.io import fits

from trifid.cli.info import info
from trifid.errors import ConfigError, StoreError
from trifid.ingest.run import ingest
from trifid.ingest.targets import target_columns
from trifid.simulate import sdss_files, simulate
from trifid.simulate.options import SkyOptions
from trifid.store import Store

_ROWS, _SIZE = 6, 24
_OPTIONS = SkyOptions(rgb=True, instrument="boss")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """The folder of files, the store ingested from it, the direct store."""
    folder = tmp_path_factory.mktemp("sky")
    common = {"size": _SIZE, "options": _OPTIONS}
    simulate("galaxy4", _ROWS, folder / "direct", **common)
    simulate("galaxy4", _ROWS, folder / "files", form="sdss", **common)
    catalog = folder / "files" / "catalogue.fits"
    ingest(folder / "files", folder / "store", catalogs=[catalog], size=_SIZE)
    return folder / "files", Store.open(folder / "store"), Store.open(folder / "direct")


def _orders(ingested: Store, direct: Store) -> tuple[np.ndarray, np.ndarray]:
    ids = [store.columns("object_id")["object_id"].to_pylist() for store in (ingested, direct)]
    assert sorted(ids[0]) == sorted(ids[1])
    return np.array([ids[0].index(name) for name in ids[1]]), np.arange(len(direct))


def test_a_store_of_simulated_files_says_so(stores, tmp_path, capsys) -> None:
    folder, ingested, _ = stores
    assert ingested.manifest.provenance["simulated"] == "true"
    info(ingested.folder)
    assert "simulated objects" in capsys.readouterr().out
    assert Store.open(ingest(folder / "spectra", tmp_path / "store").store).manifest.provenance[
        "simulated"
    ]  # the files alone, by their headers


def test_rows_come_back_as_they_went(stores) -> None:
    _, ingested, direct = stores
    assert len(ingested) == len(direct) == _ROWS
    theirs, ours = _orders(ingested, direct)
    names = ["image", "image_rgb", "spectrum", "table"]
    back, there = ingested.take(theirs, names), direct.take(ours, names)
    for field in ("flux", "ivar", "mask"):
        assert (back["spectrum"][field] == there["spectrum"][field]).all()
    assert back["image"]["flux"] == pytest.approx(there["image"]["flux"], abs=1e-5)
    specs = [store.manifest.schema_.modalities["table"] for store in (ingested, direct)]
    assert specs[0].features == specs[1].features
    assert (back["table"]["values"] == there["table"]["values"]).all()
    assert (back["table"]["valid"] == there["table"]["valid"]).all()
    pixels = [item["image_rgb"]["pixels"].astype(float) for item in (back, there)]
    assert np.abs(pixels[0] - pixels[1]).mean() < 4.0  # JPEG


@pytest.mark.parametrize("task", ["sgq3", "zsfr", "bhb2"])
def test_the_other_tasks_come_back_too(tmp_path, task: str) -> None:
    common = {"size": 16, "options": SkyOptions(rgb=True)}
    simulate(task, 3, tmp_path / "direct", **common)
    simulate(task, 3, tmp_path / "files", form="sdss", **common)
    catalog = tmp_path / "files" / "catalogue.fits"
    ingest(tmp_path / "files", tmp_path / "store", catalogs=[catalog], size=16)
    ingested, direct = (Store.open(tmp_path / name) for name in ("store", "direct"))
    theirs, ours = _orders(ingested, direct)
    names = ["image", "image_rgb", "spectrum", "table"]
    back, there = ingested.take(theirs, names), direct.take(ours, names)
    for field in ("flux", "ivar", "mask"):
        assert (back["spectrum"][field] == there["spectrum"][field]).all()
    assert back["image"]["flux"] == pytest.approx(there["image"]["flux"], abs=1e-5)
    pixels = [item["image_rgb"]["pixels"].astype(float) for item in (back, there)]
    assert np.abs(pixels[0] - pixels[1]).mean() < 4.0  # JPEG
    for name in target_columns() & set(direct.schema.columns):
        there_too = direct.columns(name)[name].take(ours.tolist()).to_pylist()
        assert ingested.columns(name)[name].take(theirs.tolist()).to_pylist() == there_too, name
    known = ingested.schema.modalities["table"].features
    place = [known.index(name) for name in direct.schema.modalities["table"].features]
    for field in ("values", "valid"):
        assert (back["table"][field][:, place] == there["table"][field]).all()


def test_columns_come_back(stores) -> None:
    _, ingested, direct = stores
    theirs, _ = _orders(ingested, direct)
    exact = ("group", "ra", "dec", "plate", "mjd", "fiber", "run2d", "specobjid", "bestobjid")
    for name in (*exact, "class", "zwarning", "instrument", "bpt"):
        back = ingested.columns(name)[name].to_pylist()
        assert [back[row] for row in theirs] == direct.columns(name)[name].to_pylist(), name
    for name in ("redshift", "sn_median"):
        back = np.array(ingested.columns(name)[name].to_pylist())[theirs]
        assert back == pytest.approx(direct.columns(name)[name].to_pylist(), rel=1e-6)
    assert not [name for name in ingested.manifest.schema_.columns if name.startswith("truth_")]


def test_files_have_the_survey_layout(stores) -> None:
    folder, _, _ = stores
    spectra = sorted((folder / "spectra").glob("*/spec-*.fits"))
    assert len(spectra) == _ROWS
    plate, mjd, fiber = spectra[0].stem.split("-")[1:]
    assert spectra[0].parent.name == plate
    with fits.open(spectra[0]) as opened:
        opened.verify("exception")
        assert [hdu.name for hdu in opened] == ["PRIMARY", "COADD", "SPALL", "SPZLINE"]
        coadd, row, lines = (opened[index].data for index in (1, 2, 3))
        names = ["flux", "loglam", "ivar", "and_mask", "or_mask", "wdisp", "sky", "model"]
        assert coadd.names == names
        assert 4565 - 6 <= len(coadd) <= 4621
        assert (row["PLATE"][0], row["MJD"][0], row["FIBERID"][0]) == (
            int(plate), int(mjd), int(fiber)
        )  # fmt: skip
        assert row["PSFMAG"].shape == (1, 5)
        assert len(lines) >= 13 and lines["LINEWAVE"].dtype.itemsize == 8
    images = sorted((folder / "images").glob("*/cutout-*-r.fits"))
    assert len(images) == _ROWS  # no repeats on plates of one row
    assert len(list((folder / "pictures").glob("*/*.jpeg"))) == _ROWS
    assert len(fits.getdata(folder / "truth.fits")) == _ROWS
    assert not list(folder.rglob("*.tmp")) and not (folder / "parts").exists()


def test_interrupted_writing_goes_on(tmp_path, stores, monkeypatch) -> None:
    whole = stores[0]
    made: list[int] = []
    write = sdss_files.write_plate

    def failing(job):
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(job.plate)
        return write(job)

    common = {"size": _SIZE, "options": _OPTIONS, "form": "sdss"}
    monkeypatch.setattr(sdss_files, "write_plate", failing)
    with pytest.raises(KeyboardInterrupt):
        simulate("galaxy4", _ROWS, tmp_path / "files", **common)
    monkeypatch.setattr(sdss_files, "write_plate", write)
    kept = sorted((tmp_path / "files" / "spectra").glob("*/*.fits"))[0]
    before = kept.stat().st_mtime_ns
    simulate("galaxy4", _ROWS, tmp_path / "files", **common)
    assert kept.stat().st_mtime_ns == before
    for path in sorted(whole.rglob("*")):
        if path.is_file():
            other = tmp_path / "files" / path.relative_to(whole)
            assert other.read_bytes() == path.read_bytes(), path
    with pytest.raises(StoreError, match="finished"):
        simulate("galaxy4", _ROWS, tmp_path / "files", **common)
    with pytest.raises(StoreError, match="another simulation"):
        simulate("galaxy4", _ROWS, tmp_path / "files", **{**common, "seed": 2})


def test_missing_modalities_are_missing_files(tmp_path) -> None:
    options = SkyOptions(missing={"image": 0.5, "table": 0.2})
    simulate("galaxy4", 20, tmp_path / "sky", size=16, options=options)
    store = Store.open(tmp_path / "sky", full=True)
    assert store.present("spectrum").all()
    assert store.present("image").mean() == pytest.approx(0.5, abs=0.35)
    assert store.present("table").mean() == pytest.approx(0.8, abs=0.25)


def test_other_surveys_have_no_such_files(tmp_path) -> None:
    with pytest.raises(ConfigError, match="lamost"):
        simulate(
            "galaxy4", 2, tmp_path / "x", size=16, form="sdss",
            options=SkyOptions(instrument="lamost"),
        )  # fmt: skip
    assert not (tmp_path / "x").exists()
