"""The simulated sky of the task `bhb2`: blue horizontal branch stars among other hot stars.

Labels come from parameters measured on the noisy spectrum, as those of the catalogues did: a grid
of models is fitted to it. A star of low gravity is a BHB star; of the others the metal-poor are
blue stragglers; the type is empty where there is too little spectrum.
"""

from functools import cache

import numpy as np

from trifid.physics import star_fit
from trifid.schema.block import Fields
from trifid.schema.modality import ColumnSpec
from trifid.simulate import pipeline
from trifid.simulate.instruments import INSTRUMENTS
from trifid.simulate.options import SkyOptions
from trifid.simulate.plates import Columns, Kind, SkyTask
from trifid.simulate.source import Objects
from trifid.simulate.starlight import Stars
from trifid.simulate.stars import draw_blue_stars

_GRAVITY_LIMIT = 3.65  # log g between horizontal branch and main sequence [R]
_METAL_POOR = -0.8  # [Fe/H] of a blue straggler, at most [R]
_AXES = (
    np.linspace(np.log10(6900.0), np.log10(12500.0), 16),
    np.linspace(2.75, 4.5, 8),
    np.linspace(-2.2, 0.1, 4),
)
"""Nodes of log10 Teff, log g and [Fe/H] of the models that are fitted."""


def bhb2() -> SkyTask:
    """Blue horizontal branch stars, blue stragglers, main-sequence stars."""
    return SkyTask(
        name="bhb2",
        kinds=(Kind("STAR", 1.0, _draw),),
        measure=_measure,
        columns={"star_type": ColumnSpec(type="string", description="BHB, BS or MS, as measured")},
        features=(("teff", "K"), ("logg", "dex"), ("target_bhb", "")),
        label="star_type",
        finish=_target,
    )


def _draw(rng: np.random.Generator, count: int, options: SkyOptions) -> Objects:
    return draw_blue_stars(rng, count)


def _measure(
    rng: np.random.Generator, objects: Objects, fields: Fields, options: SkyOptions
) -> Columns:
    """Velocities by template fits; temperature, gravity and metallicity make the type."""
    columns = pipeline.classify(fields, ("star",), options)
    return columns | measured_parameters(fields, columns["redshift"], options)


def measured_parameters(fields: Fields, redshift: np.ndarray, options: SkyOptions) -> Columns:
    """`teff` [K], `logg` [dex] and `star_type` of spectra as a catalogue would give them."""
    fit = star_fit.fit_stars(fields["flux"], fields["ivar"], redshift, _models(options.instrument))
    temperature, gravity, metals = fit.values.T
    others = np.where(metals < _METAL_POOR, "BS", "MS")
    types = np.where(gravity < _GRAVITY_LIMIT, "BHB", others)
    return {
        "teff": 10.0**temperature,
        "logg": gravity,
        "star_type": np.where(np.isfinite(gravity), types, ""),
    }


@cache
def _models(instrument: str) -> star_fit.ModelGrid:
    """Hot stars at the nodes, as an instrument sees them without noise."""
    nodes = np.stack(np.meshgrid(*_AXES, indexing="ij"), axis=-1)
    temperature, gravity, metals = nodes.reshape(-1, 3).T
    none = np.zeros(temperature.size)
    stars = Stars(
        truth_type=np.full(none.size, "A"), family=np.full(none.size, "hot"),
        teff=10.0**temperature, gravity=gravity, metallicity=metals, rotation=none,
        redshift=none, galactic_ebv=none, magnitude=none,
    )  # fmt: skip
    light = stars.shine(INSTRUMENTS[instrument].line_spread).continuum
    return star_fit.model_grid(_AXES, light.reshape(*nodes.shape[:3], -1))


def _target(values: Columns) -> Columns:
    """Whether the survey would choose a star as a BHB candidate: its colours free of dust."""
    clear = {band: values[f"psfmag_{band}"] - values[f"extinction_{band}"] for band in "ugr"}
    ug, gr = clear["u"] - clear["g"], clear["g"] - clear["r"]
    chosen = (ug > 0.8) & (ug < 1.8) & (gr > -0.4) & (gr < 0.0)
    return {"target_bhb": chosen.astype(np.float64)}
