"""Classical models in a run: fitted once, kept in a bundle, judged by what they can say."""

import json
from typing import Literal

import numpy as np
import pytest
import torch

from trifid.data.loader import Loader
from trifid.errors import BundleError
from trifid.evaluation.compare import compare
from trifid.evaluation.predictions import read_predictions
from trifid.evaluation.run import judge
from trifid.inference.predict import predict, score_one
from trifid.models.base import ModelConfig
from trifid.schema.batch import Output
from trifid.store.read import Store
from trifid.training.bundle import load_bundle
from trifid.training.run import train


class CentroidConfig(ModelConfig):
    """The class with the nearest mean, or the mean itself: enough to walk the whole way."""

    kind: Literal["test_centroid"] = "test_centroid"
    probabilistic: bool = True

    def build(self, signature):
        """The unfitted estimator."""
        return Centroid(self, signature)


class Centroid:
    def __init__(self, config, signature):
        self.probabilistic, self.signature = config.probabilistic, signature
        self.centres = np.zeros((1, 1))

    def fit(self, batches):
        rows, answers = [], []
        for batch in batches:
            rows.append(self._rows(batch))
            names = self.signature.targets or ("label",)
            answers.append(np.stack([batch.targets[name].numpy() for name in names], axis=1))
        x, y = np.concatenate(rows), np.concatenate(answers)
        if self.signature.targets:
            self.centres = np.nanmean(y, axis=0)[None]
        else:
            self.centres = np.stack([x[y[:, 0] == k].mean(axis=0) for k in range(y.max() + 1)])

    def __call__(self, batch, *, explain=False):
        if self.signature.targets:
            mean = np.repeat(self.centres, len(batch), axis=0).astype(np.float32)
            return Output(mean=torch.from_numpy(mean))
        distance = ((self._rows(batch)[:, None] - self.centres) ** 2).sum(axis=-1)
        if self.probabilistic:
            return Output(logits=torch.from_numpy(-distance).log_softmax(dim=1).float())
        votes = np.where(distance == distance.min(axis=1, keepdims=True), 0.0, -1e4)
        return Output(logits=torch.from_numpy(votes).float())

    def save(self, path):
        path.write_text(json.dumps(self.centres.tolist()))

    def load(self, path):
        self.centres = np.array(json.loads(path.read_text()))

    @staticmethod
    def _rows(batch):
        return batch.inputs["table"].values.double().numpy()


@pytest.fixture(scope="module")
def recipe(small_recipe):
    inputs = {"table": small_recipe.inputs["table"]}
    return small_recipe.replace(name="centroid", inputs=inputs, model=CentroidConfig())


@pytest.fixture(scope="module")
def run(tmp_path_factory, store_folder, recipe):
    out = tmp_path_factory.mktemp("classical") / "run"
    judge(train(recipe, store_folder, out), out)
    return out


@pytest.fixture(scope="module")
def votes(tmp_path_factory, store_folder, recipe):
    out = tmp_path_factory.mktemp("classical") / "votes"
    changed = recipe.replace(model=CentroidConfig(probabilistic=False))
    judge(train(changed, store_folder, out), out)
    return out


def test_a_run_of_a_classical_model_is_complete(run):
    assert (run / "bundle" / "model.skops").is_file()
    assert not (run / "bundle" / "model.safetensors").exists()
    (entry,) = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert entry["valid_accuracy"] > 0 and "train_loss" not in entry
    cost = json.loads((run / "cost.json").read_text())
    assert cost["parameters"] == 0 and cost["device"] == "cpu"
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["metrics"]["macro_auc"]["value"] is not None


def test_resuming_is_nothing_when_done_and_starts_over_else(run, store_folder, recipe, tmp_path):
    before = (run / "bundle" / "bundle.json").read_bytes()
    train(recipe, store_folder, run, resume=True)
    assert (run / "bundle" / "bundle.json").read_bytes() == before
    out = tmp_path / "killed"
    train(recipe, store_folder, out)
    (out / "bundle" / "bundle.json").unlink()
    train(recipe, store_folder, out, resume=True)
    assert (out / "bundle" / "bundle.json").read_bytes() == before


def test_votes_have_no_ranks_and_no_calibration(votes):
    document = json.loads((votes / "metrics.json").read_text())
    nothing = ("macro_auc", "macro_average_precision", "log_loss", "brier")
    assert all(document["metrics"][name]["value"] is None for name in nothing)
    assert document["calibration"]["ece"]["value"] is None
    assert all(entry["auc"]["value"] is None for entry in document["per_class"].values())
    assert document["metrics"]["accuracy"]["value"] is not None
    assert "no probabilities" in " ".join(document["notes"])
    assert load_bundle(votes / "bundle").card.temperature == 1.0


def test_votes_and_probabilities_compare_where_both_have_a_number(run, votes):
    tables = [(f.name, read_predictions(f / "predictions.parquet")) for f in (run, votes)]
    found = {e["metric"]: e for e in compare(tables, resamples=100)["differences"]}
    assert found["accuracy"]["value"] == 0.0 and found["macro_auc"]["value"] is None


def test_one_object_gets_a_class_and_only_real_probabilities(run, votes):
    table = {"modelmag_u": 20.0, "modelmag_g": 18.0, "modelmag_r": 18.0, "modelmag_i": 18.0}
    said = predict(run, table=table | {"modelmag_z": 18.0})
    assert said.predicted and abs(sum(said.probabilities.values()) - 1) < 1e-6
    assert predict(votes, table=table).probabilities == {}


def test_an_altered_file_or_another_kind_of_model_is_refused(run, tmp_path):
    import shutil

    bundle = shutil.copytree(run / "bundle", tmp_path / "bundle")
    (bundle / "model.skops").write_text("[[0]]")
    with pytest.raises(BundleError, match="altered"):
        load_bundle(bundle)
    card = json.loads((run / "bundle" / "bundle.json").read_text())
    card["recipe"]["model"] = {"kind": "gcsnet"}
    again = shutil.copytree(run / "bundle", tmp_path / "again")
    (again / "bundle.json").write_text(json.dumps(card))
    with pytest.raises(BundleError, match=r"model\.skops is not what"):
        load_bundle(again)


def test_a_classical_regression_learns_standardised_numbers(number_store, recipe, tmp_path):
    changed = recipe.replace(task="zsfr", targets=("redshift", "sfr_avg"), labels="default")
    out = tmp_path / "run"
    document = judge(train(changed, number_store, out), out)
    assert document["kind"] == "regression" and document["crossings"] is None
    assert abs(document["metrics"]["redshift_skill"]["value"]) < 1e-3  # it answers the mean
    bundle, store = load_bundle(out / "bundle"), Store.open(number_store)
    said = score_one(bundle, Loader(store, bundle.card.modalities).batch(np.array([3])))
    scale = bundle.card.scales["redshift"]
    value, sd = said.numbers["redshift"]
    assert value == pytest.approx(scale.mean, abs=1e-5) and sd is None
