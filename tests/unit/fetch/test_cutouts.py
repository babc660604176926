"""Pictures and images of the services around each object."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from PIL import Image

from trifid.errors import ConfigError
from trifid.fetch.cutouts import Cutouts, Grid, WithCutouts
from trifid.fetch.remote import Unavailable
from trifid.fetch.run import Choice
from trifid.ingest.run import ingest
from trifid.simulate.sky_server import KINDS, Faults, SkyServer
from trifid.store.read import Store
from trifid.surveys.sdss_paths import RELEASES

BOTH = Cutouts(pictures=Grid(24, 0.4), hips=Grid(16, 0.396))
PICTURES = Cutouts(pictures=Grid(24, 0.4))
CHOICE = Choice(images=False, cutouts=BOTH)


def test_an_object_names_its_cutouts():
    assert BOTH.paths("1237") == ["pictures/1237.jpeg"] + [
        f"hips/hips-{band}-1237.fits" for band in "ugriz"
    ]
    assert Cutouts().paths(None) == []
    for wrong in (None, "", "../1", "1" * 20, "\u0661"):
        with pytest.raises(ConfigError, match="no cutout: it has no photometric object"):
            PICTURES.paths(wrong)


@pytest.mark.parametrize(
    ("cutouts", "message"),
    [
        (Cutouts(pictures=Grid(4096, 0.1)), "size 4096; expected 1 to 2048"),
        (Cutouts(hips=Grid(64, 0.0)), r"0\.0 arcsec/pixel"),
    ],
)
def test_pixels_that_no_service_gives_are_refused_before_anything(
    cutouts, message, archive, helpers, tmp_path
):
    with SkyServer(archive) as server, pytest.raises(ConfigError, match=message):
        helpers.run(server, tmp_path / "out", choice=Choice(cutouts=cutouts))
    assert not (tmp_path / "out").exists()


def test_the_paper_asks_for_2048_pixels_of_a_tenth_of_an_arcsecond(helpers, tmp_path):
    catalogue = pa.Table.from_pylist(
        [{"bestobjid": "1237", "ra": 159.815, "dec": -0.655}, {"bestobjid": "9", "ra": None}]
    )
    paper = Cutouts(pictures=Grid(2048, 0.1))
    found = paper.addresses(catalogue, RELEASES["dr16"], "https://skyserver.sdss.org", "")
    assert found == {
        "pictures/1237.jpeg": "https://skyserver.sdss.org/dr16/SkyServerWS/ImgCutout/getjpeg?"
        "ra=159.8150000&dec=-0.6550000&scale=0.1&width=2048&height=2048"
    }
    source = WithCutouts(None, paper, lambda path: found.get(path, ""), pictures=None, hips=None)
    with pytest.raises(Unavailable, match="no position"):
        source.fetch("pictures/9.jpeg", tmp_path / "9.jpeg")
    assert source.size("pictures/1237.jpeg") == 2048**2 / 4


def test_cutouts_are_fetched_once_an_object_and_go_into_a_store(archive, helpers, tmp_path):
    out = tmp_path / "out"
    with SkyServer(archive) as server:
        summary = helpers.run(server, out, choice=CHOICE)
        assert set(server.requests.values()) == {1}
        before = helpers.content(out)
        again = helpers.run(server, out, choice=CHOICE)
    assert summary.objects == {"present": 8, "partial": 0, "missing": 0}
    assert summary.fetched == 8 + 7 + 5 * 7  # two rows are one object
    assert (again.fetched, again.kept) == (0, 50) and helpers.content(out) == before
    listed = pq.read_table(out / "manifest.parquet").to_pylist()
    for row in listed:
        objid = row["bestobjid"]
        picture = Image.open(io.BytesIO((out / "pictures" / f"{objid}.jpeg").read_bytes()))
        assert picture.size == (24, 24) and f"pictures/{objid}.jpeg" in row["paths"]
        with fits.open(out / "hips" / f"hips-r-{objid}.fits") as image:
            assert image[0].data.shape == (16, 16)
    about = (out / "fetch.json").read_text()
    assert '"interpolated": true' in about and "CDS/P/SDSS9" in about
    done = ingest(out, tmp_path / "store", catalogs=[out / "catalogue.parquet"], size=16)
    assert done.rows == 8
    modalities = Store.open(tmp_path / "store").schema.modalities
    assert set(modalities) == {"image_hips", "image_rgb", "spectrum", "table"}


def test_a_third_of_the_requests_for_cutouts_may_fail(archive, helpers, tmp_path):
    seen = tuple(kind for kind in KINDS if kind != "hang")
    with SkyServer(archive) as server:
        helpers.run(server, tmp_path / "clean", choice=CHOICE)
    with SkyServer(archive, Faults(rate=0.3, seed=2, kinds=seen, slow=0.01)) as server:
        summary = helpers.run(server, tmp_path / "rough", choice=CHOICE)
        assert sum(server.failed.values()) >= 10
    assert summary.objects["present"] == 8
    assert helpers.content(tmp_path / "rough") == helpers.content(tmp_path / "clean")


def test_a_picture_of_another_size_is_not_taken(archive, helpers, tmp_path, monkeypatch):
    small = archive.picture
    monkeypatch.setattr(archive, "picture", lambda ra, dec, scale, shape: small(ra, dec, 1, (8, 8)))
    with SkyServer(archive) as server:
        summary = helpers.run(
            server, tmp_path / "out", choice=Choice(images=False, cutouts=PICTURES),
            manners=helpers.quick.replace(attempts=2),
        )  # fmt: skip
    assert summary.objects == {"present": 0, "partial": 8, "missing": 0}
    (why,) = summary.reasons
    assert why.startswith("a picture of (8, 8) pixels; asked for 24 x 24; given up")
    assert not list((tmp_path / "out" / "pictures").glob("*.jpeg"))
    reasons = pq.read_table(tmp_path / "out" / "manifest.parquet").column("reason")
    assert all(reasons.to_pylist())
