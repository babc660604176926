"""Batches: absence is zero, whatever lies behind the mask."""

import pytest
import torch

from trifid.errors import InputError
from trifid.schema.batch import Batch, Image, Picture, Series, Spectrum, Table, Tokens

THERE = torch.tensor([True, False])


def inputs(content):
    """One input of each kind whose every number is `content`."""
    row = torch.full((2, 4), content)
    return {
        "image": Image(torch.full((2, 3, 5, 5), content), THERE),
        "picture": Picture(torch.full((2, 5, 5, 3), 200, dtype=torch.uint8), THERE),
        "spectrum": Spectrum(row, row, THERE),
        "table": Table(row, torch.ones(2, 4, dtype=torch.bool), THERE),
        "series": Series(row, row, row, row, torch.ones(2, 4, dtype=torch.bool), THERE),
        "tokens": Tokens(torch.full((2, 3, 4), content), THERE),
    }


def batch(content=1.0):
    return Batch(ids=("a", "b"), inputs=inputs(content), context={"redshift": torch.zeros(2)})


@pytest.mark.parametrize("content", [1.0, 1e6, float("nan"), float("inf")])
def test_absent_rows_are_zero_and_present_ones_untouched(content):
    for value in inputs(content).values():
        for name, tensor in vars(value).items():
            if name != "present":
                assert not tensor[1].any()
                assert tensor[0].ne(0).all()


def test_where_absent_and_only():
    whole = batch()
    assert whole.present.tolist() == [[True] * 6, [False] * 6]
    assert not whole.inputs["table"].absent().present.any()
    kept = whole.only(("image", "table"))
    assert kept.present[0].tolist() == [True, False, False, True, False, False]
    assert not kept.inputs["spectrum"].flux.any() and whole.inputs["spectrum"].flux.any()
    assert list(kept.inputs) == list(whole.inputs)


def test_weights_are_one_unless_given_and_replace_changes_one_thing():
    assert batch().weight.tolist() == [1, 1]
    changed = batch().replace(weight=torch.tensor([2.0, 0.5]))
    assert changed.weight.tolist() == [2, 0.5] and changed.ids == ("a", "b")
    moved = changed.to(torch.device("cpu"))
    assert torch.equal(moved.weight, changed.weight) and set(moved.context) == {"redshift"}


def test_rows_that_do_not_agree_are_refused():
    with pytest.raises(InputError, match=r"Image\.flux has 3 rows, present has 2"):
        Image(torch.zeros(3, 1, 2, 2), THERE)
    with pytest.raises(InputError, match="'image' has 2 rows for 3 ids"):
        Batch(ids=("a", "b", "c"), inputs={"image": inputs(1.0)["image"]})
