"""GCSNet's shapes and sizes as the paper (read as in models/gcsnet.py) gives them."""

import pytest
import torch

from trifid.fusion.self_attention import SelfAttentionFusionConfig
from trifid.heads.classification import LinearHeadConfig
from trifid.models.card import meta_batch, model_card
from trifid.models.gcsnet import GCSNetConfig, gcsnet_paper, gcsnet_small
from trifid.schema.batch import Spectrum
from trifid.schema.signature import Signature

FULL = gcsnet_paper().example()


def _card(**inputs):
    return model_card(gcsnet_paper(), Signature(inputs=inputs, classes=FULL.classes))


def test_the_full_network_has_415490_parameters():
    card = model_card(gcsnet_paper())
    assert card["parameters"] == 415_490
    sizes = {part["name"]: part["parameters"] for part in card["parts"]}
    assert sizes["encoders.image"] == 110_208
    assert sizes["encoders.spectrum"] == 56_320
    assert sizes["encoders.table"] == 141_696
    assert sizes["fusion"] == 66_304
    assert sizes["head"] == 32_769
    assert sizes["auxiliary"] == 8_193


def test_shapes_of_every_step():
    shapes = {part["name"]: part["output"] for part in model_card(gcsnet_paper())["parts"]}
    assert shapes["encoders.image.convolutions.0"] == "32x300x300"
    assert shapes["encoders.image.convolutions.1"] == "64x150x150"
    assert shapes["encoders.image.convolutions.2"] == "128x75x75"
    assert shapes["encoders.spectrum.convolutions.0"] == "32x1922"
    assert shapes["encoders.spectrum.convolutions.1"] == "64x961"
    assert shapes["encoders.spectrum.convolutions.2"] == "128x961"
    for name in ("image", "spectrum", "table"):
        assert shapes[f"encoders.{name}"] == "16x128"
    assert shapes["fusion"] == "16x128"
    assert shapes["head"] == "4"


def test_rest_frame_lengths():
    shapes = {part["name"]: part["output"] for part in _card(spectrum=(1600,))["parts"]}
    assert shapes["encoders.spectrum.convolutions.0"] == "32x800"
    assert shapes["encoders.spectrum.convolutions.2"] == "128x400"
    assert shapes["encoders.spectrum"] == "16x128"


@pytest.mark.parametrize(
    ("names", "width"),
    [
        (("image", "spectrum", "table"), 8192),
        (("image", "spectrum"), 6144),
        (("spectrum",), 2048),
    ],
)
def test_width_of_the_vector_before_the_head(names, width):
    signature = Signature(inputs={n: FULL.inputs[n] for n in names}, classes=FULL.classes)
    with torch.device("meta"):
        model = gcsnet_paper().build(signature).eval()
        output = model(meta_batch(signature, rows=3))
    assert output.embedding.shape == (3, width)


def test_the_scale_begins_at_thirty_and_switches_remove_parts():
    model = gcsnet_paper().build(Signature(inputs={"spectrum": (3843,)}, classes=("SF", "AGN")))
    assert model.head.scale.item() == 30.0
    plain = GCSNetConfig(auxiliary="none", skip=False).build(FULL)
    assert plain.auxiliary is None
    assert plain.head.weight.shape == (4, 2048)


@pytest.mark.parametrize("tokens", [1, 4, 16])
def test_tokens_a_modality(tokens):
    config = gcsnet_paper()
    grid = round(tokens**0.5)
    config = config.replace(
        image=config.image.replace(grid=grid),
        spectrum=config.spectrum.replace(tokens_out=tokens),
        table=config.table.replace(tokens_out=tokens),
        fusion=config.fusion.replace(tokens_out=tokens),
    )
    shapes = {part["name"]: part["output"] for part in model_card(config)["parts"]}
    assert {shapes[f"encoders.{n}"] for n in ("image", "spectrum", "table")} == {f"{tokens}x128"}
    assert shapes["fusion"] == f"{tokens}x128"


