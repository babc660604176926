"""The Transformer encoder: masks, order, attention weights."""

import torch

from trifid.nn.transformer import Transformer


def _case():
    torch.manual_seed(0)
    present = torch.tensor([[True] * 6, [True, False, True, True, False, False]])
    return Transformer(16, heads=4, layers=2, hidden=32).eval(), torch.randn(2, 6, 16), present


def test_absent_tokens_do_not_change_present_ones():
    model, x, present = _case()
    other = torch.where(present[..., None], x, 1e3)
    torch.testing.assert_close(model(x, present)[present], model(other, present)[present])


def test_without_positions_the_order_of_tokens_only_orders_the_answers():
    model, x, present = _case()
    order = torch.tensor([3, 1, 0, 5, 4, 2])
    torch.testing.assert_close(
        model(x[:, order], present[:, order]), model(x, present)[:, order], rtol=1e-4, atol=1e-5
    )


def test_attention_of_every_layer_sums_to_one_over_present_tokens():
    model, x, present = _case()
    found = model.weights(x, present)
    assert len(found) == 2
    for weights in found:
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 6))
        assert (weights[1][..., ~present[1]] == 0).all()


def test_gradients_stay_finite_for_a_row_without_tokens():
    model, x, _ = _case()
    model(x, torch.zeros(2, 6, dtype=torch.bool)).sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
