"""The simulated sky of the task `bhb2`: blue horizontal branch stars among other hot stars.

Labels come from measured parameters, as those of the catalogues did: temperature and metallicity
with constant errors, gravity with one that falls with the S/N [R]. A star of low gravity is a BHB
star; of the others the metal-poor are blue stragglers.
"""

import numpy as np

from trifid.schema.block import Fields
from trifid.schema.modality import ColumnSpec
from trifid.simulate import pipeline, spectrograph
from trifid.simulate.options import SkyOptions
from trifid.simulate.plates import Columns, Kind, SkyTask
from trifid.simulate.source import Objects
from trifid.simulate.stars import draw_blue_stars

_GRAVITY_LIMIT = 3.65  # log g between horizontal branch and main sequence
_METAL_POOR = -0.8  # [Fe/H] of a blue straggler, at most
_GRAVITY_ERROR = 0.2  # at S/N 20 [dex]
_TEFF_ERROR, _METALLICITY_ERROR = 0.025, 0.2  # relative, [dex]


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
    """Velocities by template fits; temperatures and gravities with errors make the type."""
    found = measured_parameters(rng, objects, fields)
    return pipeline.classify(fields, ("star",), options) | found


def measured_parameters(rng: np.random.Generator, objects: Objects, fields: Fields) -> Columns:
    """`teff` [K], `logg` [dex] and `star_type` of stars as a catalogue would give them."""
    count = len(objects)
    truth = objects.truth()
    snr = spectrograph.median_snr(fields["flux"], fields["ivar"])
    error = (_GRAVITY_ERROR * 20.0 / np.maximum(snr, 1.0)).clip(0.1, 0.6)
    gravity = truth["truth_logg"] + error * rng.normal(size=count)
    metals = truth["truth_feh"] + _METALLICITY_ERROR * rng.normal(size=count)
    others = np.where(metals < _METAL_POOR, "BS", "MS")
    return {
        "teff": truth["truth_teff"] * rng.normal(1.0, _TEFF_ERROR, count),
        "logg": gravity,
        "star_type": np.where(gravity < _GRAVITY_LIMIT, "BHB", others),
    }


def _target(values: Columns) -> Columns:
    """Whether the survey would choose a star as a BHB candidate: its colours free of dust."""
    clear = {band: values[f"psfmag_{band}"] - values[f"extinction_{band}"] for band in "ugr"}
    ug, gr = clear["u"] - clear["g"], clear["g"] - clear["r"]
    chosen = (ug > 0.8) & (ug < 1.8) & (gr > -0.4) & (gr < 0.0)
    return {"target_bhb": chosen.astype(np.float64)}
