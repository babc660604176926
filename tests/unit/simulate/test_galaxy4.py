import numpy as np
import pytest

from trifid.physics import bpt
from trifid.simulate import galaxy4


@pytest.fixture(scope="module")
def plate():
    return galaxy4.simulate_plate(7, 0, 200, 32)


def test_block_fits_its_schema(plate) -> None:
    plate.check(galaxy4.schema(32))


@pytest.mark.parametrize(("objects", "plates"), [(1, 1), (7, 7), (2000, 40), (64_000, 100)])
def test_plates_share_the_rows(objects: int, plates: int) -> None:
    rows = galaxy4.plate_rows(objects)
    assert sum(rows) == objects
    assert len(rows) == plates
    assert max(rows) - min(rows) <= 1
    assert max(rows) <= 640


def test_repeats_share_group_and_image_but_not_the_spectrum(plate) -> None:
    groups = plate.columns["group"]
    seen: dict[str, int] = {}
    pairs = [(seen.setdefault(g, i), i) for i, g in enumerate(groups) if seen.setdefault(g, i) != i]
    assert len(pairs) == 6  # 3 % of 200
    for first, second in pairs:
        images, flux = plate.inputs["image"]["flux"], plate.inputs["spectrum"]["flux"]
        assert (images[first] == images[second]).all()
        assert (flux[first] != flux[second]).any()
        assert plate.columns["ra"][first] == plate.columns["ra"][second]
        assert plate.columns["mjd"][first] != plate.columns["mjd"][second]
        both = (flux[first] != 0) & (flux[second] != 0)
        assert np.median(flux[first][both] / flux[second][both]) == pytest.approx(1.0, abs=0.25)


def test_keys_are_unique_and_consistent(plate) -> None:
    columns = plate.columns
    assert len(set(columns["object_id"])) == 200
    assert len(set(columns["specobjid"])) == 200
    for row in (0, 150):
        key = f"sdss-{columns['plate'][row]:04d}-{columns['mjd'][row]:05d}"
        assert columns["object_id"][row] == f"{key}-{columns['fiber'][row]:04d}"
        assert columns["group"][row] == f"objid-{columns['bestobjid'][row]}"
        assert int(columns["bestobjid"][row]) >> 48 == 1237648720142401611 >> 48  # a real one


def test_labels_flip_near_the_lines_only_a_little(plate) -> None:
    label, truth = np.array(plate.columns["bpt"]), np.array(plate.columns["truth_class"])
    assert 0.0 < (label != truth).mean() < 0.15
    blank = np.array(plate.columns["bpt"]) == bpt.BLANK
    features = [name for name, _ in galaxy4._FEATURES]
    ew = plate.inputs["table"]["values"][:, features.index("ew_ha_6562")]
    assert (ew[blank] == 0).all()
    assert (ew[~blank] > 0).all()


def test_signal_to_noise_is_measured_and_cut(plate) -> None:
    spectrum = plate.inputs["spectrum"]
    measured = galaxy4.median_snr(spectrum["flux"], spectrum["ivar"])
    assert plate.columns["sn_median"] == pytest.approx(measured)
    assert measured.min() > 10
    assert np.median(measured) == pytest.approx(17.9, rel=0.15)


def test_images_and_rows_show_the_same_galaxies(plate) -> None:
    features = [name for name, _ in galaxy4._FEATURES]
    values = plate.inputs["table"]["values"]
    r = values[:, features.index("modelmag_r")]
    centre = plate.inputs["image"]["flux"][:, 2, 8:24, 8:24].sum(axis=(1, 2))
    assert np.corrcoef(r, -2.5 * np.log10(centre))[0, 1] > 0.9


def test_a_plate_is_a_function_of_seed_and_number(plate) -> None:
    again = galaxy4.simulate_plate(7, 0, 200, 32)
    for modality, fields in plate.inputs.items():
        for name, array in fields.items():
            assert (array == again.inputs[modality][name]).all()
    other = galaxy4.simulate_plate(7, 1, 20, 32)
    assert other.columns["plate"][0] == plate.columns["plate"][0] + 1
    assert set(other.columns["bestobjid"]).isdisjoint(plate.columns["bestobjid"])
