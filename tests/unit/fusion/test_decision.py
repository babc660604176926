"""Decision-level fusion on probabilities one can check by hand."""

import torch

from trifid.fusion.decision import fuse_decisions

LOGITS = torch.tensor([[[0.8, 0.2], [0.4, 0.6]], [[0.8, 0.2], [0.1, 0.9]]]).log()
PRESENT = torch.tensor([[True, True], [True, False]])


def _fused(method, **options):
    logits, weights = fuse_decisions(method, LOGITS, PRESENT, **options)
    return logits.softmax(dim=1), weights


def test_the_mean_of_probabilities():
    p, weights = _fused("mean")
    torch.testing.assert_close(p, torch.tensor([[0.6, 0.4], [0.8, 0.2]]))
    torch.testing.assert_close(weights, torch.tensor([[0.5, 0.5], [1.0, 0.0]]))


def test_the_weighted_mean():
    p, weights = _fused("weighted", scores=torch.tensor([3.0, 1.0]).log())
    torch.testing.assert_close(p, torch.tensor([[0.7, 0.3], [0.8, 0.2]]))
    torch.testing.assert_close(weights[0], torch.tensor([0.75, 0.25]))


def test_the_product_of_experts():
    p, _ = _fused("product")
    torch.testing.assert_close(p, torch.tensor([[0.32 / 0.44, 0.12 / 0.44], [0.8, 0.2]]))


def test_a_row_without_answers_is_undecided_and_its_gradients_are_finite():
    for method in ("mean", "weighted", "product"):
        logits = LOGITS.clone().requires_grad_()
        scores = torch.zeros(2, requires_grad=True)
        nothing = torch.zeros_like(PRESENT)
        fused, _ = fuse_decisions(method, logits, nothing, scores)
        torch.testing.assert_close(fused.softmax(dim=1), torch.full((2, 2), 0.5))
        fused.square().sum().backward()
        assert not logits.grad.any()
