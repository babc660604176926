"""A small run with everything a report can show, made of invented objects."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trifid.evaluation.evaluate import evaluate
from trifid.evaluation.predictions import PredictionsWriter, read_predictions
from trifid.schema import grid
from trifid.schema.block import Block, Skipped
from trifid.schema.modality import (
    IDENTITY_COLUMNS,
    ColumnSpec,
    ImageSpec,
    PictureSpec,
    SpectrumSpec,
    StoreSchema,
    TableSpec,
)
from trifid.store import Store, StoreWriter, write_shard

CLASSES = ("SF", "COMP", "AGN", "NORMAL")
LINES = (3727.09, 4862.68, 5008.24, 6564.61, 6585.27, 6725.0)
SIDE = 48
SCHEMA = StoreSchema(
    modalities={
        "image": ImageSpec(
            bands=("u", "g", "r", "i", "z"), height=SIDE, width=SIDE, pixel_scale=0.396
        ),
        "image_rgb": PictureSpec(height=SIDE, width=SIDE),
        "spectrum": SpectrumSpec(),
        "table": TableSpec(features=("modelmag_r", "petror50_r"), units=("mag", "arcsec")),
    },
    columns={
        **IDENTITY_COLUMNS,
        "bpt": ColumnSpec(type="string"),
        "redshift": ColumnSpec(type="float64"),
        "sn_median": ColumnSpec(type="float64"),
    },
)
RECIPE = """name = "galaxy4"
task = "galaxy4"
[inputs.table]
kind = "table"
feature_set = "paper"
[split]
by = "group"
seed = 0
test = [17, 18, 19]
"""
ENVIRONMENT = {"python": "3.11.2", "packages": {"numpy": "2.4.6", "torch": "2.13.0"}, "cpus": 2}
COST = {
    "parameters": 415490,
    "train_seconds": 187.4,
    "rows_per_second": 116.2,
    "peak_memory_bytes": 943718400,
    "device": "cpu",
    "threads": 2,
}


def _observations(names: list[str], generator: np.random.Generator) -> Block:
    """Blobs with a disc's colours and spectra with emission lines."""
    n, wavelength = len(names), grid.wavelengths()
    redshift = generator.uniform(0.02, 0.2, n)
    strength = generator.uniform(0, 8, (n, len(LINES)))
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    tilt, size = generator.uniform(0.4, 1, (n, 1, 1)), generator.uniform(3, 7, (n, 1, 1))
    disc = np.exp(-np.hypot(x, y / tilt) / size)
    colour = np.array([0.15, 0.5, 1.0, 1.4, 1.7]) * generator.uniform(0.7, 1.3, (n, 5))
    flux = colour[:, :, None, None] * disc[:, None] + generator.normal(0, 0.03, (n, 5, SIDE, SIDE))
    continuum = 10 * (wavelength / 6000) ** generator.uniform(-1, 1, (n, 1))
    centre = np.array(LINES) * (1 + redshift[:, None])
    lines = np.exp(-0.5 * ((wavelength - centre[..., None]) / 4) ** 2) * 5 * strength[..., None]
    noise = generator.normal(0, 1, (n, len(wavelength)))
    ivar = np.broadcast_to((wavelength > 3800) & (wavelength < 9200), noise.shape)
    inputs = {
        "image": {"flux": flux.astype(np.float32)},
        "image_rgb": {"pixels": (255 * np.repeat(disc[..., None], 3, 3)).astype(np.uint8)},
        "spectrum": {
            "flux": ((continuum + lines.sum(axis=1) + noise) * ivar).astype(np.float32),
            "ivar": ivar.astype(np.float32),
            "mask": np.zeros((n, grid.LENGTH), np.int32),
        },
        "table": {
            "values": generator.uniform(14, 19, (n, 2)).astype(np.float32),
            "valid": np.ones((n, 2), np.uint8),
        },
    }
    columns: dict[str, Any] = {
        "object_id": names,
        "group": names,
        "ra": generator.uniform(0, 360, n).tolist(),
        "dec": generator.uniform(-10, 60, n).tolist(),
        "source_path": [["a.fits"]] * n,
        "source_sha256": [["0" * 64]] * n,
        "bpt": [("BLANK", "Star Forming", "LINER", None)[k % 4] for k in range(n)],
        "redshift": [*redshift[:-1].tolist(), None],
        "sn_median": generator.uniform(5, 30, n).tolist(),
    }
    return Block(columns, inputs)


