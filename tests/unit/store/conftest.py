"""A small schema, blocks and stores of three shards with different modalities."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trifid.schema.block import Block, Skipped
from trifid.schema.modality import (
    IDENTITY_COLUMNS,
    ColumnSpec,
    ImageSpec,
    SpectrumSpec,
    StoreSchema,
    TableSpec,
)
from trifid.store import Store, StoreWriter, write_shard

MODALITIES = (("image", "spectrum"), ("table",), ("image", "spectrum", "table"))


@pytest.fixture(scope="session")
def schema() -> StoreSchema:
    return StoreSchema(
        modalities={
            "image": ImageSpec(bands=("g", "r"), height=4, width=3, pixel_scale=0.396),
            "spectrum": SpectrumSpec(length=7),
            "table": TableSpec(features=("mag", "size"), units=("mag", "arcsec")),
        },
        columns=IDENTITY_COLUMNS
        | {
            "plate": ColumnSpec(type="int64"),
            "redshift": ColumnSpec(type="float64", description="heliocentric"),
            "class": ColumnSpec(type="string"),
            "image_edge": ColumnSpec(type="bool"),
        },
    )


@pytest.fixture(scope="session")
def make_block(schema: StoreSchema) -> Callable[..., Block]:
    def make(rows: int, modalities: Sequence[str], *, first: int = 0, **columns: Any) -> Block:
        random = np.random.default_rng(first)
        values: dict[str, Any] = {name: [None] * rows for name in schema.columns}
        values["object_id"] = [f"sdss-266-51602-{first + i}" for i in range(rows)]
        values["group"] = [f"objid-{(first + i) // 2}" for i in range(rows)]
        values["plate"] = [266 + i % 3 if i else None for i in range(rows)]
        values["redshift"] = [0.1 * i if i % 2 else None for i in range(rows)]
        values["class"] = ["GALAXY" if i % 3 else None for i in range(rows)]
        values["image_edge"] = [bool(i % 2) if i else None for i in range(rows)]
        values["source_path"] = [["a.fits", "b.fits"] if i else None for i in range(rows)]
        inputs = {
            name: {
                field: (100 * random.random((rows, *shape))).astype(dtype)
                for field, (dtype, shape) in schema.modalities[name].fields().items()
            }
            for name in modalities
        }
        return Block(values | columns, inputs)

    return make


@pytest.fixture(scope="session")
def blocks(make_block: Callable[..., Block]) -> list[Block]:
    return [make_block(5, names, first=5 * i) for i, names in enumerate(MODALITIES)]


@pytest.fixture
def store(tmp_path: Path, schema: StoreSchema, blocks: list[Block]) -> Store:
    folder = tmp_path / "sky"
    with StoreWriter(folder, schema, provenance={"survey": "sdss"}) as writer:
        for number in (2, 0, 1):
            writer.add(write_shard(folder, number, blocks[number], schema))
        writer.finish([Skipped("z.fits", "empty file"), Skipped("a.fits", "duplicate", "x")])
    return Store.open(folder)
