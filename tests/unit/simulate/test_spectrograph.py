from dataclasses import replace

import numpy as np
import pytest

from trifid.schema import grid
from trifid.simulate import spectrograph as sp
from trifid.simulate.instruments import SDSS

_X = grid.wavelengths()


def _fibres(rows: int, noise: float = 1.0) -> sp.FibreNoise:
    covered = np.broadcast_to((_X > 3810) & (_X < 9200), (rows, grid.LENGTH))
    ones = np.ones((rows, grid.LENGTH))
    return sp.FibreNoise(np.full(rows, noise), covered, covered, ones, np.ones(rows))


def test_scale_reaches_the_signal_to_noise() -> None:
    rng = np.random.default_rng(0)
    shape = np.outer([1.0, 1e-3, 50.0], 1.0 + (_X / 6000.0))
    fibres, wanted = _fibres(3, 1.3), np.array([11.0, 20.0, 40.0])
    scale = sp.scale_to_snr(shape, wanted, 1.3)
    spectra = scale[:, None] * shape
    seen = sp.observe(rng, spectra, np.zeros_like(spectra), fibres)
    snr = np.where(seen["ivar"] > 0, spectra * np.sqrt(seen["ivar"]), np.nan)
    assert np.nanmedian(snr, axis=1) == pytest.approx(wanted, rel=0.01)


def test_noise_follows_the_measured_curve_and_its_own_ivar() -> None:
    rng = np.random.default_rng(1)
    flat = np.full((200, grid.LENGTH), 20.0)
    seen = sp.observe(rng, flat, np.zeros_like(flat), _fibres(200))
    scatter = (seen["flux"] - 20.0).std(axis=0)
    inside = seen["ivar"][0] > 0
    sigma = np.maximum(seen["ivar"][0], 1e-9) ** -0.5
    pulls = ((seen["flux"] - 20.0) * np.sqrt(seen["ivar"]))[:, inside]
    assert pulls.std() == pytest.approx(1.0, abs=0.01)
    red = (_X > 6500) & (_X < 7000)
    assert np.median(sigma[red]) == pytest.approx(np.sqrt(0.3**2 + 0.03 * 20.0), rel=0.03)
    blue = np.abs(_X - 3950) < 15
    assert scatter[blue].mean() / scatter[red].mean() == pytest.approx(2.86, rel=0.15)
    lag = (pulls[:, 1:] * pulls[:, :-1]).mean()
    assert 0.08 < lag < 0.35  # measured on real spectra


# wavelength [angstrom], noise over its median at 6500-7000, sigma of the line spread [pixel], R:
# papers' specification D.1, medians of 15 real spectra of SDSS-I/II
_MEASURED = (
    (3825, 3.8, 1.32, 1400), (3875, 3.35, 1.31, 1411), (3950, 2.86, 1.29, 1434),
    (4050, 2.42, 1.26, 1467), (4150, 2.14, 1.22, 1512), (4300, 1.87, 1.17, 1582),
    (4500, 1.67, 1.10, 1677), (4700, 1.56, 1.05, 1765), (4900, 1.46, 1.00, 1851),
    (5125, 1.38, 0.948, 1946), (5375, 1.35, 0.897, 2056), (5578, 1.46, 0.859, 2146),
    (5785, 1.50, 0.835, 2209), (5890, 1.40, 0.906, 2035), (6025, 1.21, 0.928, 1987),
    (6190, 1.17, 0.969, 1904), (6440, 1.03, 0.940, 1963), (6600, 1.01, 0.918, 2008),
    (6925, 1.00, 0.873, 2113), (7100, 0.97, 0.852, 2166), (7300, 0.99, 0.830, 2223),
    (7500, 0.98, 0.818, 2255), (7650, 1.10, 0.810, 2277), (7800, 1.05, 0.802, 2298),
    (8200, 1.07, 0.773, 2386), (8400, 1.16, 0.753, 2449), (8600, 1.20, 0.744, 2479),
    (8800, 1.24, 0.734, 2512), (9000, 1.36, 0.720, 2561), (9150, 1.41, 0.712, 2590),
)  # fmt: skip


def test_scatter_of_spectra_follows_the_measured_noise_within_15_per_cent() -> None:
    flat = np.full((300, grid.LENGTH), 5.0)
    seen = sp.observe(np.random.default_rng(7), flat, np.zeros_like(flat), _fibres(300))
    scatter = seen["flux"].std(axis=0)
    reference = np.median(scatter[(_X > 6500) & (_X < 7000)])
    for wavelength, noise, _, _ in _MEASURED:
        near = scatter[np.abs(_X - wavelength) < 3]
        assert near.mean() / reference == pytest.approx(noise, rel=0.15), wavelength


