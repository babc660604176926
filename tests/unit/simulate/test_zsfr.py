import numpy as np
import pytest

from trifid.physics import bpt
from trifid.simulate import plates, sfr
from trifid.simulate.options import SkyOptions
from trifid.simulate.zsfr import zsfr


@pytest.fixture(scope="module")
def block():
    return plates.simulate_plate(zsfr(), SkyOptions(), 3, 0, 80, 32)


def test_every_galaxy_has_nine_numbers_that_agree_with_the_truth(block) -> None:
    block.check(zsfr().schema(SkyOptions(), 32))
    good = np.array(block.columns["sfr_flag"]) == 0
    assert good.mean() > 0.8
    columns = {name: np.array(block.columns[name], float)[good] for name in sfr.COLUMNS}
    truth = np.array(block.columns["truth_log_sfr"], float)[good]
    forming = np.array(block.columns["bpt"])[good] == bpt.STAR_FORMING
    assert np.corrcoef(columns["sfr_median"][forming], truth[forming])[0, 1] > 0.6
    inside = (columns["sfr_p2p5"] <= truth) & (truth <= columns["sfr_p97p5"])
    assert inside.mean() > 0.85
    redshift = np.array(block.columns["redshift"]), np.array(block.columns["truth_redshift"])
    assert np.median(np.abs(redshift[0] - redshift[1])) < 1e-3


def test_rates_from_photometry_are_broader_than_those_from_lines(block) -> None:
    good = np.array(block.columns["sfr_flag"]) == 0
    width = np.array(block.columns["sfr_p84"], float) - np.array(block.columns["sfr_p16"], float)
    forming = np.array([value == bpt.STAR_FORMING for value in block.columns["bpt"]])
    assert width[good & forming].max() < width[good & ~forming].min()
