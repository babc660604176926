"""Missing modalities and wrong labels of a simulated sky."""

import numpy as np
import pytest

from trifid.errors import ConfigError
from trifid.schema.block import Block
from trifid.simulate import gaps
from trifid.simulate.options import SkyOptions

_ROWS = 200


@pytest.fixture
def block() -> Block:
    columns = {"object_id": [f"O{row}" for row in range(_ROWS)]}
    content = np.arange(_ROWS, dtype=np.float32)
    inputs = {
        name: {"content": content + index}
        for index, name in enumerate(("image", "spectrum", "table"))
    }
    return Block(columns, inputs)


def _split(block: Block, **missing: float) -> list[Block | None]:
    options = SkyOptions(missing=missing)
    return gaps.split_by_pattern(np.random.default_rng(3), block, options)


def test_missing_patterns_divide_the_rows(block) -> None:
    pieces = _split(block, **{"image": 0.3, "spectrum+table": 0.2})
    assert [set(piece.inputs) for piece in pieces if piece is not None] == [
        {"image", "spectrum", "table"},
        {"spectrum", "table"},
        {"image"},
    ]
    counts = [len(piece) for piece in pieces if piece is not None]
    assert sum(counts) == _ROWS
    assert counts[1] == pytest.approx(60, abs=24)
    ids = [name for piece in pieces if piece is not None for name in piece.columns["object_id"]]
    assert sorted(ids) == sorted(block.columns["object_id"])


def test_a_pattern_no_row_has_is_none(block) -> None:
    assert _split(block, image=1.0)[0] is None


def test_rows_of_a_catalogue_are_those_that_have_a_table_in_their_order(block) -> None:
    pieces = _split(block, table=0.4)
    listed = gaps.without_missing(block, pieces, "table")
    complete = pieces[0]
    assert complete is not None
    assert listed.columns["object_id"] == complete.columns["object_id"]
    rows = [int(name[1:]) for name in listed.columns["object_id"]]
    assert listed.inputs["image"]["content"].tolist() == rows
    with pytest.raises(ConfigError, match="no row of a plate has table"):
        gaps.without_missing(block, _split(block, table=1.0), "table")


def test_label_noise_changes_that_share_of_labels() -> None:
    labels = ["A", "B", "C", None] * 500
    noisy = gaps.mislabelled(np.random.default_rng(0), labels, 0.2)
    changed = np.mean([a != b for a, b in zip(labels, noisy, strict=True)])
    assert changed == pytest.approx(0.15, abs=0.03)  # null stays null
    assert set(noisy) == {"A", "B", "C", None}
    assert gaps.mislabelled(np.random.default_rng(0), ["A", None], 1.0) == ["A", None]
