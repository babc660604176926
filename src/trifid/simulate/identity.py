"""Keys and places of the rows of a plate, packed as the survey packs them (DR8 and later)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trifid.schema.modality import ColumnSpec
from trifid.simulate.instruments import Instrument

PLATE_RADIUS = 1.49  # [deg], SDSS and BOSS
NIGHTS = 30  # [day] between two observations of a plate

COLUMNS = {
    "plate": ColumnSpec(type="int64", description="number of the plate"),
    "mjd": ColumnSpec(type="int64", unit="day", description="date of the observation"),
    "fiber": ColumnSpec(type="int64", description="fibre, from 1"),
    "run2d": ColumnSpec(type="string", description="reduction"),
    "specobjid": ColumnSpec(type="string", description="key of the spectrum"),
    "bestobjid": ColumnSpec(type="string", description="key of the photometric object"),
}


def identity(
    rng: np.random.Generator,
    instrument: Instrument,
    plate: int,
    which: np.ndarray,
    night: np.ndarray,
) -> dict[str, Sequence[Any]]:
    """Keys, group and place of each row.

    Args:
        rng: Random numbers.
        instrument: Says how plates are numbered.
        plate: Index of the plate, from 0.
        which: Object of each row (R,), from 0 without gaps.
        night: 0, or 1 where the row observes its object a second time (R,).
    """
    number, count = instrument.first_plate + plate, int(which.max()) + 1
    mjd = instrument.first_mjd + 3 * plate + NIGHTS * night
    fibers = np.zeros(which.size, dtype=np.int64)
    for date in (0, 1):
        rows = night == date
        fibers[rows] = rng.permutation(instrument.fibres)[: rows.sum()] + 1
    centre = rng.uniform(120.0, 240.0), np.degrees(np.arcsin(rng.uniform(0.0, 0.85)))
    distance, turn = PLATE_RADIUS * np.sqrt(rng.random(count)), rng.uniform(0.0, 2 * np.pi, count)
    dec = centre[1] + distance * np.sin(turn)
    ra = centre[0] + distance * np.cos(turn) / np.cos(np.radians(dec))
    run = 1000 + plate
    numbers = rng.permutation(count).tolist()  # an id tells nothing of its object
    keys = [str(photometric_id(run, 1 + item % 6, 11 + item // 6, item)) for item in numbers]
    spectra = list(zip(mjd.tolist(), fibers.tolist(), strict=True))
    survey = instrument.survey
    names = [f"{survey}-{number:04d}-{day:05d}-{fiber:04d}" for day, fiber in spectra]
    packed = [str(spectroscopic_id(number, day, fiber, instrument.run2d)) for day, fiber in spectra]
    return {
        "object_id": names,
        "group": [f"objid-{keys[item]}" for item in which],
        "ra": ra[which].tolist(),
        "dec": dec[which].tolist(),
        "source_path": [[] for _ in which],
        "source_sha256": [[] for _ in which],
        "plate": [number] * which.size,
        "mjd": mjd.tolist(),
        "fiber": fibers.tolist(),
        "run2d": [instrument.run2d] * which.size,
        "specobjid": packed if survey == "sdss" else names,
        "bestobjid": [keys[item] for item in which],
    }


def spectroscopic_id(plate: int, mjd: int, fiber: int, run2d: int | str) -> int:
    """The survey's specObjID: bits 50 plate, 38 fibre, 24 mjd - 50000, 10 run2d.

    A reduction vN_M_P counts as (N - 5) 10000 + M 100 + P; other words count as 0.
    """
    text = str(run2d)
    if text.startswith("v") and text.count("_") == 2:
        major, minor, patch = (int(part) for part in text[1:].split("_"))
        reduction = (major - 5) * 10000 + minor * 100 + patch
    else:
        reduction = int(text) if text.isdigit() else 0
    return plate << 50 | fiber << 38 | (mjd - 50000) << 24 | reduction << 10


def photometric_id(run: int, camcol: int, field: int, number: int) -> int:
    """The survey's objID: bits 59 sky version (2), 48 rerun (301), 32 run, 29 camcol, 16 field."""
    return 2 << 59 | 301 << 48 | run << 32 | camcol << 29 | field << 16 | number
