"""Files written whole or not at all, and names that stay in their folder."""

import hashlib
import json

import pytest

from trifid.errors import InputError
from trifid.files import (
    flattened,
    safe_name,
    sha256_file,
    write_json,
    write_text,
    written_whole,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("spec-0266-51602-0001", "spec-0266-51602-0001"),
        ("../../etc/passwd", "etc_passwd"),
        ("a/b\\c\x00d", "a_b_c_d"),
        (".hidden", "hidden"),
        ("=cmd()", "cmd_"),
        ("naïve", "na_ve"),
        ("x" * 500, "x" * 100),
    ],
)
def test_safe_names(text, name):
    assert safe_name(text) == name


@pytest.mark.parametrize("text", ["", "..", "/", "\x00\n", "---"])
def test_nothing_usable_is_refused(text):
    with pytest.raises(InputError, match="no usable file name"):
        safe_name(text)


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "x.txt"
    write_text(path, "first")

    def fail():
        with written_whole(path) as temporary:
            temporary.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fail()
    assert path.read_text() == "first" and list(tmp_path.iterdir()) == [path]
    write_text(path, "second")
    assert path.read_text() == "second"


def test_json_without_nan(tmp_path):
    write_json(tmp_path / "x.json", {"b": 1, "a": [None, 0.5]})
    assert json.loads((tmp_path / "x.json").read_text()) == {"b": 1, "a": [None, 0.5]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "y.json", {"a": float("nan")})
    assert not (tmp_path / "y.json").exists()


def test_sha256(tmp_path):
    (tmp_path / "x").write_bytes(b"trifid" * 100_000)
    assert sha256_file(tmp_path / "x") == hashlib.sha256(b"trifid" * 100_000).hexdigest()


def test_nested_documents_become_dotted_keys():
    document = {"a": 1, "b": {"c": [1, 2], "d": {}, "e": {"f": None}}}
    assert list(flattened(document)) == [("a", 1), ("b.c", [1, 2]), ("b.e.f", None)]
