"""Every trap has a rule, and the files and tests that docs/science/traps.md names exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "science" / "traps.md"
ROWS = re.findall(r"^\| (E\d+) ([^|]+)\|([^|]+)\|([^|]+)\|([^|]+)\|$", PAGE.read_text(), re.M)


@cache
def functions_of(path):
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_there_are_thirty_in_order():
    assert [name for name, *_ in ROWS] == [f"E{number}" for number in range(1, 31)]


@pytest.mark.parametrize("name, where, tests", [(n, w, t) for n, _, _, w, t in ROWS])
def test_files_and_tests_of_a_trap_exist(name, where, tests):
    files = re.findall(r"`([\w/]+\.py)`", where)
    assert files and all((ROOT / "src" / "trifid" / path).is_file() for path in files), name
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", tests)
    assert named and tests.count("`") == 2 * len(named), name
    for path, test in named:
        assert test in functions_of(path), f"{name}: tests/{path} has no {test}"
