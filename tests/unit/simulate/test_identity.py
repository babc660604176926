import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord

from trifid.simulate.identity import (
    NIGHTS,
    PLATE_RADIUS,
    identity,
    photometric_id,
    spectroscopic_id,
)
from trifid.simulate.instruments import INSTRUMENTS
from trifid.surveys.sdss import split_specobjid

_WHICH, _NIGHT = np.array([0, 1, 2, 3, 4, 1, 3]), np.array([0, 0, 0, 0, 0, 1, 1])


def _rows(name: str = "sdss", plate: int = 3) -> dict:
    return identity(np.random.default_rng(1), INSTRUMENTS[name], plate, _WHICH, _NIGHT)


def test_ids_of_the_survey_unpack_to_plate_date_and_fibre() -> None:
    # plate 266, mjd 51630, fibre 1, run2d 26: the first spectrum of the survey's table
    assert spectroscopic_id(266, 51630, 1, "26") == 299489677444933632
    rows = _rows()
    for key, plate, mjd, fiber in zip(
        *(rows[name] for name in ("specobjid", "plate", "mjd", "fiber")), strict=True
    ):
        assert split_specobjid(int(key)) == (plate, mjd, fiber)


def test_a_reduction_with_a_version_is_packed_by_its_numbers() -> None:
    low = spectroscopic_id(3586, 55181, 3, "v5_13_0") - spectroscopic_id(3586, 55181, 3, 0)
    assert low == 1300 << 10


def test_photometric_ids_hold_rerun_run_camcol_and_field() -> None:
    key = photometric_id(756, 1, 206, 75)
    assert [key >> 59, key >> 48 & 0x7FF, key >> 32 & 0xFFFF] == [2, 301, 756]
    assert [key >> 29 & 7, key >> 16 & 0xFFF, key & 0xFFFF] == [1, 206, 75]
    assert str(key).startswith("12376487")  # as all objects of the survey's run 756
    keys = _rows()["bestobjid"]
    assert len(set(keys)) == 5
    assert {int(key) >> 48 & 0x7FF for key in keys} == {301}


@pytest.mark.parametrize("name", ["sdss", "boss"])
def test_a_second_observation_is_another_date_of_the_same_object(name: str) -> None:
    rows = _rows(name)
    assert rows["group"][5] == rows["group"][1] and rows["ra"][5] == rows["ra"][1]
    assert rows["mjd"][5] - rows["mjd"][1] == NIGHTS
    assert len(set(rows["object_id"])) == _WHICH.size
    assert rows["object_id"][0].startswith(INSTRUMENTS[name].survey)


def test_objects_lie_on_their_plate() -> None:
    many = np.arange(400)
    rows = identity(np.random.default_rng(2), INSTRUMENTS["sdss"], 0, many, np.zeros(400, int))
    places = SkyCoord(rows["ra"], rows["dec"], unit=units.deg)
    middle = SkyCoord(np.mean(rows["ra"]), np.mean(rows["dec"]), unit=units.deg)
    assert places.separation(middle).deg.max() < PLATE_RADIUS + 0.3
    assert min(rows["fiber"]) >= 1 and max(rows["fiber"]) <= INSTRUMENTS["sdss"].fibres
    assert len(set(rows["fiber"])) == 400
