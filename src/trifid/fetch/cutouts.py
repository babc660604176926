"""Cutouts around each object from image services: colour pictures, and FITS images of a HiPS.

    pictures/OBJID.jpeg         SkyServer's picture service; `trifid ingest` joins it by objid
    hips/hips-BAND-OBJID.fits   hips2fits of CDS: pixels interpolated twice, altered PSF, no errors

Several spectra of one object share its cutouts, around the fibre of the first of them. Services
make each answer when it is asked for: what comes must be whole and have as many pixels as asked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from trifid.errors import ConfigError
from trifid.fetch import check
from trifid.fetch.local import Source
from trifid.fetch.remote import Unavailable
from trifid.surveys.sdss_paths import BANDS, Release, hips_url, picture_url

_PICTURES, _HIPS = "pictures/", "hips/"
_PICTURE_BYTES = 0.25  # of a pixel of a picture; unverified
_HEADERS = 2 * 2880  # [byte] of a FITS image


@dataclass(frozen=True)
class Grid:
    """A square of pixels on the sky: how many on a side, how large [arcsec]."""

    size: int
    scale: float


PICTURE = Grid(512, 0.4)
"""Field and pixels of the star/galaxy/quasar paper: 2048 at 0.1 arcsec, reduced to 512."""
HIPS_IMAGE = Grid(64, 0.396)
"""The camera's own pixels, as many as `trifid ingest` cuts out of frames."""


@dataclass(frozen=True)
class Cutouts:
    """Which cutouts are wanted of each object.

    Attributes:
        pictures: Colour pictures.
        hips: FITS images in five bands.
    """

    pictures: Grid | None = None
    hips: Grid | None = None

    def paths(self, objid: str | None) -> list[str]:
        """Where the cutouts of an object lie in the folder.

        Raises:
            ConfigError: If it has no objid, which is their name.
        """
        if self.pictures is None and self.hips is None:
            return []
        if objid is None or not (objid.isascii() and objid.isdecimal() and 0 < len(objid) < 20):
            raise ConfigError("no cutout: it has no photometric object")
        paths = [] if self.pictures is None else [f"{_PICTURES}{objid}.jpeg"]
        bands = "" if self.hips is None else BANDS
        return paths + [f"{_HIPS}hips-{band}-{objid}.fits" for band in bands]

    def check(self) -> None:
        """Refuses pixels that the services do not give.

        Raises:
            ConfigError: Saying which they give.
        """
        if self.pictures is not None:
            picture_url(Release("dr17", 17, ""), 0.0, 0.0, **vars(self.pictures))
        if self.hips is not None:
            hips_url(0.0, 0.0, BANDS[0], **vars(self.hips))

    def addresses(
        self, catalogue: pa.Table, release: Release, service: str, hips: str
    ) -> dict[str, str]:
        """The address of each cutout, by its path; objects without a position have none.

        Args:
            catalogue: Rows with `bestobjid`, `ra` and `dec` [deg].
            release: Whose pictures.
            service: Base of the picture service.
            hips: Address of hips2fits.
        """
        found: dict[str, str] = {}
        columns = (catalogue.column(name).to_pylist() for name in ("bestobjid", "ra", "dec"))
        for objid, ra, dec in zip(*columns, strict=True):
            try:
                paths = self.paths(objid)
                if ra is None or dec is None or not paths or paths[0] in found:
                    continue
                urls = [] if self.pictures is None else [
                    picture_url(release, ra, dec, base=service, **vars(self.pictures))
                ]  # fmt: skip
                if self.hips is not None:
                    urls += [hips_url(ra, dec, b, base=hips, **vars(self.hips)) for b in BANDS]
            except ConfigError:
                continue  # the plan says it of objects without objid, `fetch` of the others
            found.update(zip(paths, urls, strict=True))
        return found


class Service(Protocol):
    """Gives the file of an address."""

    def fetch_url(self, url: str, target: Path, accept: Callable[[Path], None]) -> None:
        """Brings it to its place once it is whole and accepted, or raises `Unavailable`."""
        ...


class WithCutouts:
    """An archive, with services for the cutouts.

    Args:
        archive: Gives all other files.
        cutouts: Which are wanted.
        address: Gives the address of one by its path; empty if it has none.
        pictures: The picture service.
        hips: hips2fits.
    """

    def __init__(
        self,
        archive: Source,
        cutouts: Cutouts,
        address: Callable[[str], str],
        *,
        pictures: Service,
        hips: Service,
    ) -> None:
        self._archive, self._cutouts, self._address = archive, cutouts, address
        self._services = {_PICTURES: pictures, _HIPS: hips}

    def fetch(self, path: str, target: Path) -> None:
        """Brings a file or a cutout.

        Raises:
            Unavailable: If it cannot be had.
        """
        kind = path.partition("/")[0] + "/"
        grid = {_PICTURES: self._cutouts.pictures, _HIPS: self._cutouts.hips}.get(kind)
        if grid is None:
            return self._archive.fetch(path, target)
        address = self._address(path)
        if not address:
            raise Unavailable("no cutout: it has no position")
        look = check.check_picture if kind == _PICTURES else check.check_image
        service = self._services[kind]
        return service.fetch_url(address, target, lambda p: look(p, grid.size))

    def size(self, path: str) -> int | None:
        """Bytes of a file; estimated for a cutout, which no service tells before it is made."""
        pictures, hips = self._cutouts.pictures, self._cutouts.hips
        if path.startswith(_PICTURES) and pictures is not None:
            return round(_PICTURE_BYTES * pictures.size**2)
        if path.startswith(_HIPS) and hips is not None:
            return 4 * hips.size**2 + _HEADERS
        return self._archive.size(path)
