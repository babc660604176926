"""BATMM's shapes and sizes as the paper (read as in models/batmm.py) gives them."""

import pytest
import torch

from trifid.errors import ConfigError
from trifid.models.batmm import batmm, batmm_small
from trifid.models.bhb_baselines import bhb_early_add, bhb_early_concat, bhb_early_vgg1d
from trifid.models.card import meta_batch, model_card
from trifid.schema.signature import Signature

FULL = batmm().example()


def _card(config, **inputs):
    return model_card(config, Signature(inputs=inputs or FULL.inputs, classes=FULL.classes))


def _shapes(card):
    return {part["name"]: part["output"] for part in card["parts"]}


def test_the_full_network_has_64957506_parameters():
    card = model_card(batmm())
    sizes = {part["name"]: part["parameters"] for part in card["parts"]}
    assert card["parameters"] == 64_957_506
    assert sizes["encoders.image"] == 24_563_452
    assert sizes["encoders.spectrum"] == 6_747_968
    assert {sizes[f"blocks.{i}"] for i in range(8)} == {4_205_056}


def test_shapes_of_every_step():
    shapes = _shapes(model_card(batmm()))
    assert shapes["encoders.spectrum.attention.query"] == "7x64"
    lengths = (1760, 880, 440, 220, 110)
    norms = [f"encoders.spectrum.trunk.convolutions.{i}" for i in (2, 4, 8, 12)]
    assert [shapes[name].split("x")[1] for name in norms] == [str(n) for n in lengths[:4]]
    assert shapes["encoders.spectrum.pool"] == "512x4"
    assert shapes["encoders.spectrum"] == shapes["encoders.image"] == "4x512"
    assert shapes["blocks.7.self_attention.project_out"] == "9x512"
    assert shapes["classify"] == "2"


def test_the_vgg_ends_at_110_positions_and_the_residual_network_at_a_32nd():
    with torch.device("meta"):
        model = batmm().build(FULL).eval()
        segment = model.encoders["spectrum"].segment
        spectrum = model.encoders["spectrum"].trunk(torch.zeros(2, 1, 3521), None)
        small = model.encoders["image"].backbone(torch.zeros(2, 5, 64, 64), None)
        large = model.encoders["image"].backbone(torch.zeros(2, 5, 224, 224), None)
    assert 7 * segment == 7 * 503 == 3521
    assert spectrum.shape == (2, 512, 110)
    assert small.shape == (2, 2048, 2, 2) and large.shape == (2, 2048, 7, 7)


def test_224_pixels_give_49_tokens_of_each_kind():
    config = batmm()
    config = config.replace(
        image=config.image.replace(grid=7), spectrum=config.spectrum.replace(tokens_out=49)
    )
    shapes = _shapes(_card(config, image=(5, 224, 224), spectrum=(3522,)))
    assert shapes["encoders.image"] == shapes["encoders.spectrum"] == "49x512"
    assert shapes["blocks.0.self_attention.project_out"] == "99x512"


@pytest.mark.parametrize(
    ("build", "inputs", "width", "parameters"),
    [
        (bhb_early_add, {"spectrum": (3522,)}, 512, 7_011_650),
        (bhb_early_add, {"image": (5, 64, 64)}, 512, 24_564_478),
        (bhb_early_add, FULL.inputs, 512, 31_575_102),
        (bhb_early_concat, FULL.inputs, 1024, 31_576_126),
        (bhb_early_vgg1d, FULL.inputs, 512, 38_258_686),
    ],
)
def test_vectors_of_the_baselines(build, inputs, width, parameters):
    signature = Signature(inputs=inputs, classes=FULL.classes)
    assert _card(build(), **inputs)["parameters"] == parameters
    with torch.device("meta"):
        output = build().build(signature).eval()(meta_batch(signature, rows=3))
    assert output.embedding.shape == (3, width)


def _filled(signature, rows=5):
    batch = meta_batch(signature, rows)
    for value in batch.inputs.values():
        value.flux.normal_()
    return batch


def test_without_an_image_it_is_the_transformer_on_spectra():
    """Acceptance test F.8: image tokens masked, the rest with the same weights."""
    torch.manual_seed(0)
    both = batmm_small().example(small=True)
    fused = batmm_small().build(both).eval()
    alone = batmm_small().build(both.replace(inputs={"spectrum": both.inputs["spectrum"]})).eval()
    shared = {k: v for k, v in fused.state_dict().items() if k in alone.state_dict()}
    assert set(shared) == set(alone.state_dict())
    alone.load_state_dict(shared)
    batch = _filled(both)
    with torch.inference_mode():
        masked = fused(batch.only(("spectrum",))).logits
        single = alone(batch.replace(inputs={"spectrum": batch.inputs["spectrum"]})).logits
        complete = fused(batch).logits
    torch.testing.assert_close(masked, single, rtol=1e-5, atol=1e-6)
    assert (complete - masked).abs().max() > 1e-3


