"""The simulated sky of the task `galaxy4`: galaxies of a survey cut at redshift 0.3 and S/N 10."""

import numpy as np

from trifid.physics import bpt
from trifid.schema.block import Fields
from trifid.schema.modality import ColumnSpec
from trifid.simulate import pipeline
from trifid.simulate.galaxy_draw import CLASS_SHARES, draw_galaxies
from trifid.simulate.identity import spectroscopic_id
from trifid.simulate.options import SkyOptions
from trifid.simulate.plates import Columns, Kind, SkyTask
from trifid.simulate.source import Objects

__all__ = ["galaxy4", "spectroscopic_id"]

LINER_SHARE = CLASS_SHARES[bpt.LINER] / (CLASS_SHARES[bpt.SEYFERT] + CLASS_SHARES[bpt.LINER])
_SHARES = {
    "SF": CLASS_SHARES[bpt.STAR_FORMING],
    "COMP": CLASS_SHARES[bpt.COMPOSITE],
    "AGN": CLASS_SHARES[bpt.SEYFERT] + CLASS_SHARES[bpt.LINER],
    "NORMAL": CLASS_SHARES[bpt.BLANK],
}


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
    rng: np.random.Generator, objects: Objects, fields: Fields, options: SkyOptions
) -> Columns:
    """Redshift by galaxy templates, and the lines at that redshift."""
    columns = pipeline.classify(fields, ("galaxy",), options)
    return columns | pipeline.measure_lines(fields, columns["redshift"], options)
