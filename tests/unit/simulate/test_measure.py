import numpy as np
import pytest

from trifid.physics import bpt, lines
from trifid.schema import grid
from trifid.simulate import light, measure, spectrograph
from trifid.simulate.galaxies import bpt_position, draw_galaxies


@pytest.fixture(scope="module")
def scene():
    """Galaxies, their light scaled to their S/N, and fibres without calibration error."""
    rng = np.random.default_rng(4)
    galaxies = draw_galaxies(rng, 120)
    seen = light.shine(galaxies)
    x = grid.wavelengths()
    covered = np.broadcast_to((x > 3810) & (x < 9250), seen.continuum.shape)
    fibres = spectrograph.FibreNoise(np.ones(120), covered, np.ones(covered.shape))
    scale = spectrograph.scale_to_snr(seen.continuum, galaxies.snr, fibres)[:, None]
    return galaxies, scale * seen.continuum, scale * seen.emission, seen.starlight, fibres


def _fit(galaxies, flux, ivar, starlight):
    return measure.measure_lines(flux, ivar, starlight, galaxies.redshift, galaxies.sigma_gas)


def test_noiseless_spectra_give_the_truth_back(scene) -> None:
    galaxies, continuum, emission, starlight, fibres = scene
    fits = _fit(galaxies, continuum + emission, fibres.covered * 4.0, starlight)
    labels = measure.label(fits, galaxies.redshift)
    lit = galaxies.truth_class != bpt.BLANK
    x, y = bpt_position(galaxies.ratios[lit])
    ours_x = np.log10(fits["nii_6584"].flux[lit] / fits["h_alpha"].flux[lit])
    ours_y = np.log10(fits["oiii_5007"].flux[lit] / fits["h_beta"].flux[lit])
    assert np.abs(ours_x - x).max() < 0.02
    assert np.abs(ours_y - y).max() < 0.04  # dust dims [O III] a little less than Hbeta
    assert (labels.bpt[lit] == galaxies.truth_class[lit]).mean() > 0.98
    assert labels.ew_ha[lit] == pytest.approx(galaxies.ew[lit], rel=0.05)


def test_errors_describe_the_scatter(scene) -> None:
    galaxies, continuum, emission, starlight, fibres = scene
    seen = spectrograph.observe(np.random.default_rng(1), continuum, emission, fibres)
    flux, ivar = seen["flux"].astype(float), seen["ivar"].astype(float)
    noisy = _fit(galaxies, flux, ivar, starlight)
    clean = _fit(galaxies, continuum + emission, ivar, starlight)
    for name in ("h_beta", "oiii_5007", "h_alpha", "nii_6584"):
        pulls = (noisy[name].flux - clean[name].flux) / noisy[name].error
        assert np.std(pulls) == pytest.approx(1.12, abs=0.2)  # neighbours are correlated
        assert abs(pulls.mean()) < 0.35


def test_weak_lines_are_blank_with_sentinels(scene) -> None:
    galaxies, continuum, emission, starlight, fibres = scene
    seen = spectrograph.observe(np.random.default_rng(2), continuum, 0.0 * emission, fibres)
    flux, ivar = seen["flux"].astype(float), seen["ivar"].astype(float)
    labels = measure.label(_fit(galaxies, flux, ivar, starlight), galaxies.redshift)
    assert (labels.bpt == bpt.BLANK).mean() > 0.97
    blank = labels.bpt == bpt.BLANK
    assert not labels.ew_ha[blank].any()
    assert not labels.ebmv[blank].any()


def test_a_masked_line_is_blank(scene) -> None:
    galaxies, continuum, emission, starlight, fibres = scene
    x = grid.wavelengths()
    beta = lines.observed(4862.68, galaxies.redshift)[:, None]
    ivar = np.where(np.abs(x - beta) < 30, 0.0, fibres.covered * 4.0)
    fits = _fit(galaxies, continuum + emission, ivar, starlight)
    assert (fits["h_beta"].amplitude_over_noise == 0).all()
    assert (measure.label(fits, galaxies.redshift).bpt == bpt.BLANK).all()
    assert all(np.isfinite(fit.flux).all() for fit in fits.values())
