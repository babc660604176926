"""What the one-optimiser GAN of MB-ISTL must do: separate gradients, answers without spectra."""

import torch

from trifid.models.card import meta_batch
from trifid.models.istl import mb_istl_gan_small, mb_istl_small
from trifid.schema.signature import Signature

SIGNATURE = Signature(
    inputs={"image": (3, 16, 16), "spectrum": (64,)}, classes=("SF", "COMP", "AGN", "NORMAL")
)


def _model_and_batch(rows=16):
    torch.manual_seed(0)
    batch = meta_batch(SIGNATURE, rows)
    for value in batch.inputs.values():
        value.flux.normal_()
    return mb_istl_gan_small().build(SIGNATURE), batch


def _touched(model, loss):
    model.zero_grad()
    loss.backward(retain_graph=True)
    return {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None}


def test_each_term_of_the_gan_trains_its_own_part():
    model, batch = _model_and_batch()
    losses = model(batch).losses
    assert _touched(model, losses["discriminator"]) == {"discriminator"}
    assert _touched(model, losses["adversarial"]) == {"generator", "encoders"}
    assert _touched(model, losses["match"]) == {"generator", "encoders"}
    named = dict(model.named_parameters())
    spectral = [p for n, p in named.items() if n.startswith("encoders.spectrum")]
    assert all(p.grad is None for p in spectral)


def test_the_terms_are_zero_where_no_row_has_both():
    model, batch = _model_and_batch()
    for only in ("image", "spectrum"):
        assert not any(x.item() for x in model(batch.only((only,))).losses.values())
    assert model.eval()(batch).losses == {}


def test_without_a_spectrum_the_image_s_branch_is_the_answer():
    model, batch = _model_and_batch()
    alone = model.eval()(batch.only(("image",)))
    torch.testing.assert_close(alone.logits, alone.branches["image"])
    both = model(batch)
    torch.testing.assert_close(both.branches["image"], alone.logits)
    assert not torch.allclose(both.logits, alone.logits)


def test_the_imagined_feature_approaches_the_real_one():
    """Image and spectrum share one number; after some steps the image tells the feature."""
    model, batch = _model_and_batch()
    hidden = torch.linspace(-1, 1, len(batch))
    batch.inputs["image"].flux.mul_(0.1).add_(hidden[:, None, None, None])
    batch.inputs["spectrum"].flux.mul_(0.1).add_(hidden[:, None])
    spectral = model.encoders["spectrum"].requires_grad_(False)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 6e-3)
    distances = []
    for _ in range(25):
        losses = model(batch).losses
        distances.append(losses["match"].item())
        optimiser.zero_grad()
        sum(losses.values()).backward()
        optimiser.step()
    assert not any(p.requires_grad for p in spectral.parameters())
    assert distances[-1] < 0.4 * distances[0]


def test_decision_weights_are_shared_out_among_present_modalities():
    torch.manual_seed(0)
    model = mb_istl_small().build(SIGNATURE).eval()
    model.scores.data = torch.tensor([0.0, 1.0])
    batch = meta_batch(SIGNATURE, 2)
    both, image = model(batch).gates, model(batch.only(("image",))).gates
    torch.testing.assert_close(both["spectrum"], torch.full((2,), 1.0).sigmoid())
    torch.testing.assert_close(both["image"] + both["spectrum"], torch.ones(2))
    assert image["image"].tolist() == [1.0, 1.0] and image["spectrum"].tolist() == [0.0, 0.0]
