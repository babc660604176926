"""What the camera and its catalogue make of objects: images, magnitudes, sizes, types.

Magnitudes are not measured on the images but follow from the same profiles, seeing, sky and noise;
PSF magnitudes of extended objects are faint because a point's weights miss their outskirts.
"""

from dataclasses import dataclass, fields

import numpy as np

from trifid.physics import extinction, photometry
from trifid.simulate import apertures, camera
from trifid.simulate.source import Shape

BANDS = tuple(band.name for band in photometry.SDSS_BANDS)
_SOFTENING = np.array([band.softening for band in photometry.SDSS_BANDS])
_ZERO_POINT_RMS = np.array([0.013, 0.008, 0.008, 0.007, 0.008])  # DR10 calibration rms [mag]
_MAP_SCATTER = 0.1  # of the dust map about the true reddening
_ASTROMETRY = 0.1  # [arcsec]
_EXTENDED = 0.145  # least PSF minus model magnitude of a galaxy: SDSS star-galaxy separation
_FIBRE_SEEING = 2.0  # [arcsec] to which the survey smooths images before fibre magnitudes [R]
_FIT_ALIKE = 0.95  # greatest correlation of the noise of PSF and model magnitudes
NEIGHBOURS = 0.3  # mean number of other objects in a 25-arcsec image
GALAXY, STAR = 3, 6  # the survey's types: extended, point source

FEATURES = (
    *((f"psfmag_{band}", "mag") for band in BANDS),
    *((f"psfmagerr_{band}", "mag") for band in BANDS),
    *((f"modelmag_{band}", "mag") for band in BANDS),
    *((f"modelmagerr_{band}", "mag") for band in BANDS),
    *((f"fibermag_{band}", "mag") for band in BANDS),
    ("petror50_r", "arcsec"),
    ("ebv_sfd", "mag"),
    *((f"extinction_{band}", "mag") for band in BANDS),
    ("type", ""),
)
"""Names and units of what `photometric_catalogue` gives."""


@dataclass(frozen=True)
class Scene:
    """B objects on the sky: their shapes, and the flux of their parts in ugriz [nanomaggy] (B, 5).

    Attributes:
        shape: Radii, axes, angles.
        point, bulge, disc: Flux of the unresolved point, the bulge, the disc.
        galactic_ebv: True reddening by the Milky Way [mag] (B,).
    """

    shape: Shape
    point: np.ndarray
    bulge: np.ndarray
    disc: np.ndarray
    galactic_ebv: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Flux of all parts (B, 5)."""
        return self.point + self.bulge + self.disc


def scene(
    shape: Shape, bands: np.ndarray, bulge_bands: np.ndarray, galactic_ebv: np.ndarray
) -> Scene:
    """Divides total fluxes between point, bulge and disc."""
    point = np.clip(shape.point, 0.0, 1.0) * bands
    bulge = np.minimum(bulge_bands, bands - point)
    return Scene(shape, point, bulge, bands - point - bulge, galactic_ebv)


def join_shapes(parts: list[Shape]) -> Shape:
    """All shapes one after the other."""
    names = [item.name for item in fields(Shape)]
    return Shape(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )


def fibre_share(seen: Scene, fwhm: np.ndarray, aperture: float) -> np.ndarray:
    """Flux in a fibre spectrum over the total r flux (B,).

    Spectra are calibrated on stars, so what a fibre loses of a point is given back.

    Args:
        seen: The objects.
        fwhm: Seeing in r [arcsec] (B,).
        aperture: Radius of the fibre [arcsec].
    """
    share = aperture_flux(seen, fwhm, aperture)[:, 2] / seen.total[:, 2]
    return share / apertures.aperture_share(0.0 * fwhm, fwhm, aperture, 1)


def aperture_flux(seen: Scene, fwhm: np.ndarray, aperture: float) -> np.ndarray:
    """Flux within a circle around each object (B, 5) [nanomaggy], seeing included."""
    disc, bulge = round_radii(seen.shape)
    return (
        seen.point * apertures.aperture_share(0.0 * fwhm, fwhm, aperture, 1)[:, None]
        + seen.disc * apertures.aperture_share(disc, fwhm, aperture, 1)[:, None]
        + seen.bulge * apertures.aperture_share(bulge, fwhm, aperture, 4)[:, None]
    )


def round_radii(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Half-light radii [arcsec] of disc and bulge as circles of the same area (B,) each."""
    disc = shape.disc_radius * np.sqrt(shape.disc_axis)
    return disc, shape.bulge_radius * np.sqrt(shape.bulge_axis)


