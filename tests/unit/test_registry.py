"""The registry, configurations and files at the bottom of the layers."""

from typing import Annotated, Literal

import pytest
from pydantic import BeforeValidator, SerializeAsAny

from trifid import registry
from trifid.config import Config, by_kind, parse
from trifid.errors import ConfigError, InputError
from trifid.files import safe_name, write_json, written_whole


def test_unknown_names_list_near_matches():
    with pytest.raises(ConfigError, match="no model named 'gcsnet_papr'; known: gcsnet_paper"):
        registry.get("model", "gcsnet_papr")


def test_a_name_taken_by_another_module_is_an_error():
    def gcsnet_paper():
        """Another one."""

    registry.load("model")
    with pytest.raises(ConfigError, match="registered twice"):
        registry.register("model")(gcsnet_paper)


class Part(Config):
    """A part."""


class Big(Part):
    """A big part."""

    kind: Literal["big"] = "big"
    size: int = 3


class Whole(Config):
    """A whole with a part."""

    part: Annotated[SerializeAsAny[Part], BeforeValidator(by_kind(Part, "trifid.heads"))] = Big()


def test_a_part_keeps_its_own_fields_through_json():
    whole = Whole(part=Big(size=7))
    assert Whole.model_validate_json(whole.model_dump_json()) == whole


def test_configurations_refuse_unknown_keys_kinds_and_wrong_types():
    with pytest.raises(ConfigError, match="sise"):
        Whole().replace(sise=3)
    with pytest.raises(ConfigError, match=r"size.*got 'many'"):
        parse(Whole, {"part": {"kind": "big", "size": "many"}})
    with pytest.raises(ConfigError, match="no part of kind 'bog'; known: big"):
        parse(Whole, {"part": {"kind": "bog"}})


@pytest.mark.parametrize("text", ["../../etc/passwd", "a/b\\c", ".hidden", "x\0y\n", "$(rm)"])
def test_safe_names_stay_in_their_folder(text, tmp_path):
    name = safe_name(text)
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()
    assert not name.startswith(".")


def test_a_name_of_nothing_usable_is_refused():
    with pytest.raises(InputError, match="no usable file name"):
        safe_name("///...")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    before = path.read_bytes()
    with pytest.raises(ValueError):
        write_json(path, {"a": float("nan")})
    with pytest.raises(RuntimeError), written_whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
