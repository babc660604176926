"""What a sky lacks on purpose: modalities by pattern, and true labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trifid.errors import ConfigError
from trifid.schema.block import Block
from trifid.simulate.options import SkyOptions


def split_by_pattern(
    rng: np.random.Generator, block: Block, options: SkyOptions
) -> list[Block | None]:
    """The block's rows by pattern of modalities, in the order of `SkyOptions.patterns`."""
    patterns = options.patterns()
    pattern = rng.choice(len(patterns), len(block), p=options.pattern_shares())
    return [_take(block, np.flatnonzero(pattern == k), names) for k, names in enumerate(patterns)]


def without_missing(block: Block, pieces: Sequence[Block | None], modality: str) -> Block:
    """The rows of a block that have a modality in the pieces it was split into."""
    kept = {
        name
        for piece in pieces
        if piece is not None and modality in piece.inputs
        for name in piece.columns["object_id"]
    }
    rows = [row for row, name in enumerate(block.columns["object_id"]) if name in kept]
    taken = _take(block, np.array(rows, dtype=np.int64), tuple(block.inputs))
    if taken is None:
        raise ConfigError(f"no row of a plate has {modality}: lower its share in missing")
    return taken


def _take(block: Block, rows: np.ndarray, names: Sequence[str]) -> Block | None:
    if not rows.size:
        return None
    columns: dict[str, Sequence[Any]] = {
        name: [values[row] for row in rows] for name, values in block.columns.items()
    }
    inputs = {
        name: {key: array[rows] for key, array in block.inputs[name].items()} for name in names
    }
    return Block(columns, inputs)


def mislabelled(rng: np.random.Generator, labels: Sequence[Any], share: float) -> list[Any]:
    """The labels, a share of them replaced by another one of those that occur."""
    known = sorted({label for label in labels if label is not None})
    noisy = list(labels)
    if len(known) < 2:
        return noisy
    for row in np.flatnonzero(rng.random(len(noisy)) < share):
        if noisy[row] is None:
            continue
        others = [label for label in known if label != noisy[row]]
        noisy[row] = others[int(rng.integers(len(others)))]
    return noisy