def half_light_radius(seen: Scene) -> np.ndarray:
    """Radius [arcsec] that holds half of the r light without seeing, by bisection (B,)."""
    disc, bulge = (np.maximum(radius, 1e-6) for radius in round_radii(seen.shape))
    low, high = np.zeros(disc.size), np.full(disc.size, 60.0)
    total = seen.total[:, 2]
    for _ in range(30):
        middle = 0.5 * (low + high)
        inside = seen.point[:, 2] + seen.bulge[:, 2] * camera.enclosed(middle, bulge, 4)
        inside = inside + seen.disc[:, 2] * camera.enclosed(middle, disc, 1)
        low, high = (
            np.where(inside < 0.5 * total, middle, low),
            np.where(inside < 0.5 * total, high, middle),
        )
    return 0.5 * (low + high)


def photograph(
    rng: np.random.Generator, seen: Scene, sky: camera.Sky, size: int, depth: float = 1.0
) -> np.ndarray:
    """Images (B, 5, size, size) [nanomaggy per pixel] with neighbours, seeing and noise."""
    count = len(seen.galactic_ebv)
    place = rng.normal(0.0, _ASTROMETRY / camera.PIXEL, (count, 2))
    shape, point = seen.shape, np.zeros(count)
    parts = [
        camera.Profiles(
            np.arange(count), place, radius / camera.PIXEL, axis, shape.angle,
            np.full(count, index), flux,
        )
        for radius, axis, index, flux in (
            (point, point + 1.0, 1, seen.point),
            (shape.disc_radius, shape.disc_axis, 1, seen.disc),
            (shape.bulge_radius, shape.bulge_axis, 4, seen.bulge),
        )
    ]  # fmt: skip
    lit = [camera.select(part, part.flux.max(axis=1) > 0) for part in parts]
    everything = camera.join(*lit, _neighbours(rng, count, size))
    return camera.expose(rng, camera.render(everything, sky.fwhm, size), sky, depth)


def _neighbours(rng: np.random.Generator, count: int, size: int) -> camera.Profiles:
    """Stars and small galaxies of r 17 to 22, more than 4 arcsec from the target."""
    number = rng.poisson(NEIGHBOURS * (size / 64.0) ** 2, count)
    row = np.repeat(np.arange(count), number)
    total = row.size
    nearest = min((4.0 / camera.PIXEL) ** 2, 0.25 * size**2)
    distance = np.sqrt(rng.uniform(nearest, 0.5 * size**2, total))
    direction = rng.uniform(0.0, 2.0 * np.pi, total)
    r = 17.0 + 5.0 * rng.random(total) ** 0.4  # counts rise towards the faint end
    blue = rng.normal(0.7, 0.35, total).clip(0.0, 1.6)  # g - r; the other colours follow it
    colors = np.stack([2.6 * blue, blue, 0 * blue, -0.45 * blue, -0.65 * blue], axis=1)
    star = rng.random(total) < 0.5
    return camera.Profiles(
        row=row,
        offset=distance[:, None] * np.stack([np.cos(direction), np.sin(direction)], axis=1),
        radius=np.where(star, 0.0, rng.uniform(0.6, 1.8, total) / camera.PIXEL),
        axis=rng.uniform(0.3, 1.0, total),
        angle=rng.uniform(0.0, np.pi, total),
        index=np.ones(total, dtype=np.int64),
        flux=photometry.nanomaggy(r[:, None] + colors),
    )


