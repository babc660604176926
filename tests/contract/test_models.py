"""What every registered model must do: registering is testing.

Models of more than a million parameters are shown and built on the meta device only; their small
variants, which differ in sizes alone, go through everything. Those between have one pattern of
missing inputs, which holds all the others. Forests and
boosted models have ten trees here.
"""

import json
from copy import deepcopy
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from trifid import registry
from trifid.models.base import Estimator, Freezable, ModelConfig, Staged
from trifid.models.card import meta_batch, model_card
from trifid.schema.batch import Tokens
from trifid.training.checkpoint import save_tensors, weights

SNAPSHOTS = Path(__file__).resolve().parents[2] / "docs" / "reference" / "models"
LIGHT = 1_000_000  # parameters
SMALL_BOUND = 100_000  # parameters
ROWS = 6


@cache
def config_of(name):
    return registry.get("model", name).build()


def signature_of(name):
    return config_of(name).example(small=True)


def build(name):
    torch.manual_seed(1)
    return config_of(name).build(signature_of(name))


def parameters(name, *, small=True):
    """Parameters with the inputs of tests or those of the paper; -1 for a classical model."""
    config = config_of(name)
    with torch.device("meta"):
        model = config.build(config.example(small=small))
    return sum(p.numel() for p in model.parameters()) if isinstance(model, nn.Module) else -1


NAMES = [entry.name for entry in registry.entries("model")]
SIZES = {name: parameters(name) for name in NAMES}
ESTIMATORS = [name for name, size in SIZES.items() if size < 0]
NETWORKS = [name for name, size in SIZES.items() if 0 <= size <= LIGHT]
SMALL = [name for name in NAMES if name.endswith("_small")]
PATTERNS = ("all", "none", "first only", "all but first", "one row with everything", "mixed")
ONE_INPUT = ("all", "none", "one row with everything", "mixed")


def presence(pattern, inputs, rows=ROWS):
    """Which rows (rows, M) have which inputs."""
    there = torch.zeros(rows, inputs, dtype=torch.bool)
    if pattern == "all":
        there[:] = True
    elif pattern == "first only":
        there[:, 0] = True
    elif pattern == "all but first":
        there[:, 1:] = True
    elif pattern == "one row with everything":
        there[0] = True
    elif pattern == "mixed":  # every third row has all, one lacks the first, one has only that
        there[0::3], there[1::3, 1:], there[2::3, 0] = True, True, True
    return there


def batch(name, pattern, *, behind=0.0, rows=ROWS, seed=0):
    """Rows with the inputs of a pattern; the content of absent ones is `behind`."""
    torch.manual_seed(seed)
    empty = meta_batch(signature_of(name), rows)
    inputs = {}
    there = presence(pattern, len(empty.inputs), rows)
    for (key, value), present in zip(empty.inputs.items(), there.T, strict=True):
        content = {}
        for item in fields(value):
            tensor = getattr(value, item.name)
            if item.name == "ivar":
                content[item.name] = torch.ones_like(tensor)
            elif tensor.is_floating_point():
                mask = present.view(-1, *[1] * (tensor.ndim - 1))
                filled = torch.full_like(tensor, behind)
                content[item.name] = torch.where(mask, torch.randn_like(tensor), filled)
        inputs[key] = replace(value, **content, present=present)
    return empty.replace(inputs=inputs)


def labelled(name, pattern="all", *, rows=24, seed=0):
    """The same with targets as training gives them to a classical model."""
    signature = signature_of(name)
    plain = batch(name, pattern, rows=rows, seed=seed)
    if signature.classes:
        return plain.replace(targets={"label": torch.arange(rows) % len(signature.classes)})
    return plain.replace(targets={target: torch.randn(rows) for target in signature.targets})


def patterns():
    """Names with the patterns that differ for them."""
    for name in NETWORKS:
        several = PATTERNS if len(signature_of(name).inputs) > 1 else ONE_INPUT
        for pattern in several if SIZES[name] <= SMALL_BOUND else ("mixed",):
            yield name, pattern


@pytest.mark.parametrize(("name", "pattern"), list(patterns()))
@pytest.mark.parametrize("training", [True, False])
def test_finite_for_every_pattern_and_blind_to_what_is_behind_the_mask(name, pattern, training):
    answers = []
    model = build(name).train(training)
    begin = deepcopy(model.state_dict())
    for behind in (0.0, float("nan"), *((1e6,) if pattern == "mixed" else ())):
        model.load_state_dict(begin)  # the statistics of training too
        model.zero_grad()
        output = model(batch(name, pattern, behind=behind))
        answer = output.answer
        assert answer.shape == (ROWS, signature_of(name).outputs) and answer.isfinite().all()
        if output.log_variance is not None:
            assert output.log_variance.shape == answer.shape
        total(output).backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        assert all(gradient.isfinite().all() for gradient in gradients)
        answers.append(answer)
    assert all(torch.equal(answers[0], other) for other in answers[1:])


