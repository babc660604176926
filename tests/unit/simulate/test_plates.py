"""The composer, on quasars: the objects that are quickest to draw."""

import numpy as np
import pytest

from trifid.errors import ConfigError
from trifid.simulate import plates, sgq3
from trifid.simulate.options import SkyOptions
from trifid.simulate.plates import Kind, SkyTask

_SGQ3 = sgq3.sgq3()


def _measure(rng, objects, fields, options):
    """A pipeline that is quick and always right."""
    count = len(objects)
    return {
        "class": np.full(count, "QSO"),
        "subclass": np.full(count, ""),
        "redshift": objects.redshift,
        "redshift_error": np.full(count, 1e-4),
        "zwarning": np.zeros(count, dtype=np.int64),
    }


_TASK = SkyTask(
    name="quasars",
    kinds=(Kind("QSO", 0.5, _SGQ3.kinds[2].draw), Kind("OTHER", 0.5, _SGQ3.kinds[2].draw)),
    measure=_measure,
    columns={},
    features=(),
    label="class",
    aliases={"r": "modelmag_r"},
)
_ROWS = 100


def _plate(seed: int = 7, number: int = 0, rows: int = _ROWS, **options):
    return plates.simulate_plate(_TASK, SkyOptions(**options), seed, number, rows, 32)


@pytest.fixture(scope="module")
def plate():
    return _plate(rgb=True)


def test_block_fits_its_schema(plate) -> None:
    plate.check(_TASK.schema(SkyOptions(rgb=True), 32))


@pytest.mark.parametrize(("objects", "number"), [(1, 1), (7, 7), (2000, 40), (64_000, 100)])
def test_plates_share_the_rows(objects: int, number: int) -> None:
    rows = plates.plate_rows(objects)
    assert sum(rows) == objects
    assert len(rows) == number
    assert max(rows) - min(rows) <= 1
    assert max(rows) <= 640


def test_repeats_share_group_and_image_but_not_the_spectrum(plate) -> None:
    groups = plate.columns["group"]
    seen: dict[str, int] = {}
    pairs = [(seen.setdefault(g, i), i) for i, g in enumerate(groups) if seen.setdefault(g, i) != i]
    assert len(pairs) == 3  # 3 % of 100
    for first, second in pairs:
        images, flux = plate.inputs["image"]["flux"], plate.inputs["spectrum"]["flux"]
        assert (images[first] == images[second]).all()
        assert (flux[first] != flux[second]).any()
        assert plate.columns["ra"][first] == plate.columns["ra"][second]
        assert plate.columns["mjd"][first] != plate.columns["mjd"][second]
        assert plate.columns["truth_redshift"][first] == plate.columns["truth_redshift"][second]
        both = (flux[first] != 0) & (flux[second] != 0)
        ratio = flux[first][both].sum() / flux[second][both].sum()
        assert ratio == pytest.approx(1.0, abs=0.3)


def test_keys_are_unique_and_consistent(plate) -> None:
    columns = plate.columns
    assert len(set(columns["object_id"])) == _ROWS
    assert len(set(columns["specobjid"])) == _ROWS
    for row in (0, 50):
        key = f"sdss-{columns['plate'][row]:04d}-{columns['mjd'][row]:05d}"
        assert columns["object_id"][row] == f"{key}-{columns['fiber'][row]:04d}"
        assert columns["group"][row] == f"objid-{columns['bestobjid'][row]}"
        assert int(columns["bestobjid"][row]) >> 48 == 1237648720142401611 >> 48  # a real one


def test_a_plate_is_a_function_of_seed_and_number(plate) -> None:
    again = _plate(rgb=True)
    for modality, fields in plate.inputs.items():
        for name, array in fields.items():
            assert (array == again.inputs[modality][name]).all()
    other = _plate(number=1, rows=20)
    assert other.columns["plate"][0] == plate.columns["plate"][0] + 1
    assert set(other.columns["bestobjid"]).isdisjoint(plate.columns["bestobjid"])
    assert set(other.columns["object_id"]).isdisjoint(plate.columns["object_id"])


@pytest.mark.parametrize("instrument", ["boss", "lamost", "desi"])
def test_another_instrument_sees_the_same_objects(plate, instrument: str) -> None:
    other = _plate(instrument=instrument, rgb=True)
    assert other.columns["truth_redshift"] == plate.columns["truth_redshift"]
    images = [block.inputs["image"]["flux"] for block in (other, plate)]
    assert np.allclose(*images, rtol=0.01, atol=0.01)
    assert set(other.columns["instrument"]) == {instrument.upper()}
    first = other.columns["object_id"][0]
    assert first.startswith({"boss": "sdss-"}.get(instrument, f"{instrument}-"))


def test_shift_of_the_conditions_worsens_the_data(plate) -> None:
    poor = _plate(seeing=1.5, sky=1.0, depth=0.5)
    assert poor.columns["truth_redshift"] == plate.columns["truth_redshift"]
    better, worse = (np.median(p.columns["sn_median"]) for p in (plate, poor))
    assert worse < 0.5 * better
    names = [name for name, _ in _TASK.table]
    errors = [p.inputs["table"]["values"][:, names.index("psfmagerr_r")] for p in (plate, poor)]
    assert np.median(errors[1]) > 2.0 * np.median(errors[0])
    peak = [p.inputs["image"]["flux"][:, 2].max(axis=(1, 2)) for p in (plate, poor)]
    assert np.median(peak[1] / peak[0]) < 0.7


def test_aliases_repeat_a_feature(plate) -> None:
    names = [name for name, _ in _TASK.table]
    values = plate.inputs["table"]["values"]
    assert (values[:, names.index("r")] == values[:, names.index("modelmag_r")]).all()


def test_unknown_class_of_a_prior_is_named() -> None:
    with pytest.raises(ConfigError, match="no class 'STAR'"):
        _plate(rows=5, prior={"STAR": 1.0})


def test_numbers_of_objects_tell_nothing_of_their_order(plate) -> None:
    number = np.array([int(key) & 0xFFFF for key in plate.columns["bestobjid"]])
    assert abs(np.corrcoef(number, np.arange(_ROWS))[0, 1]) < 0.3
