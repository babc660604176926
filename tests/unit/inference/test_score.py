"""Scores of raw batches and of stores."""

import numpy as np
import torch
from scipy.special import softmax

from trifid.inference import score
from trifid.inference.score import score_batch, score_store, store_loader
from trifid.store.read import Store


def test_probabilities_are_the_softmax_of_the_logits_over_the_temperature(bundle, store_folder):
    raw = store_loader(bundle, Store.open(store_folder)).batch(np.arange(4))
    got = score_batch(bundle, raw)
    with torch.inference_mode():
        logits = bundle.model(bundle.pipeline(raw)).logits.double().numpy()
    assert bundle.card.temperature != 1
    expected = softmax(logits / bundle.card.temperature, axis=1)
    np.testing.assert_allclose(got.probabilities, expected)
    np.testing.assert_allclose(got.probabilities.sum(axis=1), 1)


def test_a_store_is_scored_in_order_whatever_the_batch_size(bundle, store_folder, monkeypatch):
    store, rows = Store.open(store_folder), np.arange(79, 49, -1)
    whole = list(score_store(bundle, store, rows))
    monkeypatch.setattr(score, "BATCH_SIZE", 7)
    parts = list(score_store(bundle, store, rows))
    assert len(whole) == 1 and len(parts) == 5
    assert np.concatenate([found for found, _ in parts]).tolist() == rows.tolist()
    for name in ("probabilities", "present", "outside"):
        together = np.concatenate([getattr(scored, name) for _, scored in parts])
        np.testing.assert_allclose(together, getattr(whole[0][1], name), atol=1e-5)
    assert whole[0][1].present[:10].tolist() == [[False, True, False]] * 10


def test_nothing_trains_and_no_gradient_is_kept(bundle, store_folder):
    raw = store_loader(bundle, Store.open(store_folder)).batch(np.arange(8))
    before = {name: value.clone() for name, value in bundle.model.state_dict().items()}
    first, second = score_batch(bundle, raw), score_batch(bundle, raw)
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    assert all(torch.equal(before[n], v) for n, v in bundle.model.state_dict().items())
