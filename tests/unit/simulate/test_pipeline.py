"""The survey's pipeline on spectra whose truth is known."""

import numpy as np
import pytest

from trifid.simulate import pipeline
from trifid.simulate.galaxy_draw import draw_galaxies
from trifid.simulate.options import SkyOptions
from trifid.simulate.quasars import draw_quasars
from trifid.simulate.stars import draw_stars

_OPTIONS = SkyOptions()
_SNR = 30.0


def _observed(objects) -> dict[str, np.ndarray]:
    """Spectra with white noise of one S/N in every pixel with data."""
    from trifid.simulate.instruments import SDSS

    light = objects.shine(SDSS.line_spread)
    flux = light.continuum + light.emission
    flux *= _SNR / np.median(flux, axis=1, keepdims=True)
    rng = np.random.default_rng(5)
    ivar = np.ones(flux.shape, np.float32)
    return {"flux": (flux + rng.normal(size=flux.shape)).astype(np.float32), "ivar": ivar}


@pytest.mark.parametrize(
    ("draw", "expected", "share"),
    [(draw_galaxies, "GALAXY", 0.9), (draw_quasars, "QSO", 0.8), (draw_stars, "STAR", 0.9)],
)
def test_bright_objects_get_their_class_and_redshift(draw, expected, share) -> None:
    objects = draw(np.random.default_rng(11), 30)
    found = pipeline.classify(_observed(objects), ("galaxy", "quasar", "star"), _OPTIONS)
    right = found["class"] == expected
    assert right.mean() >= share
    error = np.abs(found["redshift"] - objects.redshift)[right] / (1 + objects.redshift[right])
    assert np.median(error) < (5e-3 if expected == "QSO" else 3e-4)


def test_lines_of_bright_galaxies_give_their_class() -> None:
    objects = draw_galaxies(np.random.default_rng(12), 60)
    found = pipeline.measure_lines(_observed(objects), objects.redshift, _OPTIONS)
    assert (found["bpt"] == objects.truth_class).mean() > 0.8
    emitting = objects.ew > 5
    ratio = found["ew_ha_6562"][emitting] / objects.ew[emitting]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.1)
