"""What every registered model must do: registering is testing."""

import json
from pathlib import Path

import pytest
import torch

from trifid import registry
from trifid.models.base import ModelConfig
from trifid.models.card import model_card
from trifid.schema.batch import Batch, Image, Spectrum, Table
from trifid.schema.signature import Signature
from trifid.training.checkpoint import save_tensors, weights

NAMES = [entry.name for entry in registry.entries("model")]
SMALL = [name for name in NAMES if name.endswith("_small")]
SIGNATURE = Signature(
    inputs={"image": (3, 32, 32), "spectrum": (400,), "table": (5,)},
    classes=("SF", "COMP", "AGN", "NORMAL"),
)
SNAPSHOTS = Path(__file__).resolve().parents[2] / "docs" / "reference" / "models"


def batch(present, *, behind=0.0, rows=6):
    """Rows with the modalities of `present` (B, 3); absent content is `behind`."""
    torch.manual_seed(0)
    there = torch.as_tensor(present, dtype=torch.bool).expand(rows, 3)

    def fill(content, mask):
        shape = (-1, *[1] * (content.ndim - 1))
        return torch.where(mask.view(shape), content, torch.full_like(content, behind))

    flux = fill(torch.randn(rows, 3, 32, 32), there[:, 0])
    spectrum = fill(torch.randn(rows, 400), there[:, 1])
    values = fill(torch.randn(rows, 5), there[:, 2])
    return Batch(
        ids=tuple(map(str, range(rows))),
        inputs={
            "image": Image(flux, there[:, 0]),
            "spectrum": Spectrum(spectrum, torch.ones_like(spectrum), there[:, 1]),
            "table": Table(values, torch.ones(rows, 5, dtype=torch.bool), there[:, 2]),
        },
    )


def build(name):
    torch.manual_seed(1)
    return registry.get("model", name).build().build(SIGNATURE)


MIXED = [[True, True, True], [False, True, True], [True, False, False]] * 2
PATTERNS = {
    "all": [[True] * 3],
    "none": [[False] * 3],
    "image only": [[True, False, False]],
    "no image": [[False, True, True]],
    "one row with everything": [[True] * 3] + [[False] * 3] * 5,
    "mixed": MIXED,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("training", [True, False])
def test_finite_for_every_pattern_and_blind_to_what_is_behind_the_mask(name, pattern, training):
    outputs = []
    for behind in (0.0, 1e6, float("nan")):
        model = build(name).train(training)
        logits = model(batch(PATTERNS[pattern], behind=behind)).logits
        assert logits.shape == (6, 4) and logits.isfinite().all()
        logits.sum().backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        assert all(gradient.isfinite().all() for gradient in gradients)
        outputs.append(logits)
    assert torch.equal(outputs[0], outputs[1]) and torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_modality_is_the_same_as_a_model_that_never_saw_it(name):
    """In use, a row's answer does not depend on which modalities other rows have."""
    model = build(name).eval()
    mixed = model(batch(MIXED)).logits
    for row in range(3):
        alone = model(batch([MIXED[row]])).logits
        torch.testing.assert_close(mixed[row], alone[row], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_gets_a_gradient(name):
    model = build(name)
    output = model(batch(PATTERNS["all"]))
    loss = output.logits.square().sum() + sum(v.sum() for v in output.auxiliary.values())
    loss.backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("name", NAMES)
def test_configuration_and_weights_survive_a_round_trip(name, tmp_path):
    from safetensors.torch import load_file

    config = registry.get("model", name).build()
    assert isinstance(config, ModelConfig)
    assert type(config).model_validate_json(config.model_dump_json()) == config
    model = build(name).eval()
    save_tensors(tmp_path / "w.safetensors", weights(model))
    other = config.build(SIGNATURE).eval()
    other.load_state_dict(load_file(tmp_path / "w.safetensors"))
    rows = batch(MIXED)
    assert torch.equal(model(rows).logits, other(rows).logits)


@pytest.mark.parametrize("name", NAMES)
def test_explanations_are_named_and_attention_sums_to_one(name):
    output = build(name).eval()(batch(MIXED), explain=True)
    assert set(output.tokens) == {"image", "spectrum", "table"}
    for weight in output.attention.values():
        torch.testing.assert_close(weight.sum(-1), torch.ones(weight.shape[:-1]))


@pytest.mark.parametrize("name", NAMES)
def test_the_shown_parts_are_those_of_the_snapshot(name):
    """Write them anew with: python tests/contract/snapshots.py."""
    card = model_card(registry.get("model", name).build())
    assert card == json.loads((SNAPSHOTS / f"{name}.json").read_text())


def test_there_is_a_small_variant_and_small_means_small():
    assert SMALL
    for name in SMALL:
        assert sum(p.numel() for p in build(name).parameters()) <= 100_000
