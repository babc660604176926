"""Toy light curves for the task `series3`: constant, periodic or transient, in two bands.

Not the sky of any survey: shapes, periods, amplitudes and noise are round numbers of our own. What
is real is what a model must live with: nights that fall out, few or many points, errors that grow
with the flux, and a phase and onset that nobody knows.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trifid.schema.block import Block, Fields
from trifid.schema.modality import IDENTITY_COLUMNS, ColumnSpec, SeriesSpec, StoreSchema
from trifid.store import StoreWriter, write_shard

NAME = "series3"
KINDS = ("constant", "periodic", "transient")
BANDS = ("g", "r")
POINTS = 200  # the most of a light curve
DAYS = 90.0
_FEWEST = 20
_SHARD = 1000  # rows


def light_curves(rng: np.random.Generator, rows: int) -> tuple[Fields, np.ndarray]:
    """Fields of the modality `series` (N, 200) and the index of each row's kind (N,)."""
    kind = rng.integers(len(KINDS), size=rows)
    time = np.sort(rng.uniform(0, DAYS, (rows, POINTS)), axis=1)
    band = rng.integers(len(BANDS), size=(rows, POINTS)).astype(np.int16)
    valid = np.arange(POINTS) < rng.integers(_FEWEST, POINTS + 1, (rows, 1))
    level = 10 ** rng.uniform(0.5, 2.0, (rows, 1))  # [nanomaggy]
    colour = np.where(band == 1, rng.uniform(1.0, 2.0, (rows, 1)), 1.0)
    shape = np.select(
        [kind[:, None] == 1, kind[:, None] == 2], [_wave(rng, time), _burst(rng, time)]
    )
    amplitude = 10 ** rng.uniform(-1.0, 0.0, (rows, 1))  # of the level
    flux = level * colour * (1 + amplitude * shape)
    error = np.sqrt(0.2**2 + (0.02 * flux) ** 2)
    fields = {
        "time": np.where(valid, time, 0.0),
        "flux": np.where(valid, flux + error * rng.normal(size=flux.shape), 0.0),
        "error": np.where(valid, error, 0.0),
        "band": np.where(valid, band, 0),
        "valid": valid,
    }
    spec = SeriesSpec(bands=BANDS, length=POINTS)
    dtypes = {name: dtype for name, (dtype, _) in spec.fields().items()}
    return {name: values.astype(dtypes[name]) for name, values in fields.items()}, kind


def _wave(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """A sine with a first overtone; periods of 0.3 to 10 days."""
    rows = (len(time), 1)
    phase = 2 * np.pi * (time / 10 ** rng.uniform(-0.5, 1.0, rows) + rng.uniform(size=rows))
    return np.sin(phase) + rng.uniform(0, 0.5, rows) * np.sin(2 * phase)


def _burst(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """Nothing, then a rise of a few days and a slower decline; within the time observed."""
    rows = (len(time), 1)
    since = time - rng.uniform(0.1, 0.8, rows) * DAYS
    rise, fall = rng.uniform(1, 5, rows), rng.uniform(5, 20, rows)
    shape = np.exp(-np.maximum(since, 0) / fall) - np.exp(-np.maximum(since, 0) / rise)
    return np.where(since > 0, 3 * shape, 0.0)


def write(objects: int, out: Path, *, seed: int) -> None:
    """Writes a store of light curves; a shard of 1,000 rows depends on seed and number alone.

    Raises:
        StoreError: If `out` holds a finished store or cannot be written.
    """
    schema = StoreSchema(
        modalities={"series": SeriesSpec(bands=BANDS, length=POINTS)},
        columns=IDENTITY_COLUMNS
        | {"variability": ColumnSpec(type="string", description="the shape it was made with")},
    )
    provenance = {"simulated": "true", "simulate": f"{NAME} --objects {objects} --seed {seed}"}
    with StoreWriter(out, schema, provenance=provenance) as writer:
        for number, start in enumerate(range(0, objects, _SHARD)):
            rng = np.random.default_rng([seed, number])
            fields, kind = light_curves(rng, _SHARD)
            rows = min(_SHARD, objects - start)
            names = [f"series3-{seed}-{start + row}" for row in range(rows)]
            columns: dict[str, Sequence[Any]] = {
                "object_id": names,
                "group": names,
                "ra": rng.uniform(0, 360, _SHARD)[:rows].tolist(),
                "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, _SHARD)))[:rows].tolist(),
                "source_path": [[]] * rows,
                "source_sha256": [[]] * rows,
                "variability": [KINDS[k] for k in kind[:rows]],
            }
            series = {name: values[:rows] for name, values in fields.items()}
            writer.add(write_shard(out, number, Block(columns, {"series": series}), schema))
        writer.finish([])