def make_store(folder: Path, names: list[str]) -> None:
    """A store of three shards: everything; picture and spectrum; table only."""
    generator = np.random.default_rng(5)
    kept = [("image", "spectrum", "table"), ("image_rgb", "spectrum"), ("table",)]
    shares = [
        [name for k, name in enumerate(names) if k % 6 in (0, 1, 2, 3)],
        names[4::6],
        names[5::6],
    ]
    with StoreWriter(folder, SCHEMA, provenance={"simulated": "true"}) as writer:
        for number, modalities in enumerate(kept):
            block = _observations(shares[number], generator)
            block = Block(block.columns, {name: block.inputs[name] for name in modalities})
            writer.add(write_shard(folder, number, block, SCHEMA))
        writer.finish([Skipped("b.fits", "empty file"), Skipped("c.fits", "empty file")])


def make_predictions(
    path: Path, names: list[str], classes: tuple[str, ...], folds: list[str], task: str
) -> None:
    """Predictions that are mostly right, worse from one modality alone."""
    generator = np.random.default_rng(7)
    labels = generator.integers(0, len(classes), len(names))
    label = [classes[k] for k in labels]
    label[0] = None
    metadata = {"task": task, "model": "gcsnet_small", "simulated": True}
    with PredictionsWriter(path, classes=classes, metadata=metadata) as writer:
        whole, without = ("image+spectrum+table", 3.0), ("image+table", 1.6)
        for subset, skill in (whole, ("image", 1.2), ("spectrum", 2.4), without):
            logits = generator.normal(0, 1, (len(names), len(classes)))
            logits[np.arange(len(names)), labels] += skill
            values = np.exp(logits)
            writer.add(
                {
                    "object_id": names,
                    "group": names,
                    "fold": folds,
                    "subset": subset,
                    "label": label,
                    "probabilities": values / values.sum(axis=1, keepdims=True),
                    "seed": 42,
                    "run": "r",
                }
            )


def _log(generator: np.random.Generator) -> str:
    lines = [
        {
            "epoch": epoch,
            "train_loss": float(1.2 * np.exp(-epoch / 5) + 0.3 + generator.normal(0, 0.02)),
            "valid_loss": float(1.1 * np.exp(-epoch / 5) + 0.45 + generator.normal(0, 0.03)),
            "valid_accuracy": float(0.9 - 0.6 * np.exp(-epoch / 4) + generator.normal(0, 0.01)),
            "valid_macro_f1": float(0.87 - 0.6 * np.exp(-epoch / 4) + generator.normal(0, 0.01)),
        }
        for epoch in range(20)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def make_run(
    folder: Path,
    *,
    classes: tuple[str, ...] = CLASSES,
    names: list[str] | None = None,
    task: str = "galaxy4",
    folds: int = 0,
    rows: int = 240,
) -> Path:
    """Writes FOLDER/store and FOLDER/run; returns the run."""
    names = names or [f"sdss-{300 + k // 40}-51943-{k:03d}" for k in range(rows)]
    run = folder / "run"
    run.mkdir(parents=True)
    make_store(folder / "store", names)
    if folds:
        assigned = [str(k % folds) for k in range(len(names))]
    else:
        assigned = ["test" if k % 3 else ("valid" if k % 2 else "train") for k in range(len(names))]
    make_predictions(run / "predictions.parquet", names, classes, assigned, task)
    metrics = evaluate(read_predictions(run / "predictions.parquet"), resamples=200)
    (run / "metrics.json").write_text(json.dumps(metrics))
    facts = {
        "store": str(folder / "store"),
        "store_hash": Store.open(folder / "store").hash(),
        "split": "group-galaxy4-seed0",
        "seed": 42,
        "folds": folds,
    }
    (run / "run.json").write_text(json.dumps(facts))
    generator = np.random.default_rng(3)
    for part in [run / f"fold-{k}" for k in range(folds)] or [run]:
        part.mkdir(exist_ok=True)
        (part / "log.jsonl").write_text(_log(generator))
        (part / "cost.json").write_text(json.dumps(COST))
        (part / "environment.json").write_text(json.dumps(ENVIRONMENT))
        (part / "recipe.toml").write_text(RECIPE)
    return run


@pytest.fixture(scope="session", autouse=True)
def few_spectra() -> Iterator[None]:
    """The BPT picture fits a dozen spectra instead of hundreds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trifid.evaluation.bpt_plane.MEASURED", 12)
        yield


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with everything; tests may read it and write its report, nothing else."""
    return make_run(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def build() -> Callable[..., Path]:
    """`make_run`, for tests that want another run."""
    return make_run
