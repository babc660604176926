"""Losses against torch's own."""

import torch
from torch.nn import functional as f

from trifid.losses.classification import binary_cross_entropy, cross_entropy, soft_targets


def test_equals_torch_with_label_smoothing():
    torch.manual_seed(0)
    logits, labels = torch.randn(7, 4), torch.randint(4, (7,))
    got = cross_entropy(logits, soft_targets(labels, 4, 0.1), torch.ones(7))
    torch.testing.assert_close(got, f.cross_entropy(logits, labels, label_smoothing=0.1))


def test_weights_scale_rows():
    logits, labels = torch.randn(3, 2), torch.tensor([0, 1, 1])
    weight = torch.tensor([1.0, 0.0, 0.0])
    got = cross_entropy(logits, soft_targets(labels, 2, 0.0), weight)
    torch.testing.assert_close(got, f.cross_entropy(logits[:1], labels[:1]))


def test_soft_targets_sum_to_one():
    targets = soft_targets(torch.tensor([2, 0]), 4, 0.1)
    torch.testing.assert_close(targets.sum(1), torch.ones(2))
    torch.testing.assert_close(targets[0], torch.tensor([0.025, 0.025, 0.925, 0.025]))


def test_binary_equals_torch():
    logits, targets = torch.randn(5), torch.rand(5)
    got = binary_cross_entropy(logits, targets, torch.ones(5))
    torch.testing.assert_close(got, f.binary_cross_entropy_with_logits(logits, targets))
