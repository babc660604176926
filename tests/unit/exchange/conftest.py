"""A store with every kind of modality, every pattern of absence, nulls and hostile text."""

import numpy as np
import pytest

from trifid.schema import grid
from trifid.schema.block import Block
from trifid.schema.modality import (
    IDENTITY_COLUMNS,
    ColumnSpec,
    ImageSpec,
    PictureSpec,
    SeriesSpec,
    SpectrumSpec,
    StoreSchema,
    TableSpec,
)
from trifid.store.read import Store
from trifid.store.write import StoreWriter, write_shard

HOSTILE = (
    '=cmd|"/C calc"!A0',
    "<script>alert('1')</script>&amp;",
    "../../etc/passwd",
    "/abs/olute\\path",
    "line\nbreak\r\x1b[31m\x07",
    "é]]>\u202eright to left 🌌",
)
SCHEMA = StoreSchema(
    modalities={
        "image": ImageSpec(bands=tuple("ugriz"), height=8, width=8, pixel_scale=0.396),
        "image_rgb": PictureSpec(height=4, width=4),
        "series": SeriesSpec(bands=("g", "r"), length=3),
        "spectrum": SpectrumSpec(),
        "table": TableSpec(
            features=("modelmag_r", "flux", "odd/na me"), units=("mag", "nanomaggy", "")
        ),
    },
    columns=IDENTITY_COLUMNS
    | {
        "class": ColumnSpec(type="string", description="class of the survey"),
        "plate": ColumnSpec(type="int64", description="plate"),
        "redshift": ColumnSpec(type="float64", description="redshift, heliocentric"),
        "clean": ColumnSpec(type="bool", description="clean photometry"),
        "flux_r": ColumnSpec(type="float64", unit="nanomaggy", description="<b>flux</b>"),
        "spectrum_flux": ColumnSpec(type="float64", unit="10**(-17)*erg/s/cm**2/Angstrom"),
        "modalities": ColumnSpec(type="int64", description="a name that is taken"),
        "a/b": ColumnSpec(type="float64", description="=1+1"),
    },
)
PATTERNS = (
    ("image", "image_rgb", "series", "spectrum", "table"),
    ("spectrum",),
    ("image", "table"),
    (),
)
ROWS = 3  # of each pattern
PROVENANCE = {"surveys": "sdss", "inputs": "0" * 64}


def columns_of(generator, first, ids):
    """Scalar columns of a few rows; the last of them has nulls everywhere it may."""
    rows = [None if k == ROWS - 1 else first + k for k in range(ROWS)]
    return {
        "object_id": ids,
        "group": [f"g-{first + k}" for k in range(ROWS - 1)] + [f"g-{first}"],
        "ra": generator.uniform(0, 360, ROWS).tolist(),
        "dec": generator.uniform(-80, 80, ROWS).tolist(),
        "source_path": [[], ["a/b.fits", "<c>.fits"], None],
        "source_sha256": [["0" * 64], [], None],
        "class": ["GALAXY", "", None],
        "plate": [2**62 + 1, -1, None],
        "redshift": [0.1 + row if row is not None else None for row in rows],
        "clean": [True, False, None],
        "flux_r": [1e-30, -0.0, None],
        "spectrum_flux": [1.5, 2.5, None],
        "modalities": [7, 8, None],
        "a/b": [1.0, 2.0, None],
    }


def inputs_of(generator, pattern):
    """Content of the modalities of a pattern, with no-data pixels and cells that are not valid."""
    flux = generator.normal(10, 1, (ROWS, grid.LENGTH)).astype(np.float32)
    ivar = generator.uniform(0.5, 2, (ROWS, grid.LENGTH)).astype(np.float32)
    ivar[:, :50], ivar[:, -700:], ivar[0, 2000:2010] = 0, 0, 0
    flux[ivar == 0] = 0
    valid = np.array([[1, 1, 1], [1, 0, 1], [0, 0, 0]], np.uint8)
    values = generator.normal(18, 1, (ROWS, 3)).astype(np.float32) * valid
    image = generator.normal(0.0, 0.1, (ROWS, 5, 8, 8)).astype(np.float32)
    image[0, 0] = 0  # no exposure in u
    content = {
        "image": {"flux": image},
        "image_rgb": {"pixels": generator.integers(0, 256, (ROWS, 4, 4, 3), dtype=np.uint8)},
        "series": {
            "time": generator.uniform(5e4, 6e4, (ROWS, 3)),
            "flux": generator.normal(0, 1, (ROWS, 3)).astype(np.float32),
            "error": np.ones((ROWS, 3), np.float32),
            "band": np.array([[0, 1, 0]] * ROWS, np.int16),
            "valid": np.array([[1, 1, 0]] * ROWS, np.uint8),
        },
        "spectrum": {
            "flux": flux,
            "ivar": ivar,
            "mask": generator.integers(-(2**31), 2**31, flux.shape).astype(np.int32),
        },
        "table": {"values": values, "valid": valid},
    }
    return {name: content[name] for name in pattern}


def write_store(folder, *, provenance=None, drop_positions=False):
    """Twelve rows in four shards."""
    generator = np.random.default_rng(5)
    names = iter(HOSTILE)
    with StoreWriter(folder, SCHEMA, provenance=provenance or PROVENANCE) as writer:
        for number, pattern in enumerate(PATTERNS):
            first = number * ROWS
            ids = [next(names, f"sdss-0001-50000-{first + k:04d}") for k in range(ROWS)]
            columns = columns_of(generator, first, ids)
            if drop_positions or number == 1:
                columns["ra"] = [None, *columns["ra"][1:]]
            if drop_positions:
                columns["dec"] = [None] * ROWS
            block = Block(columns=columns, inputs=inputs_of(generator, pattern))
            writer.add(write_shard(folder, number, block, SCHEMA))
        writer.finish([])
    return folder


@pytest.fixture(scope="session")
def rich_folder(tmp_path_factory):
    """The store, written once; do not change it."""
    return write_store(tmp_path_factory.mktemp("rich") / "store")


@pytest.fixture(scope="session")
def rich(rich_folder):
    """The store, open."""
    return Store.open(rich_folder)


@pytest.fixture(scope="session")
def same_rows():
    """A function that compares rows of two stores by object_id, bit for bit."""
    return compare


def compare(got, expected, *, ids=None, modalities=None):
    """All columns and modalities of the rows `ids` (all of them by default) are equal."""
    theirs, ours = (store.columns().to_pydict() for store in (got, expected))
    wanted = ours["object_id"] if ids is None else ids
    rows = [np.array([c["object_id"].index(key) for key in wanted]) for c in (theirs, ours)]
    assert len(got) == len(wanted)
    assert set(theirs) == set(ours)
    for name in ours:
        left, right = (
            [column[name][k] for k in at] for column, at in zip((theirs, ours), rows, strict=True)
        )
        assert left == right, name
    for name in modalities or expected.schema.modalities:
        left = got.take(rows[0], [name])[name]
        right = expected.take(rows[1], [name])[name]
        for key in right:
            np.testing.assert_array_equal(left[key], right[key], err_msg=f"{name}.{key}")
