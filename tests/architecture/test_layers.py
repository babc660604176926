"""Who may import whom: the layers of pyproject.toml, light modules, modules that stand alone."""

import ast
import os
import random
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
MODULES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in (SOURCE / "trifid").rglob("*.py")
)
NO_TORCH = (
    *("trifid.schema.grid", "trifid.schema.modality", "trifid.schema.block"),
    *("trifid.physics", "trifid.surveys", "trifid.store", "trifid.ingest", "trifid.simulate"),
    *("trifid.metrics", "trifid.config", "trifid.registry", "trifid.files", "trifid.progress"),
    *("trifid.exchange", "trifid.cli"),
)


def child(code):
    """Runs Python code in a fresh process; gives its standard output."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_layers_hold():
    """The contract of pyproject.toml, as `make check` reads it."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stdout
    assert "1 kept, 0 broken" in done.stdout


def test_every_folder_has_a_layer():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    named = {name.strip() for layer in layers for name in layer.split("|")}
    children = {
        f"trifid.{path.stem}"
        for path in (SOURCE / "trifid").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert children - {"trifid.__init__"} == named


def test_arrays_need_no_torch():
    modules = [
        name for name in MODULES if any(f"{name}.".startswith(f"{top}.") for top in NO_TORCH)
    ]
    assert len(modules) > 50
    code = (
        "import importlib, sys\n"
        f"for name in {modules}:\n"
        "    importlib.import_module(name)\n"
        "    if 'torch' in sys.modules:\n"
        "        sys.exit(f'{name} brings torch')\n"
    )
    child(code)


def test_no_two_modules_need_each_other():
    """Without a cycle each module can be imported first; a lazy import is no need."""
    tuple(TopologicalSorter({name: needs(name) for name in MODULES}).static_order())


def test_a_cycle_is_found():
    with pytest.raises(CycleError):
        tuple(TopologicalSorter({"a": {"b"}, "b": {"a"}}).static_order())
    assert needs("trifid.store.read") >= {"trifid.store.manifest", "trifid.errors"}
    assert needs("trifid") == {"trifid.version"}  # predict is imported when it is used


def test_every_module_can_be_imported():
    order = random.Random(1).sample(MODULES, len(MODULES))
    child(f"import importlib\nfor name in {order}:\n    importlib.import_module(name)\n")


def needs(name):
    """The modules of trifid that a module imports as soon as it is imported."""
    path = SOURCE.joinpath(*name.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & set(MODULES) or {node.module}
    return {module for module in found if module in MODULES}
