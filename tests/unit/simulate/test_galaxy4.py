import numpy as np
import pytest

from trifid.physics import bpt
from trifid.simulate import plates, spectrograph
from trifid.simulate.galaxy4 import galaxy4
from trifid.simulate.options import SkyOptions

_TASK = galaxy4()


def _plate(seed: int = 7, number: int = 0, rows: int = 120, **options):
    return plates.simulate_plate(_TASK, SkyOptions(**options), seed, number, rows, 32)


@pytest.fixture(scope="module")
def plate():
    return _plate()


def _feature(block, name: str) -> np.ndarray:
    names = [item for item, _ in _TASK.table]
    return block.inputs["table"]["values"][:, names.index(name)]


def test_block_fits_its_schema(plate) -> None:
    plate.check(_TASK.schema(SkyOptions(), 32))


def test_labels_flip_near_the_lines_only_a_little(plate) -> None:
    label, truth = np.array(plate.columns["bpt"]), np.array(plate.columns["truth_class"])
    assert 0.0 < (label != truth).mean() < 0.15
    blank = label == bpt.BLANK
    ew = _feature(plate, "ew_ha_6562")
    assert (ew[blank] == 0).all()
    assert (ew[~blank] > 0).all()


def test_signal_to_noise_is_measured_and_cut(plate) -> None:
    spectrum = plate.inputs["spectrum"]
    measured = spectrograph.median_snr(spectrum["flux"], spectrum["ivar"])
    assert plate.columns["sn_median"] == pytest.approx(measured)
    assert measured.min() > 10
    assert np.median(measured) == pytest.approx(17.9, rel=0.15)


def test_images_and_rows_show_the_same_galaxies(plate) -> None:
    r = _feature(plate, "modelmag_r")
    centre = plate.inputs["image"]["flux"][:, 2, 8:24, 8:24].sum(axis=(1, 2))
    assert np.corrcoef(r, -2.5 * np.log10(centre))[0, 1] > 0.9
    assert (_feature(plate, "type") == 3).mean() > 0.95
    assert (_feature(plate, "psfmag_r") > r).mean() > 0.99


def test_prior_sets_the_classes() -> None:
    only = _plate(rows=12, prior={"NORMAL": 1.0})
    assert set(only.columns["truth_class"]) == {bpt.BLANK}


def test_truth_has_masses_though_brightness_came_from_the_noise(plate) -> None:
    masses = np.array(plate.columns["truth_log_mass"], dtype=float)
    assert 8.5 < np.median(masses) < 12.0
    assert np.isfinite(masses).all()
