"""Do the survey's own templates explain simulated quasars and stars as they explain real ones?

Quasars: the four templates of the survey's pipeline and a cubic are fitted to real BOSS quasars of
S/N above 4, and to simulated ones at the same redshifts, brightness and noise. Share of the
variance explained, noise taken off.

Stars, by spectral type: leading components of the survey's templates of that type and a cubic are
fitted to each of these templates in turn, itself left out of the components, and to simulated
stars of the type without noise, with all templates of the type. No noise, so the shares are close
to 1: what they leave unexplained is what counts.

    python tests/real/test_simulated_variance.py     prints the numbers
"""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trifid.schema import grid
from trifid.simulate import quasars, spectrograph, stars
from trifid.surveys import sdss

RANGE = slice(298, 4138)  # 3800-9200 angstrom
REPEATS = 4  # simulated quasars for each real one
COMPONENTS = 4
STARS = 48  # simulated ones of each type, at most
TYPES = {
    "O": ("O",), "B": ("B",), "A": ("A", "BHB", "BS"), "F": ("F", "F halo"), "G": ("G", "G halo"),
    "K": ("K", "K giant"), "M": ("M early", "M late"), "WD": ("DA", "DB", "DC"),
}  # fmt: skip
"""Kinds of simulated stars by the first letters of the survey's names of types."""
ODD = ("WDmagnetic", "CalciumWD", "Carbon", "CV", "Ldwarf")
CUBIC = np.vander(np.linspace(-1, 1, grid.LENGTH), 4).T


def explained(flux, ivar, curves):
    """Share of the weighted variance about the mean that a fit explains, that of noise off."""
    root = np.sqrt(ivar)
    fitted, *_ = np.linalg.lstsq((curves * root).T, flux * root, rcond=None)
    left = np.sum(ivar * (flux - fitted @ curves) ** 2)
    whole = np.sum(ivar * (flux - np.average(flux, weights=ivar)) ** 2)
    noise = np.count_nonzero(ivar) - len(curves)
    return 1.0 - (left - noise) / (whole - noise)


def placed(path, redshift):
    """A file's templates on the store's grid at a redshift (K, L)."""
    with fits.open(path) as opened:
        curves = np.asarray(opened[0].data, np.float64)
        start, step = opened[0].header["COEFF0"], opened[0].header["COEFF1"]
    places = start + step * np.arange(curves.shape[1]) + np.log10(1.0 + redshift)
    return np.stack([np.interp(grid.log10_wavelengths(), places, curve) for curve in curves])


def real_quasars(shared_data):
    """Flux, ivar (B, L) and human redshift of the BOSS quasars of S/N above 4."""
    folder = shared_data / "boss_plate7102"
    with fits.open(folder / "cat_boss_test1.fits.gz") as opened:
        rows = opened[1].data
        human = {
            int(row["FIBERID"]): float(row["Z_VI"])
            for row in rows
            if row["CLASS_PERSON"] in (3, 30)
        }
    found = []
    for path in sorted(folder.glob("spec-*.fits")):
        fibre = int(path.stem.split("-")[-1])
        if fibre in human:
            read = sdss.read_spectrum(path)
            if float(read.columns["sn_median"]) > 4:
                found.append((read.flux, read.ivar, human[fibre]))
    flux, ivar, redshift = (np.array(item, dtype=float) for item in zip(*found, strict=True))
    return flux, ivar, redshift


