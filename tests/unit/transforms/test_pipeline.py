"""From raw modalities to what a model reads: shapes, absence, gaps, refusals."""

import pytest
import torch

from trifid.config import parse
from trifid.errors import ConfigError
from trifid.schema import grid
from trifid.schema.batch import Batch, Image, Picture, Spectrum, Table
from trifid.schema.modality import ImageSpec, PictureSpec, SpectrumSpec, TableSpec
from trifid.transforms.pipeline import (
    ImageInput,
    Pipeline,
    SpectrumInput,
    SpectrumTransform,
    TableInput,
    redshift_columns,
)

ROWS = 6
SPECS = {
    "image": ImageSpec(bands=tuple("ugriz"), height=12, width=12, pixel_scale=0.396),
    "image_rgb": PictureSpec(height=10, width=10),
    "spectrum": SpectrumSpec(),
    "table": TableSpec(features=("u", "g", "r"), units=("mag",) * 3),
}


def raw(rows=ROWS, seed=0):
    """A raw batch: row 0 has everything, the last row nothing, row 1 a spectrum without data."""
    generator = torch.Generator().manual_seed(seed)
    there = torch.arange(rows) < rows - 1

    def normal(*shape):
        return torch.randn(rows, *shape, generator=generator)

    flux, ivar = normal(grid.LENGTH) + 10, torch.ones(rows, grid.LENGTH)
    ivar[:, :320], ivar[:, 1000:1020], ivar[1] = 0, 0, 0
    valid = torch.ones(rows, 3, dtype=torch.bool)
    valid[2] = False
    valid[3, 0] = False
    pixels = torch.randint(0, 256, (rows, 10, 10, 3), generator=generator, dtype=torch.uint8)
    return Batch(
        ids=tuple(map(str, range(rows))),
        inputs={
            "image": Image(flux=normal(5, 12, 12) * 0.1, present=there),
            "image_rgb": Picture(pixels=pixels, present=there),
            "spectrum": Spectrum(flux=flux * (ivar > 0), ivar=ivar, present=there),
            "table": Table(values=normal(3) * valid, valid=valid, present=there),
        },
        context={"redshift": torch.tensor([0.05, 0.05, 0.2, torch.nan, 0.05, 0.05]).double()},
    )


def fitted(**inputs):
    pipeline = Pipeline(inputs, SPECS)
    for name in inputs:
        pipeline.fit(name, raw())
    return pipeline


def given(config, batch=None):
    """The transformed input of one configuration."""
    return fitted(x=config)(batch or raw()).inputs["x"]


