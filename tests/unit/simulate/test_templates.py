import numpy as np
import pytest

from trifid.physics.redshift import TemplateSet
from trifid.schema import grid
from trifid.simulate import templates


def test_components_span_spectra_with_gaps() -> None:
    rng = np.random.default_rng(0)
    truth = np.cumsum(rng.normal(size=(3, 400)), axis=1)
    spectra = rng.normal(size=(60, 3)) @ truth
    spectra[rng.random(spectra.shape) < 0.3] = np.nan
    curves = templates.components(spectra, 3, rounds=40)
    assert curves @ curves.T == pytest.approx(np.eye(3), abs=1e-5)
    rest = truth - truth @ curves.T @ curves
    assert np.abs(rest).max() < 0.02 * np.abs(truth).max()


def test_rest_frame_moves_lines_home() -> None:
    z = np.array([0.1, 0.25])
    x = grid.wavelengths()
    flux = np.exp(-0.5 * ((x / (1 + z[:, None]) - 5000.0) / 8.0) ** 2)
    home = templates.to_rest(flux, z, 3.6, 2000)
    place = 10.0 ** (3.6 + 1e-4 * np.arange(2000))
    assert place[np.nanargmax(home, axis=1)] == pytest.approx(5000.0, abs=0.6)
    assert np.nanmean(home, axis=1) == pytest.approx(1.0)
    assert np.isnan(templates.to_rest(flux, z, 3.2, 2000)).all()


def test_sets_are_kept_and_read_back(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = []

    def make():
        made.append(1)
        return [TemplateSet("STAR:A", 3.5, np.ones((2, 30)) / 3.0, -0.1, 0.1, bin=4)]

    first, again = (templates._kept("star-9", make) for _ in range(2))
    assert made == [1]
    assert again[0].curves.tobytes() == first[0].curves.tobytes()
    assert (again[0].name, again[0].bin, again[0].highest) == ("STAR:A", 4, 0.1)
    templates.cache_path("star-9").write_bytes(b"damaged")
    assert templates._kept("star-9", make)[0].curves.shape == (2, 30)
    assert made == [1, 1]


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path, monkeypatch) -> None:
    (tmp_path / "trifid").write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    sets = templates._kept("star-9", lambda: [TemplateSet("X", 3.5, np.ones((1, 9)), 0.0, 0.1)])
    assert sets[0].name == "X"
