"""Paths and addresses of the archive, against documented examples of real files."""

import pytest

from trifid.errors import ConfigError
from trifid.surveys import sdss_paths
from trifid.surveys.sdss_paths import RELEASES, get_release

DR16, DR17, DR18 = RELEASES["dr16"], RELEASES["dr17"], RELEASES["dr18"]
LEGACY, BOSS = (266, 51602, 13), (7102, 56666, 82)


@pytest.mark.parametrize(
    ("release", "key", "run2d", "lite", "path"),
    [
        (DR16, LEGACY, "26", True,
         "dr16/sdss/spectro/redux/26/spectra/lite/0266/spec-0266-51602-0013.fits"),
        (DR17, LEGACY, "26", True,
         "dr17/sdss/spectro/redux/26/spectra/lite/0266/spec-0266-51602-0013.fits"),
        (DR17, LEGACY, "26", False,
         "dr17/sdss/spectro/redux/26/spectra/0266/spec-0266-51602-0013.fits"),
        (DR16, BOSS, "v5_13_0", True,
         "dr16/eboss/spectro/redux/v5_13_0/spectra/lite/7102/spec-7102-56666-0082.fits"),
        (DR17, BOSS, "v5_13_2", True,
         "dr17/eboss/spectro/redux/v5_13_2/spectra/lite/7102/spec-7102-56666-0082.fits"),
        (DR17, BOSS, "v5_13_2", False,
         "dr17/eboss/spectro/redux/v5_13_2/spectra/full/7102/spec-7102-56666-0082.fits"),
        (DR18, LEGACY, "26", True,
         "dr18/spectro/sdss/redux/26/spectra/lite/0266/spec-0266-51602-0013.fits"),
        (DR18, LEGACY, "26", False,
         "dr18/spectro/sdss/redux/26/spectra/0266/spec-0266-51602-0013.fits"),
        (DR18, BOSS, "v5_13_2", True,
         "dr18/spectro/sdss/redux/v5_13_2/spectra/lite/7102/spec-7102-56666-0082.fits"),
        (DR18, BOSS, "v5_13_2", False,
         "dr18/spectro/sdss/redux/v5_13_2/spectra/full/7102/spec-7102-56666-0082.fits"),
        (DR17, (1960, 53289, 7), "103", True,
         "dr17/sdss/spectro/redux/103/spectra/lite/1960/spec-1960-53289-0007.fits"),
    ],
)  # fmt: skip
def test_a_spectrum_lies_where_the_release_keeps_it(release, key, run2d, lite, path):
    assert sdss_paths.spectrum_path(release, *key, run2d, lite=lite) == path


@pytest.mark.parametrize(
    ("release", "path"),
    [
        (DR16, "dr16/eboss/photoObj/frames/301/4948/3/frame-u-004948-3-0199.fits.bz2"),
        (DR17, "dr17/eboss/photoObj/frames/301/4948/3/frame-u-004948-3-0199.fits.bz2"),
        (
            DR18,
            "dr18/prior-surveys/sdss4-dr17-eboss/photoObj/frames/301/4948/3/"
            "frame-u-004948-3-0199.fits.bz2",
        ),
    ],
)
def test_a_frame_lies_where_the_release_keeps_it(release, path):
    assert sdss_paths.frame_path(release, 4948, 3, 199, "u") == path


@pytest.mark.parametrize("release", [DR16, DR17, DR18], ids=lambda release: release.name)
def test_astroquery_builds_the_same_addresses(release):
    """Its files are the full ones; BOSS spectra before DR18 it looks for below sdss, not eboss."""
    from astropy.table import Table
    from astroquery.sdss import SDSS

    keys = [(*LEGACY, "26"), (1960, 53289, 7, "103"), (*BOSS, release.run2d)]
    spectra = Table(rows=keys, names=["plate", "mjd", "fiberID", "run2d"])
    fields = Table({"run": [4948], "rerun": [301], "camcol": [3], "field": [199]})
    choice = {"data_release": release.number, "cache": False}
    theirs = SDSS.get_spectra_async(matches=spectra, **choice)
    theirs += SDSS.get_images_async(matches=fields, band="ugriz", **choice)
    ours = [sdss_paths.spectrum_path(release, *key, lite=False) for key in keys]
    ours[2] = ours[2].replace("/eboss/", "/sdss/")
    ours += [sdss_paths.frame_path(release, 4948, 3, 199, band) for band in "ugriz"]
    assert [item._target for item in theirs] == [f"{sdss_paths.SAS}/{path}" for path in ours]


