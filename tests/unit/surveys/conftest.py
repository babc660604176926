"""Fixtures of the readers' tests."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def survey_files() -> SimpleNamespace:
    """The functions of tests/survey_files.py, which write small files of every survey."""
    path = Path(__file__).resolve().parents[2] / "survey_files.py"
    return SimpleNamespace(**runpy.run_path(str(path)))