def test_attention_and_weights_of_bands_and_segments_sum_to_one():
    torch.manual_seed(0)
    signature = batmm_small().example(small=True)
    model = batmm_small().build(signature).eval()
    output = model(_filled(signature), explain=True)
    assert {n: tuple(w.shape[1:]) for n, w in output.attention.items()} == {
        "fusion": (4, 9, 9),
        "cross_image": (4, 4, 4),
        "cross_spectrum": (4, 4, 4),
        "bands": (5,),
        "segments": (7,),
    }
    for weights in output.attention.values():
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    absent = model(_filled(signature).only(("spectrum",)), explain=True).attention["fusion"]
    assert not absent[..., 1:5].any()  # nobody looks at image tokens that are not there


@pytest.mark.parametrize("pair", [("image", "spectrum"), ("spectrum", "image")])
def test_who_attends_to_whom_is_a_switch(pair):
    """With `image`, spectrum tokens take nothing across."""
    taker, giver = pair
    signature = batmm_small().example(small=True)
    for cross, takers in (("none", ()), ("image", ("image",)), ("bidirectional", pair)):
        block = batmm_small().replace(cross=cross).build(signature).eval().blocks[0]
        tokens = {name: torch.randn(2, 4, 32) for name in ("image", "spectrum")}
        present = {name: torch.ones(2, dtype=torch.bool) for name in tokens}
        crossed = block._crossed(tokens, present)[taker]
        assert torch.equal(crossed, tokens[taker]) == (taker not in takers)
        present[giver] = torch.zeros(2, dtype=torch.bool)
        assert torch.equal(block._crossed(tokens, present)[taker], tokens[taker])


def test_two_stages_train_encoders_by_their_branches_then_freeze_them():
    torch.manual_seed(0)
    signature = batmm_small().example(small=True)
    model = batmm_small().replace(alignment=0.0).build(signature)
    batch = _filled(signature)

    def learning(output):
        model.zero_grad(set_to_none=True)
        output.sum().backward()
        return {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None}

    model.set_epoch(0, 4)
    model.train()
    assert "encoders" not in learning(model(batch).logits)
    assert learning(model(batch).branches["image"]) == {"encoders", "branches"}
    model.set_epoch(2, 4)
    model.train()
    before = {k: v.clone() for k, v in model.encoders.state_dict().items()}
    assert "encoders" not in learning(model(batch).logits)
    assert "encoders" not in learning(model(batch).branches["image"])
    assert all(torch.equal(before[k], v) for k, v in model.encoders.state_dict().items())
    together = batmm_small().replace(stages="end_to_end").build(signature)
    together.set_epoch(3, 4)
    together(batch).logits.sum().backward()
    assert all(p.grad is not None for p in together.encoders.parameters())


def test_frozen_encoders_hold_their_statistics_on_rows_that_lack_an_input():
    torch.manual_seed(0)
    signature = batmm_small().example(small=True)
    model = batmm_small().build(signature)
    batch = _filled(signature)
    model(batch)  # statistics that differ from those of the start
    there = torch.tensor([True, True, False, True, False])
    some = batch.replace(inputs={n: v.where(there) for n, v in batch.inputs.items()})
    model.set_epoch(2, 4)
    model.train()
    before = {k: v.clone() for k, v in model.encoders.state_dict().items()}
    found, whole = model.tokens(some), model.tokens(batch)
    assert all(torch.equal(before[k], v) for k, v in model.encoders.state_dict().items())
    for name, tokens in found.items():
        torch.testing.assert_close(tokens[there], whole[name][there], rtol=1e-5, atol=1e-6)
        assert not tokens[~there].any() and whole[name].any(dim=2).all()
    model.set_epoch(0, 4)
    assert model.train().encoders["image"].backbone.bn1.training


def test_the_contrastive_loss_is_low_where_pairs_match_and_needs_two_of_them():
    torch.manual_seed(0)
    signature = batmm_small().example(small=True)
    model = batmm_small().build(signature).train()
    align = model.alignment
    align.project["spectrum"].load_state_dict(align.project["image"].state_dict())
    means = torch.randn(6, 32)
    both = torch.ones(6, dtype=torch.bool)
    matched = align({"image": means, "spectrum": means}, both)
    shifted = align({"image": means, "spectrum": means.roll(1, 0)}, both)
    assert 0 <= matched < shifted
    one = torch.arange(6) < 1
    assert align({"image": means, "spectrum": means.roll(1, 0)}, one) == 0
    assert set(model(_filled(signature)).losses) == {"alignment"}
    assert model.eval()(_filled(signature)).losses == {}


def test_encoders_of_another_width_and_other_inputs_are_refused():
    with pytest.raises(ConfigError, match="spectrum encoder gives tokens of width 32, the fusion"):
        batmm_small().replace(width=16, image=batmm_small().image.replace(width=16)).build(FULL)
    table = Signature(inputs={"table": (5,)}, classes=FULL.classes)
    for config in (batmm_small(), bhb_early_add()):
        with pytest.raises(ConfigError, match=r"takes image, spectrum; got \['table'\]"):
            config.build(table)
