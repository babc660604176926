"""Classical models: they learn, live with what is missing, weigh classes, say what they can do."""

import builtins

import numpy as np
import pytest
import torch

from trifid import registry
from trifid.errors import ConfigError, InputError
from trifid.models.base import Estimator
from trifid.models.classical import LEAST_PROBABILITY, NO_VOTE, ClassicalConfig
from trifid.models.methods import (
    ExtraTreesMethod,
    KnnMethod,
    LdaMethod,
    LinearRegressionMethod,
    LogisticMethod,
)
from trifid.schema.signature import Signature

CONFIGS = {
    entry.name: entry.build().replace(components=8)
    for entry in registry.entries("model")
    if entry.name.startswith("classical_")
}
CLASSIFIERS = [name for name, config in CONFIGS.items() if not config.method.regression]
TABLE_4 = {name for name in CLASSIFIERS if name not in ("classical_svm_rbf", "classical_xgboost")}
SHAPES = {"image": (2, 9, 9), "spectrum": (40,), "table": (6,)}
SIGNATURE = Signature(inputs=SHAPES, classes=("a", "b", "c"))
NUMBERS = Signature(inputs=SHAPES, targets=("redshift", "sfr"))


def fitted(config, batch):
    model = config.build(NUMBERS if config.method.regression else SIGNATURE)
    model.fit([batch])
    return model


def accuracy(model, batch):
    return float((model(batch).logits.argmax(1) == batch.targets["label"]).float().mean())


def test_the_table_has_thirteen_methods_and_three_of_four_kinds_of_answers():
    assert len(TABLE_4) == 13
    model = CONFIGS["classical_extra_trees"].build(SIGNATURE)
    assert isinstance(model, Estimator)


@pytest.mark.parametrize("name", CONFIGS)
def test_it_learns_and_its_file_answers_the_same(name, make_batch, tmp_path):
    train, test = make_batch(), make_batch(90, seed=1)
    model = fitted(CONFIGS[name], train)
    answer = model(test).answer
    assert answer.dtype == torch.float32 and answer.isfinite().all()
    if name == "classical_mean":
        expected = np.mean(train.targets["redshift"].numpy())
        np.testing.assert_allclose(answer[:, 0], expected, rtol=1e-6)
    elif model.regression:
        assert np.corrcoef(answer[:, 0], test.targets["redshift"])[0, 1] > 0.7
    else:
        assert accuracy(model, test) > 0.6
    model.save(tmp_path / "model.bin")
    other = CONFIGS[name].build(model.signature)
    other.load(tmp_path / "model.bin")
    assert torch.equal(other(test).answer, answer)
    assert other.probabilistic == model.probabilistic


@pytest.mark.parametrize("name", [n for n in CONFIGS if n not in CLASSIFIERS])
def test_a_single_number_is_predicted_too(name, make_batch, tmp_path):
    signature = NUMBERS.replace(targets=("redshift",))
    model = CONFIGS[name].build(signature)
    model.fit([make_batch()])
    answer = model(make_batch(30, seed=1)).answer
    assert answer.shape == (30, 1)
    model.save(tmp_path / "model.bin")
    other = CONFIGS[name].build(signature)
    other.load(tmp_path / "model.bin")
    assert torch.equal(other(make_batch(30, seed=1)).answer, answer)


def test_which_methods_have_no_probabilities_is_seen_not_listed(make_batch):
    """The published table has no AUC for the SVM and the ridge classifier (and the network)."""
    without = {name for name in TABLE_4 if not CONFIGS[name].build(SIGNATURE).probabilistic}
    assert without == {"classical_linear_svm", "classical_ridge"}
    votes = fitted(CONFIGS["classical_ridge"], make_batch())(make_batch(30, seed=2)).logits
    assert set(votes.unique().tolist()) == {NO_VOTE, 0.0}
    chances = fitted(CONFIGS["classical_lda"], make_batch())(make_batch(30, seed=2)).logits.exp()
    torch.testing.assert_close(chances.sum(1), torch.ones(30))


@pytest.mark.parametrize("name", ["classical_logistic", "classical_linear_regression"])
def test_what_is_behind_the_mask_changes_nothing(name, make_batch):
    answers = [
        fitted(CONFIGS[name], make_batch(behind=value))(make_batch(60, seed=1, behind=value)).answer
        for value in (0.0, 1e6, float("nan"))
    ]
    assert torch.equal(answers[0], answers[1]) and torch.equal(answers[0], answers[2])


def test_every_subset_of_inputs_is_answered(make_batch):
    model = fitted(CONFIGS["classical_logistic"], make_batch())
    test = make_batch(90, seed=1)
    for kept in ((), ("image",), ("spectrum", "table")):
        assert model(test.only(kept)).logits.isfinite().all()
    assert accuracy(model, test.only(("table",))) > accuracy(model, test.only(("image",)))


