import numpy as np
import pytest

from trifid.schema import grid
from trifid.simulate import spectrograph as sp
from trifid.simulate.instruments import INSTRUMENTS

_X = grid.wavelengths()


@pytest.mark.parametrize("name", list(INSTRUMENTS))
def test_curves_are_in_order_and_cover_the_instrument(name: str) -> None:
    instrument = INSTRUMENTS[name]
    wavelength, noise, spread = instrument.curves.T
    assert (np.diff(wavelength) > 0).all()
    assert (noise > 0.5).all() and (spread > 0.3).all()
    red = (_X > 6500) & (_X < 7000)
    assert np.median(instrument.noise_curve(_X[red])) == pytest.approx(1.0, abs=0.1)
    assert instrument.start[1] + instrument.length[1] <= grid.LENGTH + 2


@pytest.mark.parametrize(
    ("name", "first", "last", "fibre"),
    [("sdss", 3800, 9200, 3.0), ("boss", 3585, 10300, 2.0), ("lamost", 3700, 9000, 3.3),
     ("desi", 3600, 9824, 1.5)],
)  # fmt: skip
def test_spectra_cover_what_the_instrument_covers(name, first, last, fibre) -> None:
    rng = np.random.default_rng(0)
    instrument = INSTRUMENTS[name]
    exposures = [sp.draw_exposure(rng, instrument) for _ in range(3)]
    fibres = sp.draw_fibres(rng, exposures, np.arange(60) % 3, instrument)
    flat = np.full((60, grid.LENGTH), 10.0)
    seen = sp.observe(rng, flat, 0 * flat, fibres, instrument)
    for row in range(60):
        data = _X[seen["ivar"][row] > 0]
        assert data[0] == pytest.approx(first, rel=0.012)
        assert data[-1] == pytest.approx(last, rel=0.012)
        native = np.flatnonzero(fibres.native[row])
        least, most = instrument.length
        assert least - 2 <= native.size <= most and native[-1] - native[0] + 1 == native.size
    assert instrument.fibre == fibre
    outside = ~fibres.native
    assert (seen["mask"][outside] == 0).all() and (seen["ivar"][outside] == 0).all()


def test_boss_sees_fainter_and_bluer_than_sdss() -> None:
    boss, sdss = INSTRUMENTS["boss"], INSTRUMENTS["sdss"]
    for wavelength, factor in ((3900, 2.0), (4500, 2.0), (7000, 2.0), (8600, 2.0)):
        noise = [i.noise_curve(np.array([wavelength]))[0] * i.sky_sigma for i in (boss, sdss)]
        assert noise[0] < noise[1] / factor


def test_relative_flux_keeps_the_signal_to_noise() -> None:
    rng = np.random.default_rng(1)
    lamost = INSTRUMENTS["lamost"]
    fibres = sp.draw_fibres(rng, [sp.draw_exposure(rng, lamost)], np.zeros(40, np.int64), lamost)
    flat = np.full((40, grid.LENGTH), 30.0)
    seen = sp.observe(rng, flat, 0 * flat, fibres, lamost)
    level = np.array([np.median(f[i > 0]) for f, i in zip(seen["flux"], seen["ivar"], strict=True)])
    assert np.log(level).std() > 0.5
    snr = sp.median_snr(seen["flux"], seen["ivar"])
    assert snr.std() < 0.1 * snr.mean()


def test_sky_and_depth_change_the_noise() -> None:
    def snr(**how: float) -> float:
        rng = np.random.default_rng(2)
        fibres = sp.draw_fibres(rng, [sp.draw_exposure(rng)], np.zeros(9, np.int64))
        flat = np.full((9, grid.LENGTH), 1.0)
        seen = sp.observe(rng, flat, 0 * flat, fibres, **how)
        return float(np.median(sp.median_snr(seen["flux"], seen["ivar"])))

    assert snr(depth=2.0) == pytest.approx(2.0 * snr(), rel=0.05)
    assert snr(sky=2.512) < 0.8 * snr()


def test_resolution_is_that_of_the_curve() -> None:
    """R = 1844 / sigma in pixels: 1800 everywhere with LAMOST, 2000 to 5100 with DESI."""
    assert 1844.3 / INSTRUMENTS["lamost"].line_spread(np.array([5000.0]))[0] == pytest.approx(
        1800, rel=0.01
    )
    desi = 1844.3 / INSTRUMENTS["desi"].line_spread(np.array([3600.0, 9824.0]))
    assert desi == pytest.approx([2000, 5100], rel=0.01)
