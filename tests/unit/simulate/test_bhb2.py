import numpy as np
import pytest

from trifid.simulate import plates
from trifid.simulate.bhb2 import bhb2, measured_parameters
from trifid.simulate.options import SkyOptions


@pytest.fixture(scope="module")
def block():
    return plates.simulate_plate(bhb2(), SkyOptions(), 3, 0, 90, 16)


def _column(block, name: str) -> np.ndarray:
    return np.array(block.columns[name])


def test_types_follow_gravity_and_metallicity_with_errors(block) -> None:
    block.check(bhb2().schema(SkyOptions(), 16))
    label, gravity = _column(block, "star_type"), _column(block, "truth_logg").astype(float)
    assert set(label) == {"BHB", "BS", "MS"}
    assert np.median(gravity[label == "BHB"]) < 3.4 < 3.9 < np.median(gravity[label != "BHB"])
    metals = _column(block, "truth_feh").astype(float)
    assert np.median(metals[label == "BS"]) < np.median(metals[label == "MS"]) - 0.5


def test_gravity_is_measured_from_the_spectrum_alone(block) -> None:
    spectra, redshift = block.inputs["spectrum"], _column(block, "redshift")
    again = measured_parameters(spectra, redshift, SkyOptions())
    assert (again["star_type"] == _column(block, "star_type")).all()
    bright = _column(block, "sn_median") > 15
    error = again["logg"] - _column(block, "truth_logg").astype(float)
    assert error[bright].std() < 0.3
    assert np.abs(np.median(error)) < 0.1
    nothing = {name: np.zeros_like(array[:2]) for name, array in spectra.items()}
    assert (measured_parameters(nothing, redshift[:2], SkyOptions())["star_type"] == "").all()


def test_targets_are_those_of_the_colour_box(block) -> None:
    names = [name for name, _ in bhb2().table]
    chosen = block.inputs["table"]["values"][:, names.index("target_bhb")]
    assert set(chosen.tolist()) == {0.0, 1.0}
    assert chosen[_column(block, "star_type") == "BHB"].mean() > 0.5


def test_all_are_hot_stars_at_small_velocities(block) -> None:
    assert _column(block, "truth_teff").astype(float).min() > 6500
    assert np.abs(_column(block, "truth_redshift").astype(float)).max() < 0.003
    assert (_column(block, "class") == "STAR").all()