def test_batches_may_be_cut_anywhere_and_unlabelled_rows_teach_nothing(make_batch):
    train, test = make_batch(), make_batch(60, seed=1)
    whole = fitted(CONFIGS["classical_random_forest"], train)(test).logits
    marked = train.replace(targets=train.targets | {"label": train.targets["label"].clone()})
    marked.targets["label"][200:] = -1
    foreign = make_batch(40, seed=5)
    foreign = foreign.replace(targets={"label": torch.full((40,), -1)})
    model = CONFIGS["classical_random_forest"].build(SIGNATURE)
    model.fit(iter([train, foreign]))
    assert torch.equal(model(test).logits, whole)
    assert not torch.equal(fitted(CONFIGS["classical_random_forest"], marked)(test).logits, whole)


def test_a_class_without_training_rows_gets_the_least_probability(make_batch):
    train = make_batch()
    label = train.targets["label"].clone()
    label[label == 1] = -1
    model = fitted(CONFIGS["classical_extra_trees"], train.replace(targets={"label": label}))
    logits = model(make_batch(30, seed=1)).logits
    assert logits.shape == (30, 3)
    assert torch.allclose(logits[:, 1], torch.tensor(float(np.log(LEAST_PROBABILITY))))


@pytest.mark.parametrize("method", [LogisticMethod(), LdaMethod(), ExtraTreesMethod(leaf=5)])
def test_balanced_weights_help_the_rare_class(method, make_batch):
    train, test = make_batch(600), make_batch(300, seed=1)
    label = train.targets["label"].clone()
    label[(label == 1) & (torch.arange(600) % 12 != 1)] = -1
    train = train.replace(targets={"label": label})
    rare = test.targets["label"] == 1
    recall = {}
    for weights in ("none", "balanced"):
        config = ClassicalConfig(method=method, components=8, class_weight=weights)
        found = fitted(config, train)(test).logits.argmax(1)
        recall[weights] = float((found[rare] == 1).float().mean())
    assert recall["balanced"] > recall["none"]


def test_images_are_averaged_and_all_pixels_can_be_kept(make_batch):
    config = ClassicalConfig(method=LogisticMethod(), components=0, side=3)
    model = fitted(config, make_batch())
    assert model.widths == {"image": 2 * 9, "spectrum": 40, "table": 6}
    assert model.prepare.named_transformers_["spectrum"].steps[-1][1].n_features_in_ == 40


@pytest.mark.parametrize(
    "config, signature, expected",
    [
        (ClassicalConfig(method=KnnMethod(), class_weight="balanced"), SIGNATURE, "cannot weigh"),
        (ClassicalConfig(method=LdaMethod()), NUMBERS, "predicts classes"),
        (ClassicalConfig(method=LinearRegressionMethod()), SIGNATURE, "predicts numbers"),
        (ClassicalConfig(), Signature(inputs={"series": (5, 2)}, classes=("a", "b")), "series"),
        (ClassicalConfig(), Signature(inputs={}, classes=("a", "b")), "at least one input"),
    ],
)
def test_what_does_not_fit_is_refused_when_built(config, signature, expected):
    with pytest.raises(ConfigError, match=expected):
        config.build(signature)


def test_what_cannot_be_learnt_is_refused(make_batch, tmp_path):
    model = ClassicalConfig().build(SIGNATURE)
    with pytest.raises(ConfigError, match="not fitted"):
        model(make_batch(3))
    with pytest.raises(ConfigError, match="not fitted"):
        model.save(tmp_path / "model.bin")
    with pytest.raises(InputError, match="no rows"):
        model.fit([])
    batch = make_batch(6)
    with pytest.raises(InputError, match="two classes"):
        model.fit([batch.replace(targets={"label": torch.zeros(6, dtype=torch.int64)})])


@pytest.mark.parametrize("package", ["lightgbm", "xgboost"])
def test_a_missing_extra_is_said_in_one_line(package, make_batch, monkeypatch):
    import importlib

    real = importlib.import_module

    def refuse(name, *rest):
        if name == package:
            raise builtins.ImportError(f"No module named {name!r}")
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", refuse)
    model = CONFIGS[f"classical_{package}"].build(SIGNATURE)  # listing and showing need no extra
    with pytest.raises(ConfigError, match=r"pip install 'trifid\[models\]'"):
        model.fit([make_batch()])


def test_a_configuration_survives_json_with_its_method():
    for config in CONFIGS.values():
        assert ClassicalConfig.model_validate_json(config.model_dump_json()) == config
