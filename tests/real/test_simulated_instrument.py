"""The simulated SDSS spectrograph against real spectra: noise curve, resolution, noise and flux.

Real: galaxies of SDSS-I/II, each file once. Simulated: the same spectra, smoothed, observed by the
simulated instrument.

    python tests/real/test_simulated_instrument.py     prints the numbers
"""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trifid.schema import grid
from trifid.simulate import spectrograph
from trifid.surveys import sdss

FOLDERS = ("galaxy_triplets", "legacy_galaxies", "hisscube")
X = grid.wavelengths()
BRIGHT = 30.0  # median flux [1e-17 erg/s/cm2/angstrom]
PLACES = np.array([3950, 4150, 4500, 4900, 5375, 5785, 6190, 6600, 7100, 7500, 8200, 8600, 9000])


def read(shared_data):
    """Flux and ivar (B, L) and `wdisp` of each file [pixel] at PLACES (B, P)."""
    flux, ivar, spread = [], [], []
    for folder in FOLDERS:
        for path in sorted((shared_data / folder).glob("spec-*.fits")):
            found = sdss.read_spectrum(path)
            reference = (X > 6500) & (X < 7000)
            if found.columns["instrument"] != "SDSS" or not (found.ivar[reference] > 0).any():
                continue
            flux.append(found.flux)
            ivar.append(found.ivar)
            with fits.open(path) as opened:
                table = {name.lower(): opened[1].data[name] for name in opened[1].columns.names}
            spread.append(np.interp(np.log10(PLACES), table["loglam"], table["wdisp"]))
    return np.stack(flux).astype(float), np.stack(ivar).astype(float), np.stack(spread)


def noise_curve(ivar):
    """Noise at PLACES over its median at 6500-7000 angstrom, by spectrum (B, P)."""
    sigma = np.where(ivar > 0, np.maximum(ivar, 1e-30) ** -0.5, np.nan)
    level = np.nanmedian(sigma[:, (X > 6500) & (X < 7000)], axis=1)
    near = np.full((len(ivar), PLACES.size), np.nan)
    for column, place in enumerate(PLACES):
        pixels = sigma[:, np.abs(X - place) < 25]
        some = np.isfinite(pixels).any(axis=1)
        near[some, column] = np.nanmedian(pixels[some], axis=1)
    return near / level[:, None]


def reference_noise(flux, ivar):
    """Median flux and noise at 6500-7000 angstrom, by spectrum (B,) each."""
    inside = (X > 6500) & (X < 7000)
    good = np.where(ivar > 0, flux, np.nan)
    sigma = np.where(ivar > 0, np.maximum(ivar, 1e-30) ** -0.5, np.nan)
    return np.nanmedian(good, axis=1), np.nanmedian(sigma[:, inside], axis=1)


def observed(flux, ivar):
    """The simulated instrument's view of smooth spectra of the same median flux, one plate each."""
    rng = np.random.default_rng(0)
    level = reference_noise(flux, ivar)[0]
    smooth = np.repeat(level[:, None], grid.LENGTH, axis=1)
    exposures = [spectrograph.draw_exposure(rng) for _ in level]
    fibres = spectrograph.draw_fibres(rng, exposures, np.arange(level.size))
    return spectrograph.observe(rng, smooth, 0.0 * smooth, fibres)


@pytest.fixture(scope="module")
def spectra(shared_data):
    return read(shared_data)


def test_noise_curve_lies_among_those_of_faint_and_bright_real_spectra(spectra):
    """One curve serves all fluxes; in real spectra the source's own noise flattens it."""
    flux, ivar, _ = spectra
    faint = reference_noise(flux, ivar)[0] < BRIGHT
    assert faint.sum() >= 8 and (~faint).sum() >= 8
    real = np.stack([np.nanmedian(noise_curve(ivar[part]), axis=0) for part in (faint, ~faint)])
    ours = np.median(noise_curve(observed(flux, ivar)["ivar"].astype(float)), axis=0)
    assert (ours > 0.85 * real.min(axis=0)).all()
    assert (ours < 1.15 * real.max(axis=0)).all()
    blue = PLACES < 6500  # where the sky's lines do not rule
    assert ours[blue] == pytest.approx(real[0, blue], rel=0.15)


def test_resolution_is_that_of_real_spectra(spectra):
    _, _, spread = spectra
    assert spectrograph.line_spread(PLACES) == pytest.approx(np.median(spread, axis=0), rel=0.15)


def test_noise_grows_with_the_flux_as_in_real_spectra(spectra):
    flux, ivar, _ = spectra
    level, real = reference_noise(flux, ivar)
    _, ours = reference_noise(flux, observed(flux, ivar)["ivar"].astype(float))
    ratio = ours / real
    assert np.median(ratio) == pytest.approx(1.0, abs=0.15)
    for part in (level < np.median(level), level >= np.median(level)):
        assert np.median(ratio[part]) == pytest.approx(1.0, abs=0.25)


def main():
    flux, ivar, spread = read(Path(__file__).resolve().parents[3] / "shared" / "data")
    seen = observed(flux, ivar)["ivar"].astype(float)
    level, real = reference_noise(flux, ivar)
    faint = level < BRIGHT
    print(f"noise curve of {faint.sum()} faint, {(~faint).sum()} bright real ones, simulated;")
    print("line spread [pixel] of real ones, simulated")
    curves = [np.nanmedian(noise_curve(part), axis=0) for part in (ivar[faint], ivar[~faint], seen)]
    widths = np.median(spread, axis=0), spectrograph.line_spread(PLACES)
    for place, *values in zip(PLACES, *curves, *widths, strict=True):
        print(place, *np.round(values, 2))
    ratio = reference_noise(flux, seen)[1] / real
    print("noise over the real one, quartiles", np.percentile(ratio, [25, 50, 75]).round(2))
    print("within 15 %:", (np.abs(ratio - 1) < 0.15).sum(), "fluxes", np.sort(level).round(1))


if __name__ == "__main__":
    main()
