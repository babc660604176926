"""The simulated sky of the task `galaxy4`: plates of galaxies with image, spectrum and row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trifid.physics import extinction, photometry
from trifid.schema.block import Block, Fields
from trifid.schema.modality import (
    IDENTITY_COLUMNS,
    ColumnSpec,
    ImageSpec,
    SpectrumSpec,
    StoreSchema,
    TableSpec,
)
from trifid.simulate import camera, light, measure, spectrograph
from trifid.simulate.galaxies import Galaxies, draw_galaxies

FIBRES = 640  # of a plate
REPEATS = 0.03  # share of rows that observe an object of the plate a second time
NEIGHBOURS = 0.3  # mean number of other objects in a 25-arcsec image
_BATCH = 64  # rows whose spectra are in memory at once
_BANDS = tuple(band.name for band in photometry.SDSS_BANDS)
_SOFTENING = np.array([band.softening for band in photometry.SDSS_BANDS])
_ZERO_POINT_RMS = np.array([0.013, 0.008, 0.008, 0.007, 0.008])  # DR10 calibration rms [mag]
_MAP_SCATTER = 0.1  # of the dust map about the true reddening
_REDSHIFT_ERROR = 1e-4

_FEATURES = (
    *((f"modelmag_{band}", "mag") for band in _BANDS),
    ("petror50_r", "arcsec"),
    ("ebv_sfd", "mag"),
    *((f"extinction_{band}", "mag") for band in _BANDS),
    ("redshift", ""),
    ("sn_median", ""),
    ("ew_ha_6562", "angstrom"),
    ("ebmv", "mag"),
)
_COLUMNS = {
    "plate": ColumnSpec(type="int64", description="number of the plate"),
    "mjd": ColumnSpec(type="int64", unit="day", description="date of the observation"),
    "fiber": ColumnSpec(type="int64", description="fibre, 1 to 640"),
    "run2d": ColumnSpec(type="string", description="reduction"),
    "specobjid": ColumnSpec(type="string", description="key of the spectrum"),
    "bestobjid": ColumnSpec(type="string", description="key of the photometric object"),
    "class": ColumnSpec(type="string", description="spectral class of the pipeline"),
    "redshift": ColumnSpec(type="float64", description="measured redshift"),
    "zwarning": ColumnSpec(type="int64", description="bits that doubt the redshift; 0 = none"),
    "sn_median": ColumnSpec(type="float64", description="median S/N per native pixel"),
    "instrument": ColumnSpec(type="string", description="spectrograph"),
    "bpt": ColumnSpec(type="string", description="class measured from the noisy spectrum"),
    "truth_class": ColumnSpec(
        type="string", description="class of the noiseless line ratios; never an input"
    ),
}


def schema(size: int) -> StoreSchema:
    """The store's modalities and columns, for images of `size` pixels on a side."""
    return StoreSchema(
        modalities={
            "image": ImageSpec(bands=_BANDS, height=size, width=size, pixel_scale=camera.PIXEL),
            "spectrum": SpectrumSpec(),
            "table": TableSpec(
                features=tuple(name for name, _ in _FEATURES),
                units=tuple(unit for _, unit in _FEATURES),
            ),
        },
        columns=IDENTITY_COLUMNS | _COLUMNS,
    )


