import numpy as np

from trifid.physics import air


def test_there_and_back() -> None:
    vacuum = np.linspace(2500.0, 16000.0, 200)
    assert np.abs(air.air_to_vacuum(air.vacuum_to_air(vacuum)) - vacuum).max() < 1e-8


def test_air_is_shorter() -> None:
    shift = 6000.0 - air.vacuum_to_air(np.array([6000.0]))[0]
    assert 1.6 < shift < 1.7
