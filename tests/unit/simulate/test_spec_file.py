import numpy as np
import pytest

from trifid.physics import lines
from trifid.schema import grid
from trifid.simulate.instruments import INSTRUMENTS
from trifid.simulate.spec_file import spec_file

_Z, _AREA, _LEVEL = 0.1, 250.0, 20.0
_COLUMNS = {
    "plate": 300, "mjd": 52000, "fiber": 7, "run2d": "26", "ra": 150.0, "dec": 2.0,
    "instrument": "SDSS", "specobjid": "337769975171584", "bestobjid": "12", "class": "GALAXY",
    "subclass": None, "redshift": _Z, "redshift_error": 1e-5, "zwarning": 0, "sn_median": 20.0,
}  # fmt: skip


def _spectrum() -> dict[str, np.ndarray]:
    wavelengths = grid.wavelengths()
    centre = lines.EMISSION["h_alpha"].wavelength * (1 + _Z)
    sigma = 150.0 / lines.SPEED_OF_LIGHT * centre
    bump = np.exp(-0.5 * ((wavelengths - centre) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    pixel = np.arange(grid.LENGTH)
    inside = (pixel > 200) & (pixel < 4000)
    flux = np.where(inside, _LEVEL + _AREA * bump, 0.0).astype(np.float32)
    return {
        "flux": flux,
        "ivar": inside.astype(np.float32),
        "mask": np.zeros(grid.LENGTH, np.int32),
    }


def _file(name: str = "sdss", numbers: dict[str, float] | None = None, **columns: object):
    return spec_file(_COLUMNS | columns, _spectrum(), numbers or {}, INSTRUMENTS[name])


def test_only_pixels_with_data_are_written() -> None:
    coadd = _file()["COADD"].data
    assert len(coadd) == 3799
    assert coadd["loglam"][0] == pytest.approx(grid.log10_wavelengths()[201], abs=1e-6)
    assert np.ptp(np.diff(coadd["loglam"].astype(float))) < 1e-6


def test_a_line_of_known_flux_is_fitted_with_its_error() -> None:
    table = _file()["SPZLINE"].data
    row = table[[name.strip() == "H_alpha" for name in table["LINENAME"]]][0]
    assert row["LINEAREA"] == pytest.approx(_AREA, rel=0.01)
    assert row["LINEEW"] == pytest.approx(_AREA / _LEVEL, rel=0.01)
    # a Gaussian of known width in noise 1: var = 2 sqrt(pi) sigma / pixel density
    centre = lines.EMISSION["h_alpha"].wavelength * (1 + _Z)
    step, sigma = np.log(10) * 1e-4 * centre, 150.0 / lines.SPEED_OF_LIGHT * centre
    assert row["LINEAREA_ERR"] == pytest.approx(np.sqrt(2 * np.sqrt(np.pi) * sigma * step), rel=0.1)
    assert row["LINECHI2"] < 1.0 and row["LINEDOF"] > 0


def test_lines_outside_the_data_have_no_fit() -> None:
    table = _file(redshift=0.55)["SPZLINE"].data
    row = table[[name.strip() == "H_alpha" for name in table["LINENAME"]]][0]
    assert row["LINEAREA_ERR"] == -1.0 and row["LINEAREA"] == 0.0


def test_the_survey_row_is_that_of_its_spectrograph() -> None:
    magnitudes = {f"psfmag_{band}": 18.0 + k for k, band in enumerate("ugriz")}
    old, new = _file(), _file("boss", magnitudes, instrument="BOSS")
    assert old[2].name == "SPECOBJ" and "PSFMAG" not in old[2].data.names
    assert new[2].name == "SPALL"
    assert new[2].data["PSFMAG"][0] == pytest.approx([18, 19, 20, 21, 22])
    assert np.isnan(new[2].data["MODELMAG"]).all()
    assert old[2].data["CLASS"][0].strip() == "GALAXY" and old[2].data["SUBCLASS"][0].strip() == ""
