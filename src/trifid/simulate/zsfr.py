"""The simulated sky of the task `zsfr`: the main galaxy sample with star-formation rates."""

import numpy as np

from trifid.physics import bpt
from trifid.schema.block import Fields
from trifid.schema.modality import ColumnSpec
from trifid.simulate import sfr
from trifid.simulate.galaxy4 import measure_galaxies
from trifid.simulate.galaxy_surveys import draw_main
from trifid.simulate.options import SkyOptions
from trifid.simulate.plates import Columns, Kind, SkyTask
from trifid.simulate.source import Objects


def zsfr() -> SkyTask:
    """Galaxies with redshift and star-formation rate."""
    rate = "log10(Msun/yr)"
    return SkyTask(
        name="zsfr",
        kinds=(Kind("GALAXY", 1.0, _draw),),
        measure=_measure,
        columns={
            **{
                name: ColumnSpec(type="float64", unit="bit" if name == "sfr_entropy" else rate)
                for name in sfr.COLUMNS
            },
            "sfr_flag": ColumnSpec(type="int64", description="0 = a good star-formation rate"),
            "bpt": ColumnSpec(type="string", description="class measured from the noisy spectrum"),
        },
        features=(("ew_ha_6562", "angstrom"), ("ebmv", "mag")),
        label="bpt",
    )


def _draw(rng: np.random.Generator, count: int, options: SkyOptions) -> Objects:
    return draw_main(rng, count, source=options.stellar)


def _measure(
    rng: np.random.Generator, objects: Objects, fields: Fields, options: SkyOptions
) -> Columns:
    """Lines, and the estimate of the star-formation rate: from lines where the class has them."""
    columns = measure_galaxies(rng, objects, fields, options)
    from_lines = columns["bpt"] == bpt.STAR_FORMING
    truth = np.asarray(objects.truth()["truth_log_sfr"])
    return columns | sfr.draw_estimates(rng, truth, from_lines)
