"""The toy task of light curves runs from store to predictions' scores."""

import json

import numpy as np
import pytest

from trifid.models.recurrent import bigru_small, sequence_transformer_small
from trifid.recipes.series import series3
from trifid.schema.block import Block
from trifid.schema.modality import IDENTITY_COLUMNS, ColumnSpec, SeriesSpec, StoreSchema
from trifid.store.write import StoreWriter, write_shard
from trifid.training.run import train

KINDS = ("constant", "periodic", "transient")


def _light_curves(rows, points, generator):
    """Padded light curves of 8 to `points` points in two bands."""
    time = np.sort(generator.uniform(0, 30, (rows, points)), axis=1)
    kind = np.arange(rows) % 3
    phase = generator.uniform(0, 6.28, (rows, 1))
    shape = np.where(kind[:, None] == 1, np.sin(2 * time + phase), 0.0)
    shape += np.where(kind[:, None] == 2, 4 * np.exp(-((time - 15) ** 2) / 8), 0.0)
    band = generator.integers(0, 2, (rows, points)).astype(np.int16)
    valid = np.arange(points) < generator.integers(8, points + 1, (rows, 1))
    flux = 20 + 10 * band + 3 * shape + generator.normal(0, 0.3, (rows, points))
    fields = {
        "time": np.where(valid, time, 0.0),
        "flux": np.where(valid, flux, 0.0).astype(np.float32),
        "error": np.where(valid, 0.3, 0.0).astype(np.float32),
        "band": band,
        "valid": valid.astype(np.uint8),
    }
    return fields, [KINDS[i] for i in kind]


@pytest.fixture(scope="module")
def toy_store(tmp_path_factory):
    folder, rows, points = tmp_path_factory.mktemp("series") / "store", 240, 24
    fields, kinds = _light_curves(rows, points, np.random.default_rng(0))
    schema = StoreSchema(
        modalities={"series": SeriesSpec(bands=("g", "r"), length=points)},
        columns=IDENTITY_COLUMNS | {"variability": ColumnSpec(type="string")},
    )
    columns = {
        "object_id": [f"objid-{i}" for i in range(rows)],
        "group": [f"objid-{i}" for i in range(rows)],
        "ra": np.linspace(0, 350, rows).tolist(),
        "dec": np.linspace(-60, 60, rows).tolist(),
        "source_path": [[]] * rows,
        "source_sha256": [[]] * rows,
        "variability": kinds,
    }
    with StoreWriter(folder, schema, provenance={"simulated": "true"}) as writer:
        block = Block(columns=columns, inputs={"series": fields})
        writer.add(write_shard(folder, 0, block, schema))
        writer.finish([])
    return folder


@pytest.mark.parametrize("model", [bigru_small(), sequence_transformer_small()])
def test_light_curves_train_to_far_above_chance(model, toy_store, tmp_path):
    recipe = series3().replace(model=model)
    changes = ["training.epochs=12", "training.batch_size=16", "training.learning_rate=5e-3"]
    train(recipe.edited(changes), toy_store, tmp_path / "run")
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert max(entry["valid_accuracy"] for entry in log) > 0.6
