"""Augmentation: each change alone, absence, and the same draws from the same seed."""

from types import SimpleNamespace

import pytest
import torch

from trifid.errors import ConfigError
from trifid.recipes.galaxy4 import galaxy4, galaxy4_paper
from trifid.schema import grid
from trifid.schema.batch import Batch, Image, Spectrum, Table
from trifid.schema.modality import SpectrumSpec
from trifid.training.loop import Trainer
from trifid.training.recipe import Recipe
from trifid.transforms.augment import (
    AugmentConfig,
    augment,
    augment_stored,
    flip,
    image_noise,
    keep_one,
    pixel_sigma,
    rotate,
    shift,
    slide,
)
from trifid.transforms.pipeline import SpectrumInput, SpectrumTransform

EVERYTHING = AugmentConfig(
    flips=True,
    rotations=True,
    shift=0.5,
    image_noise=0.5,
    band_dropout=0.3,
    spectrum_noise=0.5,
    redshift_shift=5,
    continuum_tilt=0.2,
    cell_dropout=0.2,
)


def _batch(rows=12):
    torch.manual_seed(0)
    there = torch.arange(rows) % 3 > 0
    ivar = torch.ones(rows, 300)
    ivar[:, 100:110] = 0
    flux = torch.where(ivar > 0, torch.randn(rows, 300), 0.0)
    return Batch(
        ids=tuple(map(str, range(rows))),
        inputs={
            "image": Image(torch.randn(rows, 3, 16, 16), there),
            "spectrum": Spectrum(flux, ivar, there.roll(1)),
            "table": Table(
                torch.randn(rows, 4), torch.rand(rows, 4) > 0.2, torch.ones(rows).bool()
            ),
        },
        targets={"label": torch.zeros(rows).long()},
    )


def augmented(batch, config):
    """Both steps; here what is stored is what is transformed."""
    return augment(augment_stored(batch, config), config)


def test_everything_is_off_by_default():
    batch = _batch()
    assert augmented(batch, AugmentConfig()) is batch


def test_the_same_seed_draws_the_same():
    batch = _batch()
    first, second = [], []
    for found in (first, second):
        torch.manual_seed(5)
        found.append(augmented(batch, EVERYTHING))
    for name in ("image", "spectrum"):
        assert torch.equal(first[0].inputs[name].flux, second[0].inputs[name].flux)
        assert not torch.equal(first[0].inputs[name].flux, batch.inputs[name].flux)


def test_absence_targets_and_shapes_stay():
    batch = _batch()
    changed = augmented(batch, EVERYTHING)
    assert torch.equal(changed.present, batch.present)
    assert torch.equal(changed.targets["label"], batch.targets["label"])
    for name, value in changed.inputs.items():
        content = value.values if name == "table" else value.flux
        assert content.isfinite().all() and not content[~value.present].any()
    spectrum = changed.inputs["spectrum"]
    assert not spectrum.flux[spectrum.ivar == 0].any()


@pytest.mark.parametrize(
    ("field", "value", "touched"),
    [
        ("flips", True, "image"),
        ("rotations", True, "image"),
        ("shift", 0.5, "image"),
        ("image_noise", 1.0, "image"),
        ("band_dropout", 0.5, "image"),
        ("spectrum_noise", 1.0, "spectrum"),
        ("redshift_shift", 3, "spectrum"),
        ("continuum_tilt", 0.5, "spectrum"),
    ],
)
def test_a_switch_changes_its_modality_alone(field, value, touched):
    batch = _batch()
    changed = augmented(batch, AugmentConfig(**{field: value}))
    for name in ("image", "spectrum"):
        same = torch.equal(changed.inputs[name].flux, batch.inputs[name].flux)
        assert same == (name != touched)
    assert torch.equal(changed.inputs["table"].values, batch.inputs["table"].values)


def test_flips_and_quarter_turns():
    x = torch.arange(4.0).view(1, 1, 2, 2).expand(4, 1, 2, 2)
    yes, no = torch.tensor([True]).expand(4), torch.tensor([False]).expand(4)
    assert flip(x, yes, no)[0].flatten().tolist() == [1, 0, 3, 2]
    assert flip(x, no, yes)[0].flatten().tolist() == [2, 3, 0, 1]
    turned = rotate(x, torch.arange(4))
    for quarters in range(4):
        assert torch.equal(turned[quarters], torch.rot90(x[0], quarters, (1, 2)))
    oblong = torch.randn(4, 1, 2, 3)
    turned = rotate(oblong, torch.arange(4))
    assert torch.equal(turned[[0, 1, 3]], oblong[[0, 1, 3]])
    assert torch.equal(turned[2], torch.rot90(oblong[2], 2, (1, 2)))


def test_a_shift_moves_the_centroid_and_keeps_flux_and_noise():
    y, x = torch.meshgrid(torch.arange(33.0), torch.arange(32.0), indexing="ij")
    star = torch.exp(-((y - 16) ** 2 + (x - 15) ** 2) / 8)[None, None]
    moved = shift(star, torch.tensor([[0.3, -0.4]]))
    total = moved.sum()
    torch.testing.assert_close(total, star.sum())
    torch.testing.assert_close((moved * y).sum() / total, torch.tensor(16.3), rtol=0, atol=1e-3)
    torch.testing.assert_close((moved * x).sum() / total, torch.tensor(14.6), rtol=0, atol=1e-3)
    torch.manual_seed(0)
    noise = torch.randn(8, 1, 65, 65)
    assert abs(float(shift(noise, torch.full((8, 2), 0.5)).std()) - 1) < 0.02


