"""An autoencoder learns its rows, and finds those that are not like them."""

import pytest
import torch
from sklearn.metrics import roc_auc_score

from trifid.models.autoencoder import anomaly_score, autoencoder_small
from trifid.schema.batch import Batch, Image, Spectrum, Table
from trifid.schema.signature import Signature

SHAPES = {"image": (2, 16, 16), "spectrum": (128,), "table": (6,)}
TRAINING = {"image": (24, 8e-3, 50), "spectrum": (32, 3e-3, 100), "table": (16, 1e-2, 60)}


def _rows(name, rows, *, strange=False, seed=0):
    """Rows on a plane of two dimensions with noise; strange ones have a feature of their own."""
    torch.manual_seed(seed)
    hidden = torch.randn(rows, 2)
    torch.manual_seed(99)
    if name == "table":
        content = hidden @ torch.randn(2, 6)
    else:
        x = torch.linspace(-1, 1, SHAPES[name][-1])
        waves = torch.stack([torch.sin(3 * x), torch.cos(5 * x)])
        content = hidden @ waves  # (B, L)
        if name == "image":
            content = (content[:, None, :, None] * torch.cos(x)).expand(-1, 2, -1, -1)
    torch.manual_seed(seed + 1)
    content = content + 0.05 * torch.randn(content.shape)
    if strange:
        content = content.clone()
        if name == "table":
            content = content + 2 * torch.randn(content.shape)
        else:
            content[..., 5:9] += 3
    there = torch.ones(rows, dtype=torch.bool)
    if name == "table":
        value = Table(content, torch.ones(rows, 6, dtype=torch.bool), there)
    elif name == "spectrum":
        value = Spectrum(content, torch.ones_like(content), there)
    else:
        value = Image(content, there)
    return Batch(ids=tuple(map(str, range(rows))), inputs={name: value})


def _trained(name):
    rows, rate, steps = TRAINING[name]
    torch.manual_seed(0)
    signature = Signature(inputs={name: SHAPES[name]}, classes=("a", "b"))
    model = autoencoder_small().build(signature).train()
    optimiser = torch.optim.AdamW(model.parameters(), rate)
    losses = []
    for step in range(steps):
        loss = sum(model(_rows(name, rows, seed=step)).losses.values())
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model, losses


@pytest.mark.parametrize("name", SHAPES)
def test_errors_fall_and_injected_anomalies_rank_above_normal_rows(name):
    model, losses = _trained(name)
    assert losses[-1] < 0.5 * losses[0]
    normal, strange = _rows(name, 100, seed=1000), _rows(name, 100, strange=True, seed=2000)
    scores = anomaly_score(model, [normal, strange])
    label = torch.arange(200) >= 100
    assert roc_auc_score(label.numpy(), scores.numpy()) > 0.9
    assert abs(float(scores[:100].mean())) < 1.5  # standardised on rows like these


def test_a_modality_that_is_missing_does_not_count():
    torch.manual_seed(0)
    model = autoencoder_small().build(Signature(inputs=SHAPES, classes=("a", "b"))).eval()
    inputs = {name: _rows(name, 4).inputs[name] for name in SHAPES}
    both = Batch(ids=tuple("abcd"), inputs=inputs)
    alone = model(both.only(("spectrum",)))
    spectral = inputs["spectrum"]
    without = model(
        both.replace(inputs={**{n: v.absent() for n, v in inputs.items()}, "spectrum": spectral})
    )
    torch.testing.assert_close(alone.anomaly, without.anomaly)
    assert not model(both.only(())).anomaly.any()
    shapes = {name: tuple(x.shape[1:]) for name, x in model.reconstruction(both).items()}
    assert shapes == SHAPES