def photometric_catalogue(
    rng: np.random.Generator, seen: Scene, sky: camera.Sky, depth: float = 1.0
) -> dict[str, np.ndarray]:
    """Values of `FEATURES` (B,) each: asinh magnitudes with errors, size, dust, type."""
    disc, bulge = round_radii(seen.shape)
    radius = half_light_radius(seen)
    model = seen.total
    psf = seen.point + sum(
        flux * apertures.psf_share(size[:, None], sky.fwhm, index)
        for flux, size, index in ((seen.disc, disc, 1), (seen.bulge, bulge, 4))
    )
    spread = sky.fwhm / camera.FWHM_OVER_SIGMA
    wide = np.hypot(spread, radius[:, None] / 1.177)  # a Gaussian's r50 is 1.177 sigma
    psf_noise = _flux_noise(psf, 4.0 * np.pi * (spread / camera.PIXEL) ** 2, sky, depth)
    model_noise = _flux_noise(model, 4.0 * np.pi * (wide / camera.PIXEL) ** 2, sky, depth)
    fibre = aperture_flux(seen, np.full(len(radius), _FIBRE_SEEING), 1.5)
    fibre_noise = _flux_noise(fibre, np.full(fibre.shape, np.pi * (1.5 / camera.PIXEL) ** 2), sky,
                              depth)  # fmt: skip
    # the fits look at the same pixels: their errors go together, the more the rounder the weights
    alike = np.minimum(2.0 * spread * wide / (spread**2 + wide**2), _FIT_ALIKE)
    first, second, third = rng.normal(size=(3, *model.shape))
    zero = 10.0 ** (-0.4 * rng.normal(0.0, _ZERO_POINT_RMS, model.shape))
    psf_seen = psf * zero + psf_noise * first
    own = alike * first + np.sqrt(1.0 - alike**2) * second
    model_seen = model * zero + model_noise * own
    fibre_seen = fibre * zero + fibre_noise * (0.9 * first + np.sqrt(1.0 - 0.81) * third)
    ebv = seen.galactic_ebv * np.exp(rng.normal(0.0, _MAP_SCATTER, len(radius)))
    size = np.hypot(radius, 0.5 * sky.fwhm[:, 2]) * rng.normal(1.0, 0.03, len(radius))
    values = {"petror50_r": size, "ebv_sfd": ebv, "type": _types(psf_seen, model_seen)}
    for index, band in enumerate(BANDS):
        soft = _SOFTENING[index]
        for name, flux in (("psf", psf_seen), ("model", model_seen), ("fiber", fibre_seen)):
            values[f"{name}mag_{band}"] = photometry.asinh_magnitude(flux[:, index], soft)
        for name, flux, noise in (
            ("psf", psf_seen, psf_noise),
            ("model", model_seen, model_noise),
        ):
            values[f"{name}magerr_{band}"] = _magnitude_error(flux[:, index], noise[:, index], soft)
        values[f"extinction_{band}"] = extinction.SF11_COEFFICIENTS[index] * ebv
    return values


def _flux_noise(flux: np.ndarray, pixels: np.ndarray, sky: camera.Sky, depth: float) -> np.ndarray:
    """Noise [nanomaggy] of a flux gathered from a number of equal pixels (B, 5)."""
    return np.sqrt(pixels) * camera.pixel_noise(flux / pixels, sky.level) / depth


def _magnitude_error(flux: np.ndarray, noise: np.ndarray, softening: float) -> np.ndarray:
    """Error of an asinh magnitude [mag]. Paper: Lupton, Gunn & Szalay 1999, eq. 4."""
    return 2.5 / np.log(10.0) * noise / np.hypot(flux, 2e9 * softening)


def _types(psf: np.ndarray, model: np.ndarray) -> np.ndarray:
    """The survey's type of each object (B,), from the summed g, r and i fluxes."""
    ratio = model[:, 1:4].sum(axis=1) / np.maximum(psf[:, 1:4].sum(axis=1), 1e-6)
    return np.where(2.5 * np.log10(np.maximum(ratio, 1e-6)) > _EXTENDED, GALAXY, STAR)
