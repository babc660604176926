"""The four levels of fusion: identical encoders, one switch, gates of every row."""

from typing import get_args

import pytest
import torch

from trifid.errors import ConfigError
from trifid.fusion.decision import DecisionMethod
from trifid.fusion.feature import FeatureMethod
from trifid.models.card import meta_batch, model_card
from trifid.models.fusion_levels import Level, fusion_data, fusion_feature, fusion_feature_small
from trifid.schema.signature import Signature

SIGNATURE = fusion_feature_small().example(small=True)
LEVELS = [level for level in get_args(Level) if level != "data"]


def _built(signature=SIGNATURE, **fields):
    torch.manual_seed(0)
    return fusion_feature_small().replace(**fields).build(signature).eval()


def _batch(signature=SIGNATURE, rows=3):
    batch = meta_batch(signature, rows)
    torch.manual_seed(1)
    for name, value in batch.inputs.items():
        (value.values if name == "table" else value.flux).normal_()
    return batch


def test_encoders_are_the_same_at_every_level_but_that_of_data():
    torch.manual_seed(0)
    states = [_built(level=level).encoders.state_dict() for level in LEVELS]
    for state in states[1:]:
        assert all(torch.equal(state[name], value) for name, value in states[0].items())
    assert not len(_built(level="data").encoders)


def test_raw_numbers_at_the_level_of_data():
    parts = {part["name"]: part for part in model_card(fusion_data())["parts"]}
    assert parts["level.layers.0"]["parameters"] == (1291 + 1) * 256


@pytest.mark.parametrize("method", get_args(FeatureMethod))
def test_every_feature_method_answers_with_one_two_or_all_modalities(method):
    model = _built(level="feature", feature=method)
    for names in (("spectrum",), ("image", "table"), tuple(SIGNATURE.inputs)):
        output = model(_batch().only(names))
        assert output.logits.isfinite().all()
        given = torch.stack([output.gates[name] for name in names])
        torch.testing.assert_close(given.sum(dim=0), torch.ones(3))


@pytest.mark.parametrize("method", get_args(DecisionMethod))
def test_the_decision_level_alone_is_its_only_branch(method):
    output = _built(level="decision", decision=method)(_batch().only(("spectrum",)))
    expected = output.branches["spectrum"].softmax(dim=1)
    torch.testing.assert_close(output.logits.softmax(dim=1), expected)


def test_the_hybrid_level_mixes_the_two_by_the_gate_of_each_row():
    model, batch = _built(level="hybrid"), _batch()
    seen = {}
    for name in ("feature", "decision"):
        part = getattr(model.level, name)
        part.register_forward_hook(lambda _, __, out, name=name: seen.update({name: out.answer}))
    output = model(batch)
    gate = output.gates["feature_level"]
    assert gate.shape == (3,) and (gate > 0).all() and (gate < 1).all()
    p = {name: answer.softmax(dim=1) for name, answer in seen.items()}
    expected = gate[:, None] * p["feature"] + (1 - gate[:, None]) * p["decision"]
    torch.testing.assert_close(output.logits.softmax(dim=1), expected)


@pytest.mark.parametrize("level", LEVELS)
def test_numbers_are_predicted_too(level):
    signature = SIGNATURE.replace(classes=(), targets=("redshift", "sfr"))
    output = _built(signature, level=level)(_batch(signature))
    assert output.logits is None and output.mean.shape == (3, 2)


def test_what_makes_no_sense_is_refused():
    signature = SIGNATURE.replace(classes=(), targets=("redshift",))
    with pytest.raises(ConfigError, match="'product' is for classes"):
        _built(signature, level="decision", decision="product")
    series = Signature(inputs={"series": (30,)}, classes=("a", "b"))
    with pytest.raises(ConfigError, match="'series' cannot be joined at the level of data"):
        fusion_data().build(series)
    with pytest.raises(ConfigError, match="takes image, spectrum, table, series"):
        fusion_feature().build(Signature(inputs={"sound": (3,)}, classes=("a", "b")))
