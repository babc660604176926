"""Whole or not at all: files and folders under errors, and where something is already."""

import os
import signal
import subprocess
import sys

import pytest

from trifid.errors import ConfigError
from trifid.exchange.output import new_file, new_folder


def test_a_file_and_a_folder_appear_at_the_end(tmp_path):
    with new_file(tmp_path / "f") as file, new_folder(tmp_path / "d") as folder:
        file.write_text("x")
        (folder / "sub").mkdir()
        (folder / "sub" / "g").write_text("y")
        assert not (tmp_path / "f").exists() and not (tmp_path / "d").exists()
    assert (tmp_path / "f").read_text() == "x"
    assert (tmp_path / "d" / "sub" / "g").read_text() == "y"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "f"]


@pytest.mark.parametrize("writer", [new_file, new_folder])
def test_an_error_leaves_nothing(writer, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(OSError, match="No space left on device") as caught, writer(out) as path:
        if writer is new_folder:
            path = path / "inside"
        path.write_text("half")
        raise OSError(28, "some words of a library")
    assert caught.value.filename == str(out)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writer", [new_file, new_folder])
def test_what_exists_is_refused(writer, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "folder", "link"):
        with pytest.raises(ConfigError, match="exists"), writer(tmp_path / name):
            pass
    with pytest.raises(ConfigError, match="folder that exists"), writer(tmp_path / "a" / "b"):
        pass
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["new_file", "new_folder"])
def test_a_kill_leaves_nothing_under_the_name(name, tmp_path):
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        f"from trifid.exchange.output import {name} as writer\n"
        "with writer(Path(sys.argv[1]) / 'out') as path:\n"
        "    (path / 'inside' if path.is_dir() else path).write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], env=os.environ, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    with (new_file if name == "new_file" else new_folder)(tmp_path / "out") as path:
        (path / "inside" if path.is_dir() else path).write_text("whole")
    assert (tmp_path / "out").exists()
