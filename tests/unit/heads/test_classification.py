"""The cosine head: papers.md F.2."""

import torch

from trifid.heads.classification import CosineHeadConfig, LinearHeadConfig


def test_cosine_logits_ignore_the_norm_and_are_bounded_by_the_scale():
    torch.manual_seed(0)
    head = CosineHeadConfig().build(32, 4)
    x = torch.randn(10, 32)
    torch.testing.assert_close(head(x), head(10 * x))
    assert head(x).abs().max() <= 30.0
    aligned = head(head.weight.detach()[:1] * 5)
    torch.testing.assert_close(aligned[0, 0], torch.tensor(30.0))


def test_the_scale_is_learned():
    head = CosineHeadConfig().build(8, 3)
    head(torch.randn(4, 8))[:, 0].sum().backward()
    assert head.scale.grad is not None and head.scale.grad != 0


def test_no_input_gives_equal_scores():
    logits = CosineHeadConfig().build(8, 3)(torch.zeros(2, 8))
    assert torch.equal(logits, torch.zeros(2, 3))


def test_linear_head_shape():
    assert LinearHeadConfig().build(8, 3)(torch.zeros(2, 8)).shape == (2, 3)
