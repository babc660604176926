"""The simulated sky of the task `galaxy4`: galaxies of a survey cut at redshift 0.3 and S/N 10."""

import numpy as np

from trifid.physics import bpt
from trifid.schema import grid
from trifid.schema.block import Fields
from trifid.schema.modality import ColumnSpec
from trifid.simulate import measure, stellar
from trifid.simulate.galaxy_draw import CLASS_SHARES, draw_galaxies
from trifid.simulate.identity import spectroscopic_id
from trifid.simulate.instruments import PIXEL_VELOCITY, Instrument
from trifid.simulate.options import SkyOptions
from trifid.simulate.plates import Columns, Kind, SkyTask
from trifid.simulate.source import Objects

__all__ = ["galaxy4", "spectroscopic_id"]

_REDSHIFT_ERROR = 1e-4
LINER_SHARE = CLASS_SHARES[bpt.LINER] / (CLASS_SHARES[bpt.SEYFERT] + CLASS_SHARES[bpt.LINER])
_SHARES = {
    "SF": CLASS_SHARES[bpt.STAR_FORMING],
    "COMP": CLASS_SHARES[bpt.COMPOSITE],
    "AGN": CLASS_SHARES[bpt.SEYFERT] + CLASS_SHARES[bpt.LINER],
    "NORMAL": CLASS_SHARES[bpt.BLANK],
}
_FIRST = round((grid.LOG10_START - stellar.LOG10_START) / grid.LOG10_STEP)


def galaxy4() -> SkyTask:
    """Star-forming, composite, active or quiescent galaxies."""
    return SkyTask(
        name="galaxy4",
        kinds=(Kind("GALAXY", 1.0, _draw),),
        measure=measure_galaxies,
        columns={
            "bpt": ColumnSpec(type="string", description="class measured from the noisy spectrum")
        },
        features=(("ew_ha_6562", "angstrom"), ("ebmv", "mag")),
        label="bpt",
    )


def _draw(rng: np.random.Generator, count: int, options: SkyOptions) -> Objects:
    shares = options.class_shares(_SHARES)
    agn = shares["AGN"]
    by_region = {
        bpt.STAR_FORMING: shares["SF"],
        bpt.COMPOSITE: shares["COMP"],
        bpt.SEYFERT: agn * (1.0 - LINER_SHARE),
        bpt.LINER: agn * LINER_SHARE,
        bpt.BLANK: shares["NORMAL"],
    }
    return draw_galaxies(rng, count, source=options.stellar, shares=by_region)


def measure_galaxies(
    rng: np.random.Generator, objects: Objects, fields: Fields, instrument: Instrument
) -> Columns:
    """Line fit with starlight templates and line widths known to 5 %."""
    velocity = objects.sigma_gas * rng.normal(1.0, 0.05, len(objects))
    flux, ivar = (fields[name].astype(np.float64) for name in ("flux", "ivar"))
    sigma = np.hypot(objects.sigma_stars / PIXEL_VELOCITY, 1.0)
    starlight = stellar.observed_components(objects.redshift, sigma, _FIRST, grid.LENGTH)
    fits = measure.measure_lines(flux, ivar, starlight, objects.redshift, velocity)
    labels = measure.label(fits, objects.redshift)
    return {
        "class": np.full(len(objects), "GALAXY"),
        "redshift": objects.redshift + rng.normal(0.0, _REDSHIFT_ERROR, len(objects)),
        "zwarning": np.zeros(len(objects), dtype=np.int64),
        "bpt": labels.bpt,
        "ew_ha_6562": labels.ew_ha,
        "ebmv": labels.ebmv,
    }