def test_every_part_the_paper_claims_can_be_switched_off():
    full = gcsnet_small()
    without = {
        "attention": full.replace(fusion=SelfAttentionFusionConfig(tokens_out=4, attention=False)),
        "skip": full.replace(skip=False),
        "cosine": full.replace(head=LinearHeadConfig()),
        "auxiliary": full.replace(auxiliary="none"),
    }
    signature = full.example(small=True)
    sizes = {name: model_card(config, signature)["parameters"] for name, config in without.items()}
    complete = model_card(full, signature)["parameters"]
    width, classes = (12 + 4) * 32, 4
    assert complete - sizes["attention"] == 4 * 32 * 32 + 4 * 32 + 2 * 32
    assert complete - sizes["skip"] == (12 * 32) * (classes + 1)
    assert complete - sizes["cosine"] == 1 - classes  # a scale less, four biases more
    assert complete - sizes["auxiliary"] == width + 1


def _rows(signature):
    batch = meta_batch(signature, rows=4)
    torch.manual_seed(1)
    for name, value in batch.inputs.items():
        (value.values if name == "table" else value.flux).normal_()
    return batch


def test_with_branches_one_modality_is_answered_by_its_branch_and_all_by_the_fusion():
    signature = gcsnet_small().example(small=True)
    torch.manual_seed(0)
    model = gcsnet_small().replace(branches=True).build(signature).eval()
    batch, found = _rows(signature), {}
    model.head.register_forward_hook(lambda _, __, out: found.update(fused=out))
    everything = model(batch)
    torch.testing.assert_close(everything.logits, found["fused"].log_softmax(dim=1))
    for name in signature.inputs:
        alone = model(batch.only((name,)))
        expected = alone.branches[name].log_softmax(dim=1)
        torch.testing.assert_close(alone.logits, expected)
        torch.testing.assert_close(alone.branches[name], everything.branches[name])
    two = model(batch.only(("image", "table")))
    mean = sum(two.branches[n].softmax(dim=1) for n in ("image", "table")) / 2
    expected = 0.5 * found["fused"].softmax(dim=1) + 0.5 * mean
    torch.testing.assert_close(two.logits.softmax(dim=1), expected)
    trained = model.train()(batch.only(("image", "table")))
    assert torch.equal(trained.logits, found["fused"])  # the fused head learns from every row


def test_one_modality_has_no_branches_and_an_embedding_has_a_vector_a_modality():
    spectrum = Signature(inputs={"spectrum": (400,)}, classes=FULL.classes)
    model = gcsnet_small().replace(branches=True, modality_embedding=True).build(spectrum)
    assert not len(model.branches) and model.kinds is None
    plain = model_card(gcsnet_small())["parameters"]
    more = model_card(gcsnet_small().replace(modality_embedding=True))["parameters"]
    assert more - plain == 3 * 32


@pytest.mark.parametrize("length", [1600, 3522, 3600, 3843, 4620])
def test_spectra_of_every_paper_s_length_fit(length):
    shapes = {part["name"]: part["output"] for part in _card(spectrum=(length,))["parts"]}
    assert shapes["encoders.spectrum"] == "16x128"


def test_a_channel_of_valid_pixels_is_one_more_channel():
    plain = gcsnet_paper()
    config = plain.replace(spectrum=plain.spectrum.replace(use_valid=True))
    assert model_card(config)["parameters"] - model_card(plain)["parameters"] == 32 * 11
    model = config.spectrum.build((400,)).eval()
    flux, ivar = torch.randn(2, 400), torch.ones(2, 400)
    there = torch.ones(2, dtype=torch.bool)
    gaps = ivar.clone()
    gaps[:, 50:60] = 0
    whole = model(Spectrum(flux, ivar, there))
    assert not torch.allclose(whole, model(Spectrum(flux, gaps, there)))
