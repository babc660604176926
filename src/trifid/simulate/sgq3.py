"""The simulated sky of the task `sgq3`: stars, galaxies and quasars on the same plates.

Usual shares are those of the paper's 1,000 objects: 498 stars, 440 galaxies, 62 quasars.
"""

import numpy as np

from trifid.schema.block import Fields
from trifid.simulate import pipeline
from trifid.simulate.galaxy_surveys import draw_boss, draw_main
from trifid.simulate.options import SkyOptions
from trifid.simulate.plates import Columns, Kind, SkyTask
from trifid.simulate.quasars import draw_quasars
from trifid.simulate.source import Objects
from trifid.simulate.stars import draw_stars


def sgq3() -> SkyTask:
    """Stars, galaxies and quasars."""
    return SkyTask(
        name="sgq3",
        kinds=(
            Kind("STAR", 0.498, _draw_stars),
            Kind("GALAXY", 0.440, _draw_galaxies),
            Kind("QSO", 0.062, _draw_quasars),
        ),
        measure=_measure,
        columns={},
        features=(),
        label="class",
        aliases={band: f"modelmag_{band}" for band in "ugriz"},
    )


def _draw_stars(rng: np.random.Generator, count: int, options: SkyOptions) -> Objects:
    return draw_stars(rng, count, options.magnitudes)


def _draw_galaxies(rng: np.random.Generator, count: int, options: SkyOptions) -> Objects:
    draw = draw_main if options.magnitudes == "legacy" else draw_boss
    return draw(rng, count, source=options.stellar)


def _draw_quasars(rng: np.random.Generator, count: int, options: SkyOptions) -> Objects:
    return draw_quasars(rng, count, options.magnitudes)


def _measure(
    rng: np.random.Generator, objects: Objects, fields: Fields, options: SkyOptions
) -> Columns:
    """Class and redshift by template fits: wrong where the data do not tell."""
    return pipeline.classify(fields, ("galaxy", "quasar", "star"), options)