def test_a_spectrum_of_sdss5_is_found_by_field_and_catalogue_id():
    path = sdss_paths.field_spectrum_path(DR18, 15143, 59205, 4544940698, "v6_0_4")
    assert path == (
        "dr18/spectro/boss/redux/v6_0_4/spectra/lite/15143p/59205/spec-15143-59205-04544940698.fits"
    )
    path = sdss_paths.field_spectrum_path(RELEASES["dr19"], 15143, 59205, 4544940698, "v6_1_3")
    assert "/spectra/lite/015143/59205/spec-015143-59205-04544940698.fits" in path
    with pytest.raises(ConfigError, match="begin with dr18"):
        sdss_paths.field_spectrum_path(DR17, 15143, 59205, 4544940698, "v6_0_4")


def test_services():
    assert sdss_paths.query_url(DR17) == (
        "https://skyserver.sdss.org/dr17/SkyServerWS/SearchTools/SqlSearch"
    )
    assert sdss_paths.picture_url(DR16, 159.815, -0.655, size=2048, scale=0.1) == (
        "https://skyserver.sdss.org/dr16/SkyServerWS/ImgCutout/getjpeg?"
        "ra=159.8150000&dec=-0.6550000&scale=0.1&width=2048&height=2048"
    )


def test_hips2fits_is_asked_for_a_field_in_degrees():
    url = sdss_paths.hips_url(159.815, -0.655, "r", size=64, scale=0.396)
    assert url == (
        "https://alasky.cds.unistra.fr/hips-image-services/hips2fits?"
        "hips=CDS%2FP%2FSDSS9%2Fr&ra=159.8150000&dec=-0.6550000&fov=0.007040000"
        "&width=64&height=64&projection=TAN&coordsys=icrs&format=fits"
    )
    assert pytest.approx(0.00704) == 64 * 0.396 / 3600


def test_a_release_is_found_by_name():
    assert get_release("DR17") is DR17
    assert all(release.extinction_r == 2.285 for release in RELEASES.values())
    with pytest.raises(ConfigError, match="no release 'dr99'; known: dr16, dr17, dr18, dr19"):
        get_release("dr99")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sdss_paths.spectrum_path(DR17, 0, 51602, 13, "26"), "plate 0"),
        (lambda: sdss_paths.spectrum_path(DR17, 266, 51602, 1001, "26"), "fiber 1001"),
        (lambda: sdss_paths.spectrum_path(DR17, 266, 51602, 13, "../26"), "run2d '../26'"),
        (lambda: sdss_paths.spectrum_path(DR17, 266, 51602, 13, "v5_13_2/.."), "run2d"),
        (lambda: sdss_paths.frame_path(DR17, 4948, 7, 199, "u"), "camcol 7"),
        (lambda: sdss_paths.frame_path(DR17, 4948, 3, 199, "/"), "band '/'"),
        (lambda: sdss_paths.picture_url(DR17, 1.0, 2.0, size=4096, scale=0.1), "size 4096"),
        (lambda: sdss_paths.picture_url(DR17, 361.0, 2.0, size=64, scale=0.1), "ra 361"),
        (lambda: sdss_paths.picture_url(DR17, 1.0, 2.0, size=64, scale=0.0), "0.0 arcsec/pixel"),
        (lambda: sdss_paths.hips_url(1.0, 91.0, "r", size=64, scale=0.4), "dec 91"),
        (lambda: sdss_paths.hips_url(1.0, 2.0, "r", size=0, scale=0.4), "size 0"),
        (lambda: sdss_paths.hips_url(1.0, 2.0, "../r", size=64, scale=0.4), "band '../r'"),
    ],
)
def test_an_impossible_key_gives_no_path(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