def total(output):
    """Everything a training loss may hold."""
    parts = [output.answer, output.log_variance, *output.auxiliary.values()]
    parts += [*output.branches.values(), *output.losses.values()]
    return sum(part.square().sum() + part.sum() for part in parts if part is not None)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_row_is_answered_alike_whatever_other_rows_have(name):
    model = build(name).eval()
    together = model(batch(name, "mixed")).answer
    for row, pattern in enumerate(("all", "all but first", "first only")):
        alone = model(batch(name, pattern, behind=0.0)).answer
        torch.testing.assert_close(together[row], alone[row], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_gets_a_gradient(name):
    """From the answer, auxiliary heads, branches and the model's own losses together."""
    model = build(name).train()
    total(model(batch(name, "all", rows=12))).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("name", NETWORKS)
def test_a_model_trained_in_stages_learns_something_in_each(name):
    model = build(name)
    if not isinstance(model, Staged):
        return
    for epoch in range(4):
        model.set_epoch(epoch, 4)
        model.train().zero_grad(set_to_none=True)
        total(model(batch(name, "all"))).backward()
        learning = [p for p in model.parameters() if p.grad is not None and p.grad.any()]
        assert learning and all(p.requires_grad for p in learning)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_may_be_frozen_takes_tokens_in_place_of_inputs(name):
    model = build(name).eval()
    if not isinstance(model, Freezable):
        return
    rows = batch(name, "mixed")
    tokens = model.tokens(rows)
    kept = {n: Tokens(tokens[n], v.present) for n, v in rows.inputs.items()}
    output, other = model(rows), model(rows.replace(inputs=kept))
    assert torch.equal(output.answer, other.answer)
    assert all(torch.equal(v, other.branches[n]) for n, v in output.branches.items())
    for epoch in range(4):
        model.set_epoch(epoch, 4)
        total(model.train()(rows)).backward()
        reached = any(p.grad is not None for n, p in model.named_parameters() if "encoders" in n)
        assert reached != model.frozen(epoch, 4)
        model.zero_grad(set_to_none=True)


@pytest.mark.parametrize("name", NETWORKS)
def test_branches_have_the_shape_of_the_answer_and_losses_are_for_training_only(name):
    model = build(name)
    for training in (True, False):
        output = model.train(training)(batch(name, "mixed"))
        assert all(b.shape == output.answer.shape for b in output.branches.values())
        assert all(loss.ndim == 0 and loss.isfinite() for loss in output.losses.values())
        assert training or not output.losses


@pytest.mark.parametrize("name", NAMES)
def test_a_configuration_survives_a_round_trip(name):
    config = config_of(name)
    assert isinstance(config, ModelConfig)
    assert type(config).model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_survive_a_round_trip(name, tmp_path):
    model = build(name).eval()
    save_tensors(tmp_path / "w.safetensors", weights(model))
    other = config_of(name).build(signature_of(name)).eval()
    other.load_state_dict(load_file(tmp_path / "w.safetensors"))
    rows = batch(name, "mixed")
    assert torch.equal(model(rows).answer, other(rows).answer)


@pytest.mark.parametrize("name", NETWORKS)
def test_explanations_are_named_and_attention_sums_to_one(name):
    output = build(name).eval()(batch(name, "mixed"), explain=True)
    assert set(output.tokens) <= set(signature_of(name).inputs)
    for weight in output.attention.values():
        torch.testing.assert_close(weight.sum(-1), torch.ones(weight.shape[:-1]))
    assert all(gate.isfinite().all() for gate in output.gates.values())


@pytest.mark.parametrize("name", NAMES)
def test_the_shown_parts_are_those_of_the_snapshot(name):
    """Write them anew with: python tests/contract/snapshots.py."""
    card = model_card(config_of(name))
    assert card == json.loads((SNAPSHOTS / f"{name}.json").read_text())


def test_there_is_a_small_variant_and_small_means_small():
    assert SMALL
    sizes = {name: parameters(name, small=False) for name in SMALL}
    assert {name: size for name, size in sizes.items() if not 0 < size <= SMALL_BOUND} == {}


def test_what_is_too_large_to_run_here_has_a_lighter_variant_of_its_kind():
    kinds = {config_of(name).model_dump()["kind"] for name in NETWORKS}
    large = [name for name in NAMES if SIZES[name] > LIGHT]
    assert [name for name in large if config_of(name).model_dump()["kind"] not in kinds] == []


def few_trees(name):
    """The configuration, with ten trees where there are more."""
    config = config_of(name)
    trees = getattr(config.method, "trees", 0)
    return config.replace(method=config.method.replace(trees=10)) if trees > 10 else config


@cache
def fitted(name):
    """A classical model that has seen two batches, one of them with absent inputs."""
    model = few_trees(name).build(signature_of(name))
    assert isinstance(model, Estimator)
    model.fit([labelled(name, seed=1), labelled(name, "mixed", seed=2)])
    return model


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_classical_model_answers_every_pattern_and_survives_a_round_trip(name, tmp_path):
    model = fitted(name)
    model.save(tmp_path / "model.skops")
    other = few_trees(name).build(signature_of(name))
    other.load(tmp_path / "model.skops")
    assert other.probabilistic == model.probabilistic
    for pattern in PATTERNS:
        plain, poisoned = (batch(name, pattern, behind=b) for b in (0.0, float("nan")))
        answer = model(plain).answer
        assert answer.shape == (ROWS, signature_of(name).outputs) and answer.isfinite().all()
        assert torch.equal(answer, model(poisoned).answer)
        assert torch.equal(answer, other(plain).answer)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_classical_model_gives_probabilities_or_says_that_it_gives_votes(name):
    model = fitted(name)
    output = model(batch(name, "all"))
    if output.logits is None:
        return
    highest = output.logits.max(dim=1).values
    if model.probabilistic:
        torch.testing.assert_close(output.logits.exp().sum(1), torch.ones(ROWS), atol=1e-4, rtol=0)
    else:
        assert (highest == 0).all() and ((output.logits == 0).sum(dim=1) == 1).all()
