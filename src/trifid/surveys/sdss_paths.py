"""Where SDSS keeps its files and services, release by release: paths and addresses, no network.

Paths are relative to the base of the Science Archive Server (`SAS`, or `SAS_BASE_DIR` for a local
copy) and are made of checked numbers and known words alone, so none can leave the base.

    what         DR16, DR17                                DR18, DR19
    run2d 26     DR/sdss/spectro/redux/26/spectra          DR/spectro/sdss/redux/26/spectra
    run2d v5_*   DR/eboss/spectro/redux/RUN2D/spectra      DR/spectro/sdss/redux/RUN2D/spectra
    frames       DR/eboss/photoObj/frames/301              DR/prior-surveys/sdss4-dr17-eboss/...

Lite files lie in `spectra/lite/PLATE`; full files in `spectra/full/PLATE`, but in `spectra/PLATE`
for the reductions 26, 103 and 104. Source: the paths that astroquery.sdss 0.4 and several public
programs use; the trees of SDSS-V follow sdss/tree (dr18.cfg, dr19.cfg).

Unverified against the live archive: everything of DR19, and the spectra of SDSS-V.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from trifid.errors import ConfigError

SAS = "https://data.sdss.org/sas"
SKYSERVER = "https://skyserver.sdss.org"
HIPS = "https://alasky.cds.unistra.fr/hips-image-services/hips2fits"
HIPS_SURVEY = "CDS/P/SDSS9"  # a sky for each band: CDS/P/SDSS9/r
RERUN = 301  # of all imaging since DR8
BANDS = "ugriz"
MAX_PICTURE = 2048  # [pixel] on a side that the picture service gives
MAX_HIPS = 2048  # [pixel] on a side that we ask of hips2fits
MAX_SCALE = 60.0  # [arcsec/pixel]
_FIRST_REDUCTIONS = ("26", "103", "104")  # SDSS-I/II, SEGUE-1, SEGUE-2
_REDUCTION = re.compile(r"v[56]_\d{1,2}_\d{1,2}", re.ASCII)


@dataclass(frozen=True)
class Release:
    """A data release.

    Attributes:
        name: As in paths, `dr17`.
        number: As in 17.
        run2d: The reduction of BOSS and eBOSS spectra it publishes.
        extinction_r: A_r / E(B-V) of the extinction columns: Schlafly & Finkbeiner 2011 on raw
            SFD reddening from DR13 on; it was 2.751 to DR12.
    """

    name: str
    number: int
    run2d: str
    extinction_r: float = 2.285

    @property
    def prior(self) -> bool:
        """Whether the imaging lies among the surveys that came before SDSS-V."""
        return self.number >= 18


RELEASES: dict[str, Release] = {
    "dr16": Release("dr16", 16, "v5_13_0"),
    "dr17": Release("dr17", 17, "v5_13_2"),
    "dr18": Release("dr18", 18, "v5_13_2"),
    "dr19": Release("dr19", 19, "v5_13_2"),
}


def get_release(name: str) -> Release:
    """The release of a name such as dr17.

    Raises:
        ConfigError: If there is no such release.
    """
    if name.lower() not in RELEASES:
        raise ConfigError(f"no release {name!r:.40}; known: {', '.join(RELEASES)}")
    return RELEASES[name.lower()]


def spectrum_path(
    release: Release, plate: int, mjd: int, fiber: int, run2d: str, *, lite: bool = True
) -> str:
    """Path of `spec-PLATE-MJD-FIBER.fits`.

    Args:
        release: Which.
        plate: Of the spectrum's key.
        mjd: Of the spectrum's key.
        fiber: Of the spectrum's key.
        run2d: Reduction: 26, 103, 104, or v5_13_2 and the like.
        lite: Without the single exposures.

    Raises:
        ConfigError: If a part of the key is impossible.
    """
    for name, number, last in (
        ("plate", plate, 99999),
        ("mjd", mjd, 99999),
        ("fiber", fiber, 1000),
    ):
        _check(name, number, 1, last)
    early = run2d in _FIRST_REDUCTIONS
    if not early and not _REDUCTION.fullmatch(run2d):
        raise ConfigError(
            f"run2d {run2d!r:.40}; expected {', '.join(_FIRST_REDUCTIONS)} or vN_N_N of BOSS"
        )
    if release.prior:
        tree = "spectro/sdss/redux"
    else:
        tree = f"{'sdss' if early else 'eboss'}/spectro/redux"
    kind = "/lite" if lite else "" if early else "/full"
    name = f"spec-{plate:04d}-{mjd:05d}-{fiber:04d}.fits"
    return f"{release.name}/{tree}/{run2d}/spectra{kind}/{plate:04d}/{name}"


def field_spectrum_path(
    release: Release, field: int, mjd: int, catalogid: int, run2d: str, *, lite: bool = True
) -> str:
    """Path of a spectrum of SDSS-V, whose key is field, MJD and catalogue id.

    Raises:
        ConfigError: If the release has none, or a part of the key is impossible.
    """
    _check("field", field, 1, 999999)
    _check("mjd", mjd, 1, 99999)
    _check("catalogid", catalogid, 1, 10**18)
    if not release.prior:
        raise ConfigError(f"{release.name} has no spectra of SDSS-V; they begin with dr18")
    if not (_REDUCTION.fullmatch(run2d) and run2d.startswith("v6")):
        raise ConfigError(f"run2d {run2d!r:.40}; expected v6_N_N of SDSS-V")
    kind = "lite" if lite else "full"
    if release.number == 18:
        place, name = f"{field:04d}p/{mjd:05d}", f"spec-{field:04d}-{mjd:05d}-{catalogid:011d}.fits"
    else:
        place, name = f"{field:06d}/{mjd:05d}", f"spec-{field:06d}-{mjd:05d}-{catalogid:011d}.fits"
    return f"{release.name}/spectro/boss/redux/{run2d}/spectra/{kind}/{place}/{name}"


def frame_path(
    release: Release, run: int, camcol: int, field: int, band: str, rerun: int = RERUN
) -> str:
    """Path of `frame-BAND-RUN-CAMCOL-FIELD.fits.bz2`, one calibrated field in one band.

    Raises:
        ConfigError: If a part of the key is impossible.
    """
    _check("run", run, 1, 999999)
    _check("camcol", camcol, 1, 6)
    _check("field", field, 1, 9999)
    _check("rerun", rerun, 1, 9999)
    _check_band(band)
    tree = "prior-surveys/sdss4-dr17-eboss" if release.prior else "eboss"
    name = f"frame-{band}-{run:06d}-{camcol}-{field:04d}.fits.bz2"
    return f"{release.name}/{tree}/photoObj/frames/{rerun}/{run}/{camcol}/{name}"


def picture_url(
    release: Release, ra: float, dec: float, *, size: int, scale: float, base: str = SKYSERVER
) -> str:
    """Address of a colour picture (JPEG, asinh stretch) around a position.

    Args:
        release: Which.
        ra: Of the centre [deg].
        dec: Of the centre [deg].
        size: Pixels on a side.
        scale: [arcsec/pixel]; 0.396 is that of the camera.
        base: The service.

    Raises:
        ConfigError: If the service cannot give it.
    """
    _check("size", size, 1, MAX_PICTURE)
    _check_place("picture", ra, dec, scale)
    words = urlencode(
        {"ra": f"{ra:.7f}", "dec": f"{dec:.7f}", "scale": scale, "width": size, "height": size}
    )
    return f"{base}/{release.name}/SkyServerWS/ImgCutout/getjpeg?{words}"


def hips_url(ra: float, dec: float, band: str, *, size: int, scale: float, base: str = HIPS) -> str:
    """Address of a FITS image in one band, cut out of a HiPS: pixels are interpolated twice.

    The field of view that the service takes is that of the longest side [deg].

    Args:
        ra: Of the centre [deg].
        dec: Of the centre [deg].
        band: One of ugriz.
        size: Pixels on a side.
        scale: [arcsec/pixel]; 0.396 is that of the camera.
        base: The service.

    Raises:
        ConfigError: If the service cannot give it.
    """
    _check("size", size, 1, MAX_HIPS)
    _check_place("image", ra, dec, scale)
    _check_band(band)
    words = urlencode(
        {
            "hips": f"{HIPS_SURVEY}/{band}",
            "ra": f"{ra:.7f}",
            "dec": f"{dec:.7f}",
            "fov": f"{size * scale / 3600.0:.9f}",
            "width": size,
            "height": size,
            "projection": "TAN",
            "coordsys": "icrs",
            "format": "fits",
        }
    )
    return f"{base}?{words}"


def query_url(release: Release, base: str = SKYSERVER) -> str:
    """Address of the SQL service, to be given `cmd` and `format`."""
    return f"{base}/{release.name}/SkyServerWS/SearchTools/SqlSearch"


def _check(name: str, number: int, first: int, last: int) -> None:
    if not first <= number <= last:
        raise ConfigError(f"{name} {number}; expected {first} to {last}")


def _check_band(band: str) -> None:
    if band not in tuple(BANDS):
        raise ConfigError(f"band {band!r:.20}; expected one of {BANDS}")


def _check_place(what: str, ra: float, dec: float, scale: float) -> None:
    if not (0.0 <= ra <= 360.0 and -90.0 <= dec <= 90.0 and 0.0 < scale <= MAX_SCALE):
        raise ConfigError(f"no {what} at ra {ra}, dec {dec} [deg] with {scale} arcsec/pixel")