def test_resolution_is_the_measured_one_within_15_per_cent() -> None:
    """A line without width of its own has the measured sigma on the grid, and so the measured R."""
    for wavelength, _, pixels, resolution in _MEASURED:
        place = np.array([np.log10(wavelength)])
        sigma = sp.line_sigma(np.zeros(1), place)[0]
        assert sigma == pytest.approx(pixels, rel=0.15), wavelength
        assert 299792.458 / (2.3548 * 69.03 * sigma) == pytest.approx(resolution, rel=0.15)


@pytest.mark.parametrize(
    ("flux", "noise", "snr"),
    [(5.0, (0.40, 0.50), (5, 8)), (21.0, (0.78, 0.88), (16, 19)), (65.0, (1.4, 2.1), (22, 38))],
)
def test_noise_and_snr_follow_the_flux_as_measured_within_15_per_cent(flux, noise, snr) -> None:
    """Noise at 6500-7000 angstrom and median S/N of real spectra of that median flux: D.1."""
    flat = np.full((50, grid.LENGTH), flux)
    seen = sp.observe(np.random.default_rng(8), flat, np.zeros_like(flat), _fibres(50))
    found = (seen["flux"] - flux)[:, (_X > 6500) & (_X < 7000)].std()
    assert 0.85 * noise[0] < found < 1.15 * noise[1]
    assert 0.85 * snr[0] < np.median(sp.median_snr(seen["flux"], seen["ivar"])) < 1.15 * snr[1]


def test_gaps_have_no_data_and_the_mask_says_so() -> None:
    rng = np.random.default_rng(2)
    exposure = sp.draw_exposure(rng)
    fibres = sp.draw_fibres(rng, [exposure], np.zeros(50, dtype=np.int64))
    flat = np.full((50, grid.LENGTH), 20.0)
    seen = sp.observe(rng, flat, np.zeros_like(flat), fibres)
    gap = seen["ivar"] == 0
    assert (seen["flux"][gap] == 0).all()
    assert ((seen["mask"] & sp.NO_DATA > 0) == (gap & fibres.native)).all()
    assert (seen["mask"][:, np.abs(_X - 5578.9) < 3] & sp.BRIGHT_SKY > 0).all()
    first = (~gap).argmax(axis=1)
    last = grid.LENGTH - 1 - (~gap)[:, ::-1].argmax(axis=1)
    assert ((grid.log10_wavelengths()[first] > 3.578) & (_X[last] < 9300)).all()
    inside = [gap[row, first[row] : last[row]].mean() for row in range(50)]
    assert 0.0 < np.mean(inside) < 0.02


def test_calibration_error_is_four_per_cent() -> None:
    rng = np.random.default_rng(3)
    curves = np.stack([sp.draw_exposure(rng).calibration for _ in range(300)])
    assert (curves - 1.0).std() == pytest.approx(0.041, rel=0.15)
    assert np.abs(np.diff(curves, axis=1)).max() < 0.01  # smooth


def test_noise_is_not_quite_what_ivar_says_where_the_instrument_misjudges_it() -> None:
    flat = np.zeros((150, grid.LENGTH))
    wrong = replace(SDSS, misjudged=((4000.0, 1.5), (9000.0, 1.0)))
    seen = sp.observe(np.random.default_rng(4), flat, flat, _fibres(150), wrong)
    pulls = seen["flux"] * np.sqrt(seen["ivar"])
    for wavelength, factor in ((4000, 1.5), (6500, 1.25), (9000, 1.0)):
        assert pulls[:, np.abs(_X - wavelength) < 20].std() == pytest.approx(factor, rel=0.05)


def test_strikes_are_few_and_strong() -> None:
    flat = np.zeros((200, grid.LENGTH))
    seen = sp.observe(np.random.default_rng(5), flat, flat, _fibres(200), replace(SDSS, strikes=2))
    bad = np.abs(seen["flux"] * np.sqrt(seen["ivar"])) > 6
    assert 2 < bad.sum(axis=1).mean() < 8


def test_a_tilt_makes_spectra_bluer() -> None:
    rng = np.random.default_rng(6)
    tilted = replace(SDSS, tilt=(0.4, 0.1))
    exposure = sp.draw_exposure(rng, tilted)
    fibres = sp.draw_fibres(rng, [exposure], np.zeros(300, np.int64), tilted)
    ends = np.log(fibres.calibration / exposure.calibration)[:, [500, 4000]]
    slope = (ends[:, 1] - ends[:, 0]) / np.log(_X[4000] / _X[500])
    assert slope.mean() == pytest.approx(-0.4, abs=0.02)
    assert slope.std() == pytest.approx(0.1, rel=0.2)
