import numpy as np
import pytest

from trifid.physics import lines


def test_observed_stretches() -> None:
    assert lines.observed(6564.61, np.array([0.0, 0.1])) == pytest.approx([6564.61, 7221.071])


def test_names_are_keys_and_wavelengths_rise() -> None:
    for table in (lines.EMISSION, lines.ABSORPTION):
        assert all(name == line.name for name, line in table.items())
        centres = [line.wavelength for line in table.values()]
        assert centres == sorted(centres)