def quasar_shares(shared_data):
    """Shares of real (B,) and simulated quasars (REPEATS, B)."""
    flux, ivar, redshift = real_quasars(shared_data)
    rng = np.random.default_rng(5)
    path = shared_data / "templates" / "spEigenQSO-55732.fits"
    curves = [np.concatenate([placed(path, place), CUBIC]) for place in redshift]
    real = np.array([explained(*item) for item in zip(flux, ivar, curves, strict=True)])
    made = np.empty((REPEATS, real.size))
    for turn in range(REPEATS):
        drawn = quasars.draw_quasars(rng, real.size, "boss")
        light = quasars.at_redshift(drawn, redshift).shine(spectrograph.line_spread)
        shapes = light.continuum + light.emission
        for row, shape in enumerate(shapes):
            good = ivar[row] > 0
            scale = np.median(flux[row][good]) / np.median(shape[good])
            noise = np.where(good, rng.normal(size=good.size) / np.sqrt(ivar[row] + ~good), 0.0)
            seen = np.where(good, scale * shape + noise, 0.0)
            made[turn, row] = explained(seen, ivar[row], curves[row])
    return real, made


def star_templates(shared_data):
    """Templates of each type, over their mean (N, 3840)."""
    path = shared_data / "templates" / "spEigenStar-55734.fits"
    header = fits.getheader(path)
    flux = placed(path, 0.0)[:, RANGE]
    names = [str(header[f"NAME{row}"]) for row in range(len(flux))]
    by_type = {kind: [] for kind in TYPES}
    for name, curve in zip(names, flux, strict=True):
        kind = "WD" if name.startswith("WD") else name[:1] if name not in ODD else ""
        if name not in ODD and kind in by_type:
            by_type[kind].append(curve / curve.mean())
    return {kind: np.stack(curves) for kind, curves in by_type.items() if len(curves) > 1}


def shares_by(targets, basis):
    """Share of the variance of noiseless spectra explained by components of others (B,)."""
    middle = basis.mean(axis=0)
    count = min(COMPONENTS, len(basis)) - 1
    vectors = np.linalg.svd(basis - middle, full_matrices=False)[2][:count]
    curves = np.concatenate([middle[None], vectors, CUBIC[:, RANGE]])
    fitted, *_ = np.linalg.lstsq(curves.T, targets.T, rcond=None)
    left = ((targets - fitted.T @ curves) ** 2).sum(axis=1)
    return 1.0 - left / ((targets - targets.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)


def star_shares(shared_data):
    """For each type the shares of real templates (N,) and of simulated stars (M,)."""
    drawn = stars.draw_stars(np.random.default_rng(3), 12000, "legacy")
    shares = {}
    for kind, real in star_templates(shared_data).items():
        others = [np.delete(real, row, axis=0) for row in range(len(real))]
        own = [shares_by(real[row][None], others[row])[0] for row in range(len(real))]
        some = drawn.take(np.flatnonzero(np.isin(drawn.truth_type, TYPES[kind]))[:STARS])
        light = some.shine(spectrograph.line_spread).continuum[:, RANGE]
        made = shares_by(light / light.mean(axis=1, keepdims=True), real)
        shares[kind] = (np.array(own), made)
    return shares


def test_quasar_templates_explain_simulated_quasars_as_they_explain_real_ones(shared_data):
    real, made = quasar_shares(shared_data)
    assert real.size > 20
    assert np.median(made) == pytest.approx(np.median(real), abs=0.05)


def test_templates_of_each_star_type_explain_simulated_stars_of_it(shared_data):
    shares = star_shares(shared_data)
    assert set(shares) == set(TYPES)
    for kind, (real, made) in shares.items():
        assert made.size >= 30, kind
        assert np.median(made) > np.median(real) - 0.05, kind
        assert np.median(made) > 0.9, kind


def main():
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    real, made = quasar_shares(folder)
    middle = np.percentile(real, [16, 50, 84]).round(2), np.percentile(made, [16, 50, 84]).round(2)
    print(f"quasars (n {real.size}): real {middle[0]}, simulated {middle[1]}")
    for kind, (own, ours) in star_shares(folder).items():
        middle = (
            np.percentile(own, [16, 50, 84]).round(4),
            np.percentile(ours, [16, 50, 84]).round(4),
        )
        print(f"{kind:3} real (n {own.size}) {middle[0]}, simulated (n {ours.size}) {middle[1]}")


if __name__ == "__main__":
    main()
