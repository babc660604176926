"""Fixtures of the unit tests."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def spec_files() -> SimpleNamespace:
    """The functions of tests/spec_files.py, which write small spec files."""
    path = Path(__file__).resolve().parents[1] / "spec_files.py"
    return SimpleNamespace(**runpy.run_path(str(path)))