def plate_rows(objects: int) -> list[int]:
    """Rows of each plate: at least forty plates where there are rows for it, at most 640 rows."""
    plates = max(min(40, objects), -(-objects // FIBRES))
    return [objects // plates + (index < objects % plates) for index in range(plates)]


def simulate_plate(seed: int, plate: int, rows: int, size: int) -> Block:
    """All rows of one plate, a pure function of its arguments.

    Args:
        seed: Of the whole sky.
        plate: Index of the plate, from 0.
        rows: Observations, repeats included.
        size: Pixels on a side of an image.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, plate]))
    repeats = round(REPEATS * rows)
    galaxies = draw_galaxies(rng, rows - repeats)
    again = rng.choice(rows - repeats, repeats, replace=False)
    which = np.concatenate([np.arange(rows - repeats), again])
    night = (np.arange(rows) >= rows - repeats).astype(np.int64)
    spectra = _observe_spectra(rng, galaxies, which, night)
    images, rowless = _observe_images(rng, galaxies, spectra.bands, spectra.bulge_bands, size)
    table = _table(rowless, which, spectra)
    columns: dict[str, Sequence[Any]] = _identity(rng, plate, which, night) | {
        "class": ["GALAXY"] * rows,
        "redshift": spectra.redshift.tolist(),
        "zwarning": [0] * rows,
        "sn_median": spectra.sn_median.tolist(),
        "instrument": ["SDSS"] * rows,
        "bpt": spectra.labels.bpt.tolist(),
        "truth_class": galaxies.truth_class[which].tolist(),
    }
    return Block(
        columns, {"image": {"flux": images[which]}, "spectrum": spectra.fields, "table": table}
    )


@dataclass(frozen=True)
class _Spectra:
    """Observed spectra of R rows, what was measured from them, and fluxes of the B objects."""

    fields: Fields
    redshift: np.ndarray
    sn_median: np.ndarray
    labels: measure.Labels
    bands: np.ndarray
    bulge_bands: np.ndarray


def _observe_spectra(
    rng: np.random.Generator, galaxies: Galaxies, which: np.ndarray, night: np.ndarray
) -> _Spectra:
    exposures = [spectrograph.draw_exposure(rng) for _ in range(2)]
    if exposures[1].noise > exposures[0].noise:  # a second night never falls below the S/N cut
        exposures.reverse()
    fields: list[Fields] = []
    labels: list[measure.Labels] = []
    bands = np.zeros((len(galaxies), 5))
    bulge_bands = np.zeros((len(galaxies), 5))
    scale = np.zeros(len(galaxies))
    for begin in range(0, which.size, _BATCH):
        rows = slice(begin, begin + _BATCH)
        subset, objects = galaxies.take(which[rows]), which[rows]
        seen = light.shine(subset)
        fibres = spectrograph.draw_fibres(rng, exposures, night[rows])
        wanted = spectrograph.scale_to_snr(seen.continuum, subset.snr, fibres)
        new = night[rows] == 0  # a repeat shows the flux of the first night
        scale[objects[new]] = wanted[new]
        first = scale[objects]
        continuum, emission = (first[:, None] * item for item in (seen.continuum, seen.emission))
        fields.append(spectrograph.observe(rng, continuum, emission, fibres))
        total = (first / light.fibre_share(subset))[:, None]
        bands[objects], bulge_bands[objects] = total * seen.bands, total * seen.bulge_bands
        labels.append(_measure(rng, subset, fields[-1], seen.starlight))
    merged = {name: np.concatenate([item[name] for item in fields]) for name in fields[0]}
    return _Spectra(
        fields=merged,
        redshift=galaxies.redshift[which] + rng.normal(0.0, _REDSHIFT_ERROR, which.size),
        sn_median=median_snr(merged["flux"], merged["ivar"]),
        labels=measure.Labels(
            *(np.concatenate([getattr(item, name) for item in labels])
              for name in ("bpt", "ew_ha", "ebmv"))
        ),
        bands=bands,
        bulge_bands=bulge_bands,
    )  # fmt: skip


def _measure(
    rng: np.random.Generator, galaxies: Galaxies, fields: Fields, starlight: np.ndarray
) -> measure.Labels:
    """Line fit with line widths known to 5 %."""
    velocity = galaxies.sigma_gas * rng.normal(1.0, 0.05, len(galaxies))
    flux, ivar = (fields[name].astype(np.float64) for name in ("flux", "ivar"))
    fits = measure.measure_lines(flux, ivar, starlight, galaxies.redshift, velocity)
    return measure.label(fits, galaxies.redshift)


def median_snr(flux: np.ndarray, ivar: np.ndarray) -> np.ndarray:
    """Median signal-to-noise per pixel over the pixels with data (B,)."""
    snr = np.where(ivar > 0, flux * np.sqrt(ivar), np.nan)
    return np.nanmedian(snr.astype(np.float64), axis=1)


def _observe_images(
    rng: np.random.Generator,
    galaxies: Galaxies,
    bands: np.ndarray,
    bulge_bands: np.ndarray,
    size: int,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Images of the objects, and the table features that come from imaging (B,) each."""
    count = len(galaxies)
    sky = camera.draw_sky(rng, count)
    jitter = rng.normal(0.0, 0.1 / camera.PIXEL, (count, 2))  # astrometry: 0.1 arcsec
    own = np.arange(count)
    disc, bulge = (
        camera.Profiles(own, jitter, radius / camera.PIXEL, axis, galaxies.angle,
                        np.full(count, index), flux)
        for radius, axis, index, flux in (
            (galaxies.disc_radius, galaxies.disc_axis, 1, bands - bulge_bands),
            (galaxies.bulge_radius, galaxies.bulge_axis, 4, bulge_bands),
        )
    )  # fmt: skip
    scene = camera.join(disc, bulge, _neighbours(rng, count, size))
    images = camera.expose(rng, camera.render(scene, sky.fwhm, size), sky)
    return images, _photometry(rng, galaxies, bands, sky)


def _neighbours(rng: np.random.Generator, count: int, size: int) -> camera.Profiles:
    """Stars and small galaxies of r 17 to 22, more than 4 arcsec from the target."""
    number = rng.poisson(NEIGHBOURS * (size / 64.0) ** 2, count)
    row = np.repeat(np.arange(count), number)
    total = row.size
    distance = np.sqrt(rng.uniform((4.0 / camera.PIXEL) ** 2, 0.5 * size**2, total))
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


def _photometry(
    rng: np.random.Generator, galaxies: Galaxies, bands: np.ndarray, sky: camera.Sky
) -> dict[str, np.ndarray]:
    """Catalogue values from imaging: magnitudes with errors, size, Milky Way extinction."""
    count = len(galaxies)
    radius = light.half_light_radius(galaxies)
    pixels = np.pi * (2.0 * radius / camera.PIXEL)[:, None] ** 2
    noise = np.sqrt(pixels) * camera.pixel_noise(bands / pixels, sky.level)
    flux = bands * 10.0 ** (-0.4 * rng.normal(0.0, _ZERO_POINT_RMS, bands.shape))
    flux += noise * rng.normal(size=bands.shape)
    ebv = galaxies.galactic_ebv * np.exp(rng.normal(0.0, _MAP_SCATTER, count))
    seen = np.hypot(radius, 0.5 * sky.fwhm[:, 2]) * rng.normal(1.0, 0.03, count)
    values = {"petror50_r": seen, "ebv_sfd": ebv}
    magnitudes = photometry.asinh_magnitude(flux, _SOFTENING)
    for index, band in enumerate(_BANDS):
        values[f"modelmag_{band}"] = magnitudes[:, index]
        values[f"extinction_{band}"] = extinction.SF11_COEFFICIENTS[index] * ebv
    return values


def _table(imaging: dict[str, np.ndarray], which: np.ndarray, spectra: _Spectra) -> Fields:
    values = {name: column[which] for name, column in imaging.items()} | {
        "redshift": spectra.redshift,
        "sn_median": spectra.sn_median,
        "ew_ha_6562": spectra.labels.ew_ha,
        "ebmv": spectra.labels.ebmv,
    }
    stacked = np.stack([values[name] for name, _ in _FEATURES], axis=1).astype(np.float32)
    return {"values": stacked, "valid": np.ones(stacked.shape, dtype=np.uint8)}


def _identity(
    rng: np.random.Generator, plate: int, which: np.ndarray, night: np.ndarray
) -> dict[str, Sequence[Any]]:
    """Keys, group and place; ids are packed as the survey packs them (DR8 and later)."""
    number, count = 266 + plate, int(which.max()) + 1
    mjd = 51600 + 3 * plate + 30 * night
    fibers = np.concatenate([rng.permutation(FIBRES)[: (night == n).sum()] + 1 for n in (0, 1)])
    centre = rng.uniform(120.0, 240.0), np.degrees(np.arcsin(rng.uniform(0.0, 0.85)))
    distance, turn = 1.49 * np.sqrt(rng.random(count)), rng.uniform(0.0, 2.0 * np.pi, count)
    dec = centre[1] + distance * np.sin(turn)
    ra = centre[0] + distance * np.cos(turn) / np.cos(np.radians(dec))
    keys = [
        str(
            _photometric_id(
                run=1000 + plate, camcol=1 + item % 6, field=11 + item // 6, number=item
            )
        )
        for item in range(count)
    ]
    spectra = zip(mjd.tolist(), fibers.tolist(), strict=True)
    spectra = [(day, fiber) for day, fiber in spectra]
    return {
        "object_id": [f"sdss-{number:04d}-{day:05d}-{fiber:04d}" for day, fiber in spectra],
        "group": [f"objid-{keys[item]}" for item in which],
        "ra": ra[which].tolist(),
        "dec": dec[which].tolist(),
        "source_path": [[] for _ in which],
        "source_sha256": [[] for _ in which],
        "plate": [number] * which.size,
        "mjd": mjd.tolist(),
        "fiber": fibers.tolist(),
        "run2d": ["26"] * which.size,
        "specobjid": [str(spectroscopic_id(number, day, fiber, 26)) for day, fiber in spectra],
        "bestobjid": [keys[item] for item in which],
    }


def spectroscopic_id(plate: int, mjd: int, fiber: int, run2d: int) -> int:
    """The survey's specObjID: bits 50 plate, 38 fibre, 24 mjd - 50000, 10 run2d."""
    return plate << 50 | fiber << 38 | (mjd - 50000) << 24 | run2d << 10


def _photometric_id(run: int, camcol: int, field: int, number: int) -> int:
    """The survey's objID: bits 59 sky version (2), 48 rerun (301), 32 run, 29 camcol, 16 field."""
    return 2 << 59 | 301 << 48 | run << 32 | camcol << 29 | field << 16 | number
