"""Feature-level fusion: what holds for all five methods, and each one's formula."""

from typing import get_args

import pytest
import torch

from trifid.fusion.feature import FeatureMethod, feature_fusion

METHODS = get_args(FeatureMethod)
PRESENT = torch.tensor([[True, True, True], [False, True, True], [True, False, False], [False] * 3])


def _case(method):
    torch.manual_seed(0)
    return feature_fusion(method, 3, 8), torch.randn(4, 3, 8)


@pytest.mark.parametrize("method", METHODS)
def test_absent_vectors_change_nothing_and_weights_sum_to_one(method):
    fusion, vectors = _case(method)
    fused, weights = fusion(vectors, PRESENT)
    other, _ = fusion(torch.where(PRESENT[..., None], vectors, 1e6), PRESENT)
    assert fused.shape == (4, 8) and torch.equal(fused, other)
    torch.testing.assert_close(weights.sum(dim=1), torch.tensor([1.0, 1.0, 1.0, 0.0]))
    assert (weights[~PRESENT] == 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_gradients_are_finite_whatever_is_absent(method):
    fusion, vectors = _case(method)
    vectors.requires_grad_()
    fusion(vectors, PRESENT)[0].square().sum().backward()
    assert vectors.grad.isfinite().all() and not vectors.grad[~PRESENT].any()
    assert all(p.grad.isfinite().all() for p in fusion.parameters())


def test_the_sum_and_the_product_are_what_their_formulas_say():
    add, vectors = _case("add")
    expected = add.project(vectors[:1].mean(dim=1)).relu()
    torch.testing.assert_close(add(vectors, PRESENT)[0][:1], expected)
    product, vectors = _case("bilinear")
    terms = [1 + product.factors[m](vectors[1, m]).tanh() for m in (1, 2)]
    expected = product.project(terms[0] * terms[1] - 1)
    torch.testing.assert_close(product(vectors, PRESENT)[0][1], expected)
