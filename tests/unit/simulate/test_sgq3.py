import numpy as np
import pytest

from trifid.simulate import plates
from trifid.simulate.options import SkyOptions
from trifid.simulate.sgq3 import sgq3


@pytest.fixture(scope="module")
def block():
    return plates.simulate_plate(sgq3(), SkyOptions(), 3, 0, 120, 32)


def test_three_kinds_share_the_plates_and_the_pipeline_mostly_tells_them_apart(block) -> None:
    block.check(sgq3().schema(SkyOptions(), 32))
    truth = np.array(block.columns["truth_kind"])
    assert set(truth) == {"star", "galaxy", "quasar"}
    named = {"star": "STAR", "galaxy": "GALAXY", "quasar": "QSO"}
    right = np.array([named[kind] for kind in truth]) == np.array(block.columns["class"])
    assert right.mean() > 0.85


def test_magnitudes_stand_under_the_paper_s_names_too(block) -> None:
    names = [name for name, _ in sgq3().table]
    values = block.inputs["table"]["values"]
    assert (values[:, names.index("g")] == values[:, names.index("modelmag_g")]).all()


def test_stars_are_points_and_galaxies_are_not(block) -> None:
    truth, kind = np.array(block.columns["truth_kind"]), np.array(block.columns["type"])
    assert (kind[truth == "star"] == 6).mean() > 0.9
    assert (kind[truth == "galaxy"] == 3).mean() > 0.8
