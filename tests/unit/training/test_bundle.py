"""Bundles: round trip, and everything a hostile one may try."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from trifid.errors import BundleError
from trifid.files import sha256_file
from trifid.models.sznet import sznet_small
from trifid.training.bundle import add_constants, load_bundle


@pytest.fixture
def bundle(trained_run, tmp_path):
    return shutil.copytree(trained_run / "bundle", tmp_path / "bundle")


def _edit(bundle, **changes):
    card = json.loads((bundle / "bundle.json").read_text())
    card |= changes
    (bundle / "bundle.json").write_text(json.dumps(card))


def _replace_weights(bundle, tensors):
    save_file(tensors, bundle / "model.safetensors")
    card = json.loads((bundle / "bundle.json").read_text())
    card["files"]["model.safetensors"] = sha256_file(bundle / "model.safetensors")
    (bundle / "bundle.json").write_text(json.dumps(card))


def test_weights_survive_to_the_bit_and_nothing_of_the_training_data_is_needed(bundle):
    loaded = load_bundle(bundle)
    for name, value in load_file(bundle / "model.safetensors").items():
        assert torch.equal(loaded.model.state_dict()[name], value)
    assert loaded.classes == ("SF", "COMP", "AGN", "NORMAL")
    assert not loaded.model.training


def test_an_altered_file_is_refused(bundle):
    path = bundle / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match="altered"):
        load_bundle(bundle)


def test_missing_files_and_folders_are_refused(bundle, tmp_path):
    (bundle / "state.safetensors").unlink()
    with pytest.raises(BundleError, match="missing"):
        load_bundle(bundle)
    with pytest.raises(BundleError, match="no bundle"):
        load_bundle(tmp_path)


def test_tensors_that_are_not_the_recipes_are_refused(bundle):
    tensors = load_file(bundle / "model.safetensors")
    first = next(iter(tensors))
    _replace_weights(bundle, {**tensors, first: torch.zeros(3, 3)})
    with pytest.raises(BundleError, match=rf"{first} is torch.float32 \(3, 3\)"):
        load_bundle(bundle)
    _replace_weights(bundle, {**tensors, first: tensors[first].double()})
    with pytest.raises(BundleError, match="float64"):
        load_bundle(bundle)
    _replace_weights(bundle, {n: v for n, v in tensors.items() if n != first})
    with pytest.raises(BundleError, match="missing"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "pickle"}, "trifid-bundle"),
        ({"version": 2}, "version"),
        ({"surprise": 1}, "surprise"),
        ({"recipe": {"name": "x"}}, "recipe"),
        ({"modalities": {}}, "builds no model"),
        ({"files": {"../../x": "0"}}, "altered"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(bundle, change, message):
    _edit(bundle, **change)
    with pytest.raises(BundleError, match=message):
        load_bundle(bundle)


def test_a_recipe_of_a_giant_model_fills_no_memory(bundle):
    card = json.loads((bundle / "bundle.json").read_text())
    card["recipe"]["model"]["table"]["hidden"] = 10**7
    _edit(bundle, recipe=card["recipe"])
    with pytest.raises(BundleError, match=r"encoders\.table"):
        load_bundle(bundle)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "[]", "null"])
def test_a_card_that_is_no_json_object(bundle, text):
    (bundle / "bundle.json").write_text(text)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        load_bundle(bundle)


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_that_divides_by_nothing_is_refused(bundle, temperature):
    _edit(bundle, temperature=temperature)
    with pytest.raises(BundleError, match="temperature"):
        load_bundle(bundle)


def test_fitted_numbers_of_another_shape_are_refused(bundle):
    path = bundle / "state.safetensors"
    state = load_file(path)
    for changed in (
        {n: v for n, v in state.items() if n != "image.noise"},
        {**state, "image.noise": torch.ones(7)},
        {**state, "elsewhere.noise": torch.ones(3)},
    ):
        save_file(changed, path)
        card = json.loads((bundle / "bundle.json").read_text())
        _edit(bundle, files={**card["files"], "state.safetensors": sha256_file(path)})
        with pytest.raises(BundleError, match=r"image\.noise|elsewhere"):
            load_bundle(bundle)


def test_constants_that_no_file_holds_are_computed_and_draw_nothing():
    config = sznet_small()
    signature = config.example(small=True)
    with torch.device("meta"):
        model = config.build(signature)
    whole = config.build(signature)
    model.load_state_dict(whole.state_dict(), assign=True)
    before = torch.get_rng_state()
    add_constants(model, config, signature)
    assert torch.equal(before, torch.get_rng_state())
    expected = dict(whole.named_buffers())
    assert {"continuum.basis", "dense.mask_0"} <= set(expected)
    assert all(torch.equal(value, expected[name]) for name, value in model.named_buffers())


def test_constants_that_would_fill_the_memory_are_refused():
    config = sznet_small()
    signature = config.example().replace(inputs={"spectrum": (10**8,)})
    with torch.device("meta"):
        model = config.build(signature)
    with pytest.raises(BundleError, match="bytes of constants; expected at most"):
        add_constants(model, config, signature)
