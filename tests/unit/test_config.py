"""Configurations: frozen, closed, validated as a whole, parts found by kind."""

from typing import Annotated, Literal

import pytest
from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError

from trifid.config import Config, by_kind, differences, parse
from trifid.errors import ConfigError


class Engine(Config):
    """The base of some parts."""


class Steam(Engine):
    """One part."""

    kind: Literal["steam"] = "steam"
    pressure: float = 1.0


Part = Annotated[SerializeAsAny[Engine], BeforeValidator(by_kind(Engine, "trifid.heads"))]


class Train(Config):
    """What has a part."""

    cars: int = Field(default=3, ge=1)
    stops: tuple[str, ...] = ()
    engine: Part = Steam()


def test_replace_validates_the_whole():
    train = Train()
    assert train.replace(cars=5) == Train(cars=5) and train.cars == 3
    with pytest.raises(ConfigError, match=r"Train: cars: .*\(got 0\)"):
        train.replace(cars=0)
    with pytest.raises(ConfigError, match="wagons"):
        train.replace(wagons=2)
    with pytest.raises(ValidationError):
        train.cars = 4


def test_a_part_keeps_its_own_fields_through_json():
    train = Train(engine=Steam(pressure=7.5), stops=("a", "b"))
    assert train.model_dump()["engine"] == {"kind": "steam", "pressure": 7.5}
    assert Train.model_validate_json(train.model_dump_json()) == train
    assert parse(Train, {"engine": {"kind": "steam", "pressure": 2}}).engine == Steam(pressure=2.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"engine": {"kind": "diesel"}}, "no part of kind 'diesel'; known: steam"),
        ({"engine": {"pressure": 1}}, "no part of kind None"),
        ({"engine": {"kind": "steam", "presure": 1}}, "presure"),
        ({"cars": "many"}, "got 'many'"),
        ({"stops": "x" * 10_000}, "stops"),
        ([], "Train"),
    ],
)
def test_what_does_not_fit_is_one_line(values, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse(Train, values)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


class Sides(Config):
    """Two fields that may differ."""

    names: tuple[str, ...] = ("a", "b")
    size: int = 1


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, ""),
        ({"size": 2}, "size was 1, now 2"),
        ({"names": ("b", "a")}, "names: another order"),
        ({"names": ("b", "c")}, "names: without a, new c"),
        (
            {"names": tuple("abcdefg"), "size": 3},
            "names: new c, d, e and 2 more; size was 1, now 3",
        ),
    ],
)
def test_differences_are_one_short_line(changes, text):
    assert differences(Sides(), Sides().replace(**changes)) == text
