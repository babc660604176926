"""Tokens kept for the second stage: nothing but the time changes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from trifid.errors import RunError
from trifid.models.batmm import Batmm, batmm_small
from trifid.recipes.galaxy4 import galaxy4
from trifid.schema.batch import Tokens
from trifid.store.read import Store
from trifid.training import loop, token_cache
from trifid.training.bundle import build_model
from trifid.training.device import Place
from trifid.training.forward import Answers, scores
from trifid.training.loop import Trainer
from trifid.training.objective import ClassObjective
from trifid.training.rows import fit_pipeline, make_loader, task_rows
from trifid.training.run import train
from trifid.training.token_cache import TokenCache, tokens_may_be_kept
from trifid.transforms.dropout import drop_modalities
from trifid.transforms.pipeline import ImageInput, Pipeline, SpectrumInput

HERE = Place(torch.device("cpu"))


@pytest.fixture(scope="module")
def recipe():
    """BATMM in two stages of two epochs; rows lose modalities, and ten have no image at all."""
    recipe = galaxy4().replace(
        model=batmm_small(),
        inputs={
            "spectrum": SpectrumInput(length=800, rebin=2),
            "image": ImageInput(bands=tuple("ugriz")),
        },
    )
    training = ["epochs=4", "batch_size=16", "mixup=0.0", "modality_dropout=0.4"]
    return recipe.edited(["split.by=group", *(f"training.{change}" for change in training)])


@pytest.fixture
def make_trainer(recipe, store_folder, tmp_path):
    """A function: a trainer of the recipe, at the given epoch."""

    def make(epoch=0):
        resolved, task = recipe.resolved()
        store = Store.open(store_folder)
        rows = task_rows(store, resolved, task)
        loader = make_loader(store, resolved, rows.labels)
        pipeline = Pipeline(resolved.inputs, loader.wanted)
        fit_pipeline(pipeline, loader, rows.train)
        model = build_model(resolved, pipeline, task)
        config = resolved.training
        objective = ClassObjective(task.classes, config)
        trainer = Trainer(model, pipeline, loader, rows, objective, config, HERE, tmp_path)
        trainer.state.epoch = epoch
        return trainer

    return make


def keep(trainer):
    """The cache of a trainer in its second stage, the stored loader and the pipeline."""
    trainer._read_from(tokens=True)
    assert isinstance(trainer.source, TokenCache)
    return trainer.source, *trainer.stored


def test_batches_hold_the_tokens_and_targets_of_the_rows_asked_for(make_trainer):
    trainer = make_trainer(epoch=2)
    cache, loader, pipeline = keep(trainer)
    rows = np.random.default_rng(0).permutation(
        np.concatenate([trainer.rows.train, trainer.rows.valid])
    )
    wanted = list(loader.batches(rows, 20))
    found = list(cache.batches(rows, 20))
    assert len(found) == len(wanted) > 2
    absent = 0
    for kept, raw in zip(found, wanted, strict=True):
        batch = pipeline(raw)
        assert kept.ids == batch.ids and torch.equal(kept.targets["label"], batch.targets["label"])
        assert list(kept.inputs) == list(batch.inputs) == ["spectrum", "image"]
        with torch.inference_mode():
            tokens = trainer.model.eval().tokens(batch)
        for name, value in kept.inputs.items():
            assert isinstance(value, Tokens) and value.values.dtype == torch.float32
            assert torch.equal(value.present, batch.inputs[name].present)
            assert not value.values[~value.present].any()
            torch.testing.assert_close(value.values, tokens[name], rtol=1e-5, atol=1e-6)
            absent += int((~value.present).sum())
    assert absent > 0


def test_made_again_they_are_the_same_to_the_bit(make_trainer):
    (one, *_), (other, *_) = keep(make_trainer(epoch=2)), keep(make_trainer(epoch=3))
    assert np.array_equal(one._values, other._values)


def test_loss_and_gradients_are_those_of_the_whole_network(make_trainer):
    """With modality dropout, on rows that lack a modality; content behind the mask counts not."""
    trainer = make_trainer(epoch=2)
    cache, loader, pipeline = keep(trainer)
    rows = trainer.rows.train
    (kept,), (raw,) = cache.batches(rows, len(rows)), loader.batches(rows, len(rows))
    dropped = [with_dropout(batch, trainer) for batch in (kept, pipeline(raw))]
    assert torch.equal(dropped[0].present, dropped[1].present)
    assert dropped[0].present.any(dim=0).all() and not dropped[0].present.all(dim=0).any()
    loss, gradients = loss_and_gradients(trainer, dropped[0])
    wanted_loss, wanted = loss_and_gradients(trainer, dropped[1])
    torch.testing.assert_close(loss, wanted_loss, rtol=1e-6, atol=1e-6)
    assert gradients.keys() == wanted.keys() and not any("encoders" in n for n in gradients)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-4, atol=1e-6)


def test_what_stands_behind_absent_tokens_changes_nothing(make_trainer):
    cache, *_ = keep(trainer := make_trainer(epoch=2))
    (batch,) = cache.batches(trainer.rows.train, len(trainer.rows.train))
    zero, behind = with_dropout(batch, trainer), with_dropout(batch, trainer)
    for value in behind.inputs.values():  # past the constructor, which makes them zero
        poison = torch.where(value.present[:, None, None], value.values, 1e3)
        assert not torch.equal(poison, value.values)
        object.__setattr__(value, "values", poison)
    (loss, gradients), (other_loss, others) = (
        loss_and_gradients(trainer, batch) for batch in (zero, behind)
    )
    assert torch.equal(loss, other_loss)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, others[name], rtol=1e-5, atol=1e-7)
    model = trainer.model.eval()
    assert torch.equal(model(zero).logits, model(behind).logits)


def with_dropout(batch, trainer):
    """A prepared batch whose rows have lost modalities, the same ones whenever it is called."""
    torch.manual_seed(5)
    return drop_modalities(trainer.objective.prepared(batch), 0.4)


def loss_and_gradients(trainer, batch):
    """The training loss of a batch and what it gives to each parameter that learns."""
    model = trainer.model.train()
    model.zero_grad(set_to_none=True)
    torch.manual_seed(6)
    loss = trainer.objective.loss(model(batch), batch)
    loss.backward()
    gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return loss.detach(), gradients


def without_cache(monkeypatch):
    monkeypatch.setattr(loop, "tokens_may_be_kept", lambda *_: False)


def counted_encoding(monkeypatch):
    """A list that grows by the number of rows whenever the image encoder works."""
    from trifid.encoders.batmm_image import BatmmImage

    seen, real = [], BatmmImage.forward

    def forward(self, image):
        seen.append(len(image.present))
        return real(self, image)

    monkeypatch.setattr(BatmmImage, "forward", forward)
    return seen


def log_of(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_a_run_learns_what_it_learns_without_and_encodes_once(
    recipe, store_folder, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        seen = counted_encoding(patch)
        train(recipe, store_folder, tmp_path / "kept")
    rows = json.loads((tmp_path / "kept" / "run.json").read_text())["rows"]
    once = rows["train"] + rows["valid"]
    _tried, *seen = seen  # whether the inputs fit the model
    assert sum(seen) == 3 * once + rows["valid"]  # two epochs, all tokens once, the last answers
    without_cache(monkeypatch)
    train(recipe, store_folder, tmp_path / "plain")
    kept, plain = log_of(tmp_path / "kept"), log_of(tmp_path / "plain")
    for mine, other in zip(kept, plain, strict=True):
        for name in ("train_loss", "valid_loss"):
            assert mine[name] == pytest.approx(other[name], rel=1e-3)
    files = [sorted(p.name for p in (tmp_path / run).rglob("*")) for run in ("kept", "plain")]
    assert files[0] == files[1]


@pytest.fixture(scope="module")
def whole(recipe, store_folder, tmp_path_factory):
    """A run in two stages that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    train(recipe, store_folder, out)
    return out


