"""trifid.predict: arrays in, one honest answer out."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy import units
from astropy.nddata import InverseVariance, StdDevUncertainty

import trifid
from trifid.errors import BundleError, InputError
from trifid.inference.predict import Prediction, find_bundle, predict
from trifid.inference.score import score_store
from trifid.schema import grid
from trifid.store.read import Store

DENSITY = units.Unit("1e-17 erg / (s cm2 angstrom)")


@pytest.fixture(scope="module")
def store(store_folder):
    return Store.open(store_folder)


def given(store, row):
    """What a user who holds the arrays of one row would give."""
    taken = store.take(np.array([row]), ["image", "spectrum", "table"])
    features = store.schema.modalities["table"].features
    values, valid = taken["table"]["values"][0], taken["table"]["valid"][0]
    flux, ivar = (taken["spectrum"][name][0] for name in ("flux", "ivar"))
    return {
        "image": taken["image"]["flux"][0],
        "spectrum": (grid.wavelengths(), flux, ivar),
        "table": {
            n: v for n, v, there in zip(features, values.tolist(), valid, strict=True) if there
        },
    }


def linear(step=1.0):
    """A smooth spectrum on a foreign linear grid."""
    wavelength = np.arange(3700.0, 9300.0, step)
    flux = 10 + np.sin(wavelength / 200)
    return wavelength, flux, np.full_like(flux, 4.0)


def same(first, second, tolerance=1e-6):
    assert first.used == second.used
    got, expected = (list(p.probabilities.values()) for p in (first, second))
    np.testing.assert_allclose(got, expected, atol=tolerance)


def test_the_same_object_gets_the_same_answer_as_through_the_store(bundle, store):
    rows = np.arange(6)
    for found, scored in score_store(bundle, store, rows):
        for number, row in enumerate(found.tolist()):
            answer = trifid.predict(bundle, **given(store, row))
            got = list(answer.probabilities.values())
            np.testing.assert_allclose(got, scored.probabilities[number], atol=1e-6)
            assert answer.predicted == bundle.classes[scored.probabilities[number].argmax()]
            assert answer.used == ("image", "spectrum", "table")


def test_a_float32_wavelength_column_as_in_survey_files_changes_nothing(bundle, store):
    whole = given(store, 3)
    _, flux, ivar = whole["spectrum"]
    loglam = grid.log10_wavelengths().astype(np.float32)
    rounded = predict(bundle, spectrum=(10.0**loglam, flux, ivar))
    same(rounded, predict(bundle, spectrum=whole["spectrum"]), tolerance=2e-3)


def test_bundle_folder_run_folder_text_and_loaded_bundle_are_one(bundle, trained_run, store):
    image = given(store, 1)["image"]
    answers = [
        predict(where, image=image)
        for where in (bundle, trained_run, str(trained_run), trained_run / "bundle")
    ]
    for answer in answers[1:]:
        same(answer, answers[0])
    assert find_bundle(trained_run) == trained_run / "bundle"
    with pytest.raises(BundleError, match=r"holds no bundle\.json"):
        predict(trained_run / "checkpoints", image=image)


@pytest.mark.parametrize("name", ["image", "spectrum", "table"])
def test_one_modality_is_enough(bundle, store, name):
    answer = predict(bundle, **{name: given(store, 2)[name]})
    assert answer.used == (name,)
    assert answer.predicted in bundle.classes
    assert sum(answer.probabilities.values()) == pytest.approx(1)


def test_nothing_at_all_gives_no_class(bundle):
    answer = predict(bundle)
    assert answer.predicted == "" and answer.used == () and answer.out_of_domain == ()
    empty = (grid.wavelengths(), np.full(grid.LENGTH, np.nan), np.zeros(grid.LENGTH))
    image = np.full((5, 16, 16), np.nan)
    none = predict(bundle, spectrum=empty, image=image, table={"modelmag_u": np.nan})
    assert isinstance(none, Prediction)
    assert none.predicted == "" and none.used == ()
    assert np.isfinite(list(none.probabilities.values())).all()


def test_a_foreign_linear_grid_is_resampled(bundle):
    wavelength, flux, ivar = linear()
    answer = predict(bundle, spectrum=(wavelength, flux, ivar))
    assert answer.used == ("spectrum",)
    fine = linear(0.5)
    same(answer, predict(bundle, spectrum=fine), tolerance=1e-3)


def test_nan_pixels_are_no_data(bundle, store):
    wavelength, flux, ivar = given(store, 4)["spectrum"]
    flux, gap = flux.copy(), ivar.copy()
    flux[2000:2010], gap[2000:2010] = np.nan, 0
    with_nan = predict(bundle, spectrum=(wavelength, flux, ivar))
    same(with_nan, predict(bundle, spectrum=(wavelength, flux, gap)))
    image = given(store, 4)["image"].copy()
    image[0, 3, 3], zeroed = np.inf, image.copy()
    zeroed[0, 3, 3] = 0
    same(predict(bundle, image=image), predict(bundle, image=zeroed))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"image": np.zeros((3, 16, 16))}, r"image: got shape \(3, 16, 16\)"),
        ({"image": np.zeros((5, 16, 16), complex)}, "complex128 pixels"),
        ({"image": np.full((5, 16, 16), "x")}, "pixels, the bundle expects float32"),
        ({"spectrum": np.zeros(100)}, "spectrum: expected"),
        ({"spectrum": "file.fits"}, "spectrum: expected"),
        ({"spectrum": (np.arange(1, 9), np.zeros(9), np.ones(9))}, r"wavelength \(8,\)"),
        ({"spectrum": (np.arange(9, 1, -1), np.zeros(8), np.ones(8))}, "ascend"),
        ({"spectrum": (np.arange(1, 9), np.zeros((2, 8)), np.ones(8))}, r"flux \(2, 8\)"),
        ({"spectrum": (np.arange(1, 9) * np.nan, np.zeros(8), np.ones(8))}, "ascend"),
        ({"table": {"w1mag": 3.0}}, r"unknown \['w1mag'\]"),
        ({"table": {"modelmag_u": 3.0, "modelmag_gg": 3.0}}, r"unknown \['modelmag_gg'\]"),
        ({"table": {"modelmag_u": "bright"}}, "expected numbers"),
        ({"table": [1.0, 2.0]}, "got list"),
    ],
)
def test_what_does_not_fit_is_one_clear_error(bundle, inputs, message):
    with pytest.raises(InputError, match=message) as caught:
        predict(bundle, **inputs)
    assert "\n" not in str(caught.value)


def specutils_like(uncertainty, *, unit=DENSITY, flux=None, mask=None, axis=None):
    """The attributes of a specutils `Spectrum` that matter."""
    wavelength, values, _ = linear()
    return SimpleNamespace(
        spectral_axis=wavelength * units.angstrom if axis is None else axis,
        flux=(values if flux is None else flux) * unit,
        uncertainty=uncertainty,
        mask=mask,
    )


def test_specutils_objects_in_any_unit_and_uncertainty(bundle):
    wavelength, flux, ivar = linear()
    expected = predict(bundle, spectrum=(wavelength, flux, ivar))
    deviation = StdDevUncertainty(np.full_like(flux, 0.5), unit=DENSITY)
    inverse = InverseVariance(ivar, unit=DENSITY**-2)
    for uncertainty in (deviation, inverse):
        same(predict(bundle, spectrum=specutils_like(uncertainty)), expected)
    watts = units.Unit("W / (m2 micron)")
    factor = (1 * DENSITY).to_value(watts)
    converted = specutils_like(
        StdDevUncertainty(np.full_like(flux, 0.5 * factor), unit=watts),
        unit=watts,
        flux=flux * factor,
        axis=(wavelength / 1e4) * units.micron,
    )
    same(predict(bundle, spectrum=converted), expected, tolerance=1e-5)


def test_a_spectrum_by_frequency_is_turned_round(bundle):
    wavelength, flux, ivar = linear()
    axis = wavelength * units.angstrom
    equivalence = units.spectral_density(axis)
    values = (flux * DENSITY).to(units.Jy, equivalence)
    sigma = (0.5 * np.ones_like(flux) * DENSITY).to(units.Jy, equivalence)
    turned = SimpleNamespace(
        spectral_axis=axis.to(units.Hz, units.spectral())[::-1],
        flux=values[::-1],
        uncertainty=StdDevUncertainty(sigma[::-1].value, unit=units.Jy),
        mask=None,
    )
    assert (np.diff(turned.spectral_axis.value) > 0).all()
    expected = predict(bundle, spectrum=(wavelength, flux, ivar))
    same(predict(bundle, spectrum=turned), expected, tolerance=1e-5)


def test_the_mask_of_a_spectrum_is_no_data(bundle):
    wavelength, flux, ivar = linear()
    mask = (wavelength > 5000) & (wavelength < 5200)
    deviation = StdDevUncertainty(np.full_like(flux, 0.5), unit=DENSITY)
    masked = predict(bundle, spectrum=specutils_like(deviation, mask=mask))
    same(masked, predict(bundle, spectrum=(wavelength, flux, np.where(mask, 0, ivar))))


def test_a_spectrum_without_uncertainty_or_flux_unit_is_refused(bundle):
    with pytest.raises(InputError, match="no uncertainty"):
        predict(bundle, spectrum=specutils_like(None))
    counts = StdDevUncertainty(np.ones(5600), unit=units.adu)
    with pytest.raises(InputError, match="flux density"):
        predict(bundle, spectrum=specutils_like(counts, unit=units.adu))


def test_units_and_empty_data_are_out_of_domain(bundle, store):
    row = given(store, 5)
    assert predict(bundle, **row).out_of_domain == ()
    bright = predict(bundle, **row | {"image": row["image"] * 1000})
    assert bright.out_of_domain == ("image",)
    wavelength, flux, ivar = row["spectrum"]
    flat = predict(bundle, **row | {"spectrum": (wavelength, flux * 0, np.maximum(ivar, 1))})
    assert flat.out_of_domain == ("spectrum",)
    fluxes = {name: 10 ** (-0.4 * value) for name, value in row["table"].items()}
    assert predict(bundle, table=fluxes).out_of_domain == ("table",)


def test_rest_frame_bundles_need_a_redshift(store_folder, small_recipe, store, tmp_path):
    from trifid.training.run import train

    changes = ["frame='rest'", "norm='mean'", "length=1600"]
    recipe = small_recipe.edited(
        ["training.epochs=1", *(f"inputs.spectrum.{change}" for change in changes)]
    )
    (run,) = train(recipe, store_folder, tmp_path / "run")
    spectrum = given(store, 0)["spectrum"]
    redshift = store.columns("redshift")["redshift"][0].as_py()
    assert predict(run, spectrum=spectrum).used == ()
    assert predict(run, spectrum=spectrum).predicted == ""
    assert predict(run, spectrum=spectrum, redshift=redshift).used == ("spectrum",)
    assert predict(run, spectrum=spectrum, redshift=3.0).used == ()
