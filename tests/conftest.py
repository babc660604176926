"""Shared fixtures: real survey files (skipping where absent), a small store, a trained run."""

from pathlib import Path

import numpy as np
import pytest

from trifid.schema import grid
from trifid.schema.block import Block
from trifid.schema.modality import (
    IDENTITY_COLUMNS,
    ColumnSpec,
    ImageSpec,
    SpectrumSpec,
    StoreSchema,
    TableSpec,
)
from trifid.store.write import StoreWriter, write_shard

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real survey files; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"real survey files are not here: {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def make_store():
    """A function that writes a small store whose classes can be told apart; see `small_store`."""
    return small_store


SFR = ("avg", "entropy", "median", "mode", "p16", "p2p5", "p84", "p97p5")


def small_store(
    folder: Path,
    *,
    rows: int = 80,
    plates: int = 20,
    seed: int = 0,
    size: int = 16,
    numbers: bool = False,
):
    """Galaxies with the columns of the simulated sky: signal in every modality, some missing.

    Rows 0 .. rows - 11 have image, spectrum and table, the last ten only the spectrum. `numbers`
    adds columns of the task zsfr that follow the label; every ninth row has no SFR.
    """
    generator = np.random.default_rng(seed)
    names = ("Star Forming", "Composite", "Seyfert", "BLANK")
    label = np.arange(rows) % 4
    flux = generator.normal(10, 1, (rows, grid.LENGTH)).astype(np.float32)
    for row, kind in enumerate(label):
        flux[row, 1000 * (kind + 1) : 1000 * (kind + 1) + 60] += 30
    ivar = np.ones_like(flux)
    ivar[:, :100], ivar[:, 500:510] = 0, 0
    flux[ivar == 0] = 0
    image = generator.normal(0, 0.05, (rows, 5, size, size)).astype(np.float32)
    image[:, :, size // 2, size // 2] += (1 + label)[:, None]
    features = ("modelmag_u", "modelmag_g", "modelmag_r", "modelmag_i", "modelmag_z")
    features += ("petror50_r", "ebv_sfd", "redshift", "sn_median", "ebmv", "ew_ha_6562")
    values = generator.normal(18, 0.3, (rows, len(features))).astype(np.float32)
    values[:, 0] += label
    valid = (generator.random(values.shape) > 0.05).astype(np.uint8)
    values[valid == 0] = 0
    schema = StoreSchema(
        modalities={
            "image": ImageSpec(bands=tuple("ugriz"), height=size, width=size, pixel_scale=0.396),
            "spectrum": SpectrumSpec(),
            "table": TableSpec(features=features, units=("mag",) * 5 + ("",) * 6),
        },
        columns=IDENTITY_COLUMNS
        | {
            "plate": ColumnSpec(type="int64"),
            "redshift": ColumnSpec(type="float64"),
            "bpt": ColumnSpec(type="string"),
        },
    )
    columns = {
        "object_id": [f"sdss-{i % plates:04d}-50000-{i:04d}" for i in range(rows)],
        "group": [f"objid-{i}" for i in range(rows)],
        "ra": generator.uniform(0, 360, rows).tolist(),
        "dec": generator.uniform(-60, 60, rows).tolist(),
        "source_path": [[f"spec-{i}.fits"] for i in range(rows)],
        "source_sha256": [["0" * 64]] * rows,
        "plate": [i % plates for i in range(rows)],
        "redshift": generator.uniform(0.02, 0.1, rows).tolist(),
        "bpt": [names[kind] for kind in label],
    }
    if numbers:
        sfr = generator.normal(0, 0.1, (rows, 1)) + label[:, None] + np.arange(len(SFR)) / 8
        sfr[::9] = -99.0
        columns["redshift"] = (0.02 + 0.05 * label + generator.normal(0, 0.005, rows)).tolist()
        columns |= {f"sfr_{name}": sfr[:, k].tolist() for k, name in enumerate(SFR)}
        columns |= {"sfr_flag": (sfr[:, 0] == -99).astype(int).tolist(), "zwarning": [0] * rows}
        schema = schema.replace(
            columns=schema.columns
            | {f"sfr_{name}": ColumnSpec(type="float64") for name in SFR}
            | {name: ColumnSpec(type="int64") for name in ("sfr_flag", "zwarning")}
        )
    inputs = {
        "image": {"flux": image},
        "spectrum": {"flux": flux, "ivar": ivar, "mask": np.zeros(flux.shape, np.int32)},
        "table": {"values": values, "valid": valid},
    }
    with StoreWriter(folder, schema, provenance={"simulated": "true"}) as writer:
        for number, (low, high, keep) in enumerate(
            [(0, rows - 10, tuple(inputs)), (rows - 10, rows, ("spectrum",))]
        ):
            block = Block(
                columns={name: list(c[low:high]) for name, c in columns.items()},
                inputs={
                    name: {key: array[low:high] for key, array in inputs[name].items()}
                    for name in keep
                },
            )
            writer.add(write_shard(folder, number, block, schema))
        writer.finish([])
    return folder


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory):
    """A small store, written once; do not change it."""
    return small_store(tmp_path_factory.mktemp("store") / "store")


@pytest.fixture(scope="session")
def number_store(tmp_path_factory):
    """The same with numbers to predict."""
    return small_store(tmp_path_factory.mktemp("store") / "numbers", numbers=True)


@pytest.fixture(scope="session")
def small_recipe():
    """GCSNet small on image, spectrum and table of the small store, two epochs."""
    from trifid.models.gcsnet import gcsnet_small
    from trifid.recipes.galaxy4 import galaxy4

    recipe = galaxy4().replace(model=gcsnet_small())
    return recipe.edited(
        ["training.epochs=2", "training.batch_size=16", "split.by=group", "training.mixup=0.2"]
    )


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory, store_folder, small_recipe):
    """A finished run of the small recipe; do not change it."""
    from trifid.training.run import train

    out = tmp_path_factory.mktemp("runs") / "run"
    train(small_recipe, store_folder, out)
    return out