@pytest.mark.parametrize("stop_at", [5, 10, 14])
def test_a_run_stopped_in_either_stage_resumes_to_the_same_bytes(
    whole, recipe, store_folder, stopped, stop_at
):
    """Within the second, third and fourth epoch, of four steps each."""
    assert log_of(whole)[0]["step"] == 4
    out = stopped(recipe, stop_at)
    train(recipe, store_folder, out, resume=True)
    for name in ("bundle.json", "model.safetensors"):
        assert (out / "bundle" / name).read_bytes() == (whole / "bundle" / name).read_bytes()


def test_the_last_answers_are_those_of_the_best_weights_of_the_first_stage(
    make_trainer, monkeypatch
):
    trainer = make_trainer()
    real = trainer.objective.scores

    def first_is_best(answers, labels):
        return real(answers, labels) | {"macro_f1": float(-trainer.state.epoch)}

    monkeypatch.setattr(trainer.objective, "scores", first_is_best)
    trained = trainer.run()
    assert trained.best_epoch == 0 and len(trained.history) == 4
    loader, pipeline = trainer.stored
    parts = scores(
        trainer.model, pipeline, loader, trainer.rows.valid, HERE, batch_size=16, subsets=()
    )
    expected = Answers.joined(part.answers for part in parts)
    assert np.array_equal(trained.valid.answer, expected.answer)


@pytest.mark.parametrize(
    "change", ["mixup=0.2", "augment.flips=true", "augment.spectrum_noise=0.1"]
)
def test_whatever_changes_the_inputs_of_encoders_leaves_no_cache(recipe, change):
    assert tokens_may_be_kept(recipe.training, HERE)
    changed = recipe.edited([f"training.{change}"])
    assert not tokens_may_be_kept(changed.training, HERE)
    assert not tokens_may_be_kept(recipe.training, replace(HERE, world=2))


def test_only_the_second_stage_reads_tokens(make_trainer):
    trainer = make_trainer()
    stay = []
    for trainer.state.epoch in range(4):
        stay.append(trainer._tokens_stay())
    assert stay == [False, False, True, True]
    signature = batmm_small().example(small=True)
    together = Batmm(batmm_small().replace(stages="end_to_end"), signature)
    assert not any(together.frozen(epoch, 4) for epoch in range(4))


def test_a_full_disk_is_one_clear_error(make_trainer, tmp_path, monkeypatch):
    real = token_cache.tempfile.TemporaryFile

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(token_cache.tempfile, "TemporaryFile", lambda **named: Full(real(**named)))
    with pytest.raises(RunError, match=f"{tmp_path.name}: tokens cannot be kept: No space left"):
        keep(make_trainer(epoch=2))
    assert list(tmp_path.iterdir()) == []