CONFIGS = {
    "image": ImageInput(),
    "image resized": ImageInput(resize=9, norm="zscore"),
    "image cropped": ImageInput(bands=("r", "u"), crop=8, norm="per_image_zscore"),
    "image of batmm": ImageInput(norm="per_image_minmax"),
    "picture": ImageInput(modality="image_rgb", bands=("red", "green", "blue"), norm="zscore"),
    "spectrum": SpectrumInput(),
    "spectrum rebinned": SpectrumInput(length=3840, rebin=10),
    "spectrum by mean": SpectrumInput(norm="mean"),
    "spectrum from its first pixel": SpectrumInput(align="first_pixel"),
    "spectrum at rest": SpectrumInput(frame="rest", length=1600, norm="mean"),
    "table": TableInput(features=("u - g", "r")),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_shapes_are_as_announced_and_values_finite_and_absence_stays(name):
    pipeline = fitted(x=CONFIGS[name])
    got = pipeline(raw()).inputs["x"]
    content = got.values if isinstance(got, Table) else got.flux
    assert content.shape == (ROWS, *pipeline.shapes["x"])
    assert content.dtype == torch.float32 and content.isfinite().all()
    assert not got.present[-1] and not content[-1].any()
    assert got.present[0] and content[0].any()


@pytest.mark.parametrize("name", CONFIGS)
def test_a_row_does_not_depend_on_the_rows_beside_it(name):
    pipeline, batch = fitted(x=CONFIGS[name]), raw()
    one = Batch(
        ids=("4",),
        inputs={
            name: type(value)(**{k: v[4:5] for k, v in vars(value).items()})
            for name, value in batch.inputs.items()
        },
        context={"redshift": batch.context["redshift"][4:5]},
    )
    alone, together = pipeline(one).inputs["x"], pipeline(batch).inputs["x"]
    for key, value in vars(alone).items():
        torch.testing.assert_close(value[0], vars(together)[key][4])


@pytest.mark.parametrize("name", [name for name in CONFIGS if "spectrum" in name])
def test_a_spectrum_without_any_data_is_absent(name):
    assert given(CONFIGS[name]).present.tolist()[:2] == [True, False]


def test_a_table_row_without_any_valid_cell_is_absent():
    got = given(CONFIGS["table"])
    assert got.present.tolist() == [True, True, False, True, True, False]
    assert got.valid[3].tolist() == [False, True] and got.values[3, 0] == 0


def test_bands_are_chosen_by_name_and_the_crop_is_central():
    batch = raw()
    got = given(ImageInput(bands=("r", "u"), crop=8, norm="zscore"), batch)
    there = batch.inputs["image"].flux[:5, [2, 0], 2:10, 2:10]
    mean, sd = there.mean(dim=(0, 2, 3)), there.std(dim=(0, 2, 3), correction=0)
    expected = (there - mean[:, None, None]) / sd[:, None, None]
    torch.testing.assert_close(got.flux[:5], expected)


def test_a_band_of_zeros_stays_finite():
    batch = raw()
    flux = batch.inputs["image"].flux.clone()
    flux[:, 0] = 0  # every image lacks u
    image = Image(flux=flux, present=batch.inputs["image"].present)
    batch = batch.replace(inputs={**batch.inputs, "image": image})
    for norm in ("zscore", "asinh_zscore", "per_image_zscore", "per_image_minmax"):
        pipeline = Pipeline({"x": ImageInput(norm=norm)}, SPECS)
        pipeline.fit("x", batch)
        got = pipeline(batch).inputs["x"].flux
        assert got.isfinite().all() and not got[:, 0].any()


def test_a_picture_is_scaled_to_one_before_anything_else():
    pipeline = fitted(x=CONFIGS["picture"])
    pixels = raw().inputs["image_rgb"].pixels[:5].float() / 255
    torch.testing.assert_close(pipeline.states["x"]["mean"], pixels.mean(dim=(0, 1, 2)))
    assert pipeline(raw()).inputs["x"].flux.shape == (ROWS, 3, 10, 10)


def test_gaps_are_bridged_and_the_ends_are_not():
    batch = raw()
    got = given(SpectrumInput(log10_start=3.55, length=4700), batch)
    assert (got.ivar[0, :320] == 0).all() and (got.flux[0, :320] == 0).all()
    assert (got.ivar[0, 320:] == 1).all()  # the gap at 1000 .. 1019 is covered
    gap = got.flux[0, 999:1021]
    straight = torch.linspace(gap[0].item(), gap[-1].item(), 22)
    torch.testing.assert_close(gap, straight, atol=1e-4, rtol=1e-4)


def test_what_lies_behind_ivar_zero_changes_nothing():
    batch = raw()
    spectrum = batch.inputs["spectrum"]
    poisoned = torch.where(spectrum.ivar > 0, spectrum.flux, torch.tensor(1e6))
    other = Spectrum(flux=poisoned, ivar=spectrum.ivar, present=spectrum.present)
    for name in ("spectrum", "spectrum rebinned", "spectrum by mean", "spectrum at rest"):
        clean = given(CONFIGS[name], batch)
        dirty = fitted(x=CONFIGS[name])(
            batch.replace(inputs={**batch.inputs, "spectrum": other})
        ).inputs["x"]
        torch.testing.assert_close(clean.flux, dirty.flux)


def test_first_pixel_alignment_starts_each_spectrum_at_its_own_first_pixel():
    got = given(SpectrumInput(align="first_pixel", norm="mean", length=4500))
    expected = raw().inputs["spectrum"].flux[0, 320:]
    scaled = got.flux[0, : len(expected)] / got.flux[0, 0] * expected[0]
    torch.testing.assert_close(scaled, expected, rtol=1e-4, atol=1e-3)
    assert (got.flux[0, len(expected) :] == 0).all()  # padding
    assert (got.ivar[0] == 1).all()  # which counts, as in the paper


def test_the_rest_frame_needs_redshift_and_coverage():
    rest = SpectrumInput(frame="rest", length=1600, norm="mean")
    # row 2 at z = 0.2 still covers 3800 .. 7000 angstrom; row 3 has no redshift
    assert given(rest).present.tolist() == [True, False, True, False, True, False]
    blue = SpectrumInput(frame="rest", start=3600.0, length=1600, norm="mean")
    # 3600 * 1.05 = 3780 lies before the first pixel with data (3819), 3600 * 1.2 does not
    assert given(blue).present.tolist() == [False, False, True, False, False, False]
    with pytest.raises(ConfigError, match="needs the column `redshift`"):
        fitted(x=rest)(raw().replace(context={}))


def test_pipeline_names_modalities_once_and_keys_the_batch_by_input():
    pipeline = fitted(a=SpectrumInput(), b=CONFIGS["spectrum at rest"], t=CONFIGS["table"])
    assert pipeline.modalities == ("spectrum", "table")
    batch = pipeline(raw())
    assert list(batch.inputs) == ["a", "b", "t"] and batch.ids == raw().ids


def test_fitted_numbers_come_from_present_rows_alone():
    batch = raw()
    changed = batch.inputs["image"].flux.clone()
    changed[-1] = 1e6  # the absent row
    other = Image(flux=changed, present=batch.inputs["image"].present)
    first, second = (Pipeline({"x": ImageInput()}, SPECS) for _ in range(2))
    first.fit("x", batch)
    second.fit("x", batch.replace(inputs={**batch.inputs, "image": other}))
    for key, value in first.states["x"].items():
        assert torch.equal(value, second.states["x"][key])


def test_nothing_present_at_all_still_fits_finite_numbers():
    empty = raw()
    empty = empty.replace(inputs={name: value.absent() for name, value in empty.inputs.items()})
    for config in CONFIGS.values():
        pipeline = Pipeline({"x": config}, SPECS)
        pipeline.fit("x", empty)
        assert all(value.isfinite().all() for value in pipeline.states["x"].values())
        got = pipeline(raw()).inputs["x"]
        content = got.values if isinstance(got, Table) else got.flux
        assert content.isfinite().all()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (ImageInput(bands=("u", "y")), r"no band y; stored are u, g, r, i, z"),
        (ImageInput(crop=13), "crop 13 is larger"),
        (ImageInput(modality="spectrum"), "wants 'spectrum'"),
        (SpectrumInput(modality="image"), "wants 'image'"),
        (SpectrumInput(modality="spectrum_boss"), "wants 'spectrum_boss'"),
        (SpectrumInput(log10_start=3.56, length=4700), "leave the stored grid"),
        (SpectrumInput(log10_start=3.54), "leave the stored grid"),
        (SpectrumInput(rebin=4, frame="rest"), "rebin needs frame = observed"),
        (TableInput(features=("u - w1",)), "w1"),
    ],
)
def test_settings_that_do_not_fit_the_store_are_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        Pipeline({"x": config}, SPECS)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (ImageInput, {"crop": -1}),
        (ImageInput, {"resize": -8}),
        (ImageInput, {"norm": "minmax"}),
        (SpectrumInput, {"length": 0}),
        (SpectrumInput, {"step": 0.0}),
        (SpectrumInput, {"start": -1.0}),
        (SpectrumInput, {"padding": 3}),
    ],
)
def test_settings_without_meaning_are_refused(kind, values):
    with pytest.raises(ConfigError):
        parse(kind, values)


def test_a_foreign_wavelength_grid_is_refused():
    specs = {"spectrum": SpectrumSpec(length=4000)}
    with pytest.raises(ConfigError, match="not on trifid's wavelength grid"):
        Pipeline({"x": SpectrumInput()}, specs)


def test_the_rest_frame_reads_the_redshift_of_its_own_column():
    inputs = {
        "spectrum": SpectrumInput(frame="rest", length=1600, norm="mean"),
        "guessed": SpectrumInput(frame="rest", length=1600, redshift_column="redshift_guess"),
        "observed": SpectrumInput(redshift_column="unused"),
    }
    assert redshift_columns(inputs) == ("redshift", "redshift_guess")
    transform = SpectrumTransform(inputs["guessed"], SpectrumSpec())
    flux = torch.rand(2, grid.LENGTH) + 1
    raw = Spectrum(flux, torch.ones_like(flux), torch.ones(2, dtype=torch.bool))
    redshift = torch.tensor([0.05, 0.1]).double()
    found = transform.apply(raw, {}, {"redshift_guess": redshift, "redshift": 0 * redshift})
    assert found.present.all()
    with pytest.raises(ConfigError, match="needs the column `redshift_guess`"):
        transform.apply(raw, {}, {"redshift": redshift})