def test_a_spectrum_slides_by_whole_pixels():
    x = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    got = slide(x, torch.tensor([1, 0, -2]))
    assert got.tolist() == [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [3.0, 0.0, 0.0]]


def test_the_noise_of_a_spectrum_is_that_of_its_ivar_and_of_an_image_that_of_its_sky():
    torch.manual_seed(0)
    ivar = torch.full((400, 300), 4.0)
    ivar[:, 100:200], ivar[:, 250:] = 0.25, 0
    assert pixel_sigma(ivar)[0, [0, 150, 299]].tolist() == [0.5, 2.0, 0.0]
    there = torch.ones(400, dtype=torch.bool)
    batch = _batch(400).replace(inputs={"s": Spectrum(torch.zeros(400, 300), ivar, there)})
    noise = augment_stored(batch, AugmentConfig(spectrum_noise=1.0)).inputs["s"].flux
    # a row's amount is even in 0 .. 1, so its square is 1/3 in the mean
    assert abs(float(noise[:, :100].std()) / (0.5 / 3**0.5) - 1) < 0.1
    assert abs(float(noise[:, 100:200].std()) / (2.0 / 3**0.5) - 1) < 0.1
    assert not noise[:, 250:].any()
    sky = 3 + 0.2 * torch.randn(2, 3, 64, 64)
    sky[:, :, 30:34, 30:34] += 100
    assert torch.allclose(image_noise(sky), torch.tensor(0.2), rtol=0.1)


def test_jitter_of_the_redshift_moves_lines_in_the_rest_frame_by_that_much():
    """Two pixels of 1e-4 dex are 3.0 angstrom at 6565."""
    config = SpectrumInput(frame="rest", length=1600, norm="mean")
    transform = SpectrumTransform(config, SpectrumSpec())
    wavelength = torch.as_tensor(grid.wavelengths())
    line = torch.exp(-0.5 * ((wavelength / 1.1 - 6564.6) / 3) ** 2).float() + 0.1
    there = torch.ones(64, dtype=torch.bool)
    spectrum = Spectrum(line.expand(64, -1).clone(), torch.ones(64, grid.LENGTH), there)
    batch = Batch(
        ids=tuple(map(str, range(64))), inputs={"spectrum": spectrum},
        context={"redshift": torch.full((64,), 0.1).double()},
    )  # fmt: skip
    torch.manual_seed(0)
    moved = augment_stored(batch, AugmentConfig(redshift_shift=2))
    flux = transform.apply(moved.inputs["spectrum"], {}, moved.context).flux[:, 1300:1460]
    place = 3800.0 + 2 * torch.arange(1300, 1460)
    weight = (flux - flux.amin(dim=1, keepdim=True)).clamp_min(0.02) - 0.02
    centre = (weight * place).sum(dim=1) / weight.sum(dim=1)
    steps = (torch.log10(centre / 6564.6) / 1e-4).round().int().tolist()
    assert set(steps) == {-2, -1, 0, 1, 2}


def test_a_shift_that_would_do_nothing_is_refused():
    shifted = "training.augment.redshift_shift=3"
    assert galaxy4().edited([shifted]).training.augment.redshift_shift == 3
    with pytest.raises(ConfigError, match="redshift_shift does nothing to the input spectrum"):
        galaxy4_paper().edited([shifted])


def test_one_always_stays():
    torch.manual_seed(0)
    there = torch.rand(5000, 3) > 0.4
    kept = keep_one(there, 0.7) & there
    assert torch.equal(kept.any(dim=1), there.any(dim=1))
    full = keep_one(torch.ones(5000, 3, dtype=torch.bool), 0.1)
    assert abs(float(full.float().mean()) - 0.9) < 0.02


def test_a_recipe_turns_it_on_for_training_batches():
    recipe = galaxy4().edited(["training.augment.flips=true", "training.mixup=0.0"])
    config = recipe.training.replace(modality_dropout=0.0)
    assert Recipe.from_toml(recipe.toml()) == recipe
    trainer = SimpleNamespace(config=config, objective=SimpleNamespace(prepared=lambda b: b))
    torch.manual_seed(3)
    found = Trainer._regularised(trainer, _batch())
    torch.manual_seed(3)
    expected = augment(_batch(), AugmentConfig(flips=True))
    assert torch.equal(found.inputs["image"].flux, expected.inputs["image"].flux)


def test_a_training_step_changes_what_is_stored_before_the_pipeline():
    class Seen(Exception):  # noqa: N818
        """Carries the batch that reached the pipeline."""

    def pipeline(raw):
        raise Seen(raw)

    config = AugmentConfig(spectrum_noise=1.0)
    trainer = SimpleNamespace(
        config=galaxy4().training.replace(augment=config),
        state=SimpleNamespace(epoch=1, step=2),
        steps_per_epoch=5,
        place=SimpleNamespace(rank=0, device=torch.device("cpu")),
        optimiser=SimpleNamespace(param_groups=[]),
        pipeline=pipeline,
        _regularised=None,
    )
    found = []
    for _ in range(2):
        with pytest.raises(Seen) as seen:
            Trainer._step(trainer, _batch())
        found.append(seen.value.args[0].inputs["spectrum"].flux)
    assert torch.equal(*found)  # the step decides what is drawn
    assert not torch.equal(found[0], _batch().inputs["spectrum"].flux)
