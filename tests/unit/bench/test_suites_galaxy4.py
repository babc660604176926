"""The grid of galaxy4: what each contender changes, and nothing else. More in test_suites.py."""

from trifid import registry
from trifid.bench.suites_galaxy4 import GALAXY4
from trifid.transforms.augment import AugmentConfig

SUITES = {suite.name: suite for suite in GALAXY4}
NARROW = registry.get("recipe", "galaxy4_narrow").build


def recipes(name):
    return {entry.name: NARROW().edited(entry.set) for entry in SUITES[name].contenders}


def test_frames_differ_by_redshift_sampling_and_normalisation():
    spectra = {name: r.inputs["spectrum"] for name, r in recipes("galaxy4_frames").items()}
    rest, observed = spectra["rest"], spectra["spectrum"]
    assert (observed.frame, rest.frame) == ("observed", "rest")
    assert spectra["rest-predicted"] == rest.replace(redshift_column="redshift_predicted")
    assert spectra["rest-mean"] == rest.replace(norm="mean")
    assert spectra["spectrum-mean"] == observed.replace(norm="mean")
    assert spectra["spectrum-coarse"] == observed.replace(rebin=8)
    fine = spectra["rest-fine"]
    assert (fine.start, fine.length * fine.step) == (rest.start, 3200.0)
    for name in ("all", "all-rest", "all-rest-predicted"):
        assert sorted(recipes("galaxy4_frames")[name].inputs) == ["image", "spectrum", "table"]


def test_cutouts_scalings_and_tokens_are_those_of_the_required_grid():
    found = recipes("galaxy4_sizes")
    plain = found["all"]
    images = {name: recipe.inputs["image"] for name, recipe in found.items()}
    assert {images[n].crop for n in ("all", "crop-64", "crop-128")} == {32, 64, 128}
    scalings = {images[n].norm for n in ("all", "image-zscore", "image-each-scaled")}
    assert scalings == {"asinh_zscore", "zscore", "per_image_zscore"}
    for name, count in (("tokens-1", 1), ("all", 4), ("tokens-16", 16)):
        model = found[name].model
        parts = (model.image.tokens, model.spectrum.tokens_out, model.table.tokens_out)
        assert {*parts, model.fusion.tokens_out} == {count}
        assert found[name].inputs == plain.inputs and found[name].training == plain.training


def test_the_splits_differ_by_the_plate_alone():
    suite, found = SUITES["galaxy4_splits"], recipes("galaxy4_splits")
    assert suite.folds == 5
    for name in ("all", "rest"):
        plate, random = found[f"{name}-plate"], found[f"{name}-random"]
        assert (plate.split.by, random.split.by) == ("plate", "group")
        assert random == plate.replace(split=plate.split.replace(by="group"))


def test_every_augmentation_is_switched_on_alone_and_all_are_in_everything():
    found = recipes("galaxy4_augment")
    switched = {name: r.training.augment for name, r in found.items()}
    plain, fields = AugmentConfig(), AugmentConfig.model_fields
    assert switched["none"] == plain
    changed = {
        name: [f for f in fields if getattr(config, f) != getattr(plain, f)]
        for name, config in switched.items()
    }
    everything = changed.pop("everything")
    assert sorted(everything) == sorted(fields)
    single = [names[0] for names in changed.values() if names]
    assert all(len(names) < 2 for names in changed.values()) and sorted(single) == sorted(fields)
    assert found["rest"].inputs["spectrum"].frame == "rest"
    mixed = found["rest"].training
    assert mixed.mixup > 0 and found["rest-no-mixup"].training == mixed.replace(mixup=0.0)
