"""What a search may change, and what a file of it may hold."""

import pytest

from trifid import registry
from trifid.bench.tune_space import (
    Choices,
    Range,
    Space,
    builtin_space,
    change,
    check_space,
    read_space,
)
from trifid.errors import ConfigError, InputError


def recipe(name):
    return registry.get("recipe", name).build()


@pytest.mark.parametrize("name", ["sgq3", "galaxy4", "sgq3_extra_trees", "sgq3_knn", "sgq3_lda"])
def test_the_built_in_space_fits_its_recipe(name):
    space = builtin_space(recipe(name))
    check_space(recipe(name), space)
    assert ("model.class_weight" in space.space) == (name in ("sgq3_extra_trees", "sgq3_lda"))


def test_a_value_travels_as_in_set():
    found = recipe("sgq3").edited(
        [change("training.learning_rate", 1e-5), change("training.schedule", "constant")]
    )
    assert found.training.learning_rate == 1e-5 and found.training.schedule == "constant"


def test_whole_numbers_stay_whole():
    assert Range(low=1, high=5).whole and not Range(low=1.0, high=5).whole


@pytest.mark.parametrize(
    "path, span, expected",
    [
        ("training.nothing", Choices(choices=(1,)), "no such field"),
        ("training.epochs", Range(low=-3, high=3), "epochs"),
        ("split.seed", Range(low=0, high=9), "decides what is judged"),
        ("task", Choices(choices=("galaxy4",)), "decides what is judged"),
    ],
)
def test_fields_that_do_not_fit_are_refused_before_anything_runs(path, span, expected):
    with pytest.raises(ConfigError, match=expected):
        check_space(recipe("sgq3"), Space(space={path: span}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[space]",
        "space = 3",
        '[space]\n"a" = { low = 3, high = 1 }',
        '[space]\n"a" = { low = 0, high = 1, log = true }',
        '[space]\n"a" = { low = 0, high = inf }',
        '[space]\n"a" = { choices = [] }',
        '[space]\n"a" = { low = 1 }',
        "[other]",
        "no toml",
    ],
)
def test_a_file_that_holds_anything_else_is_refused_in_one_line(text, tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_space(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_good_file_is_read(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(
        '[space]\n"training.learning_rate" = { low = 1e-5, high = 1e-2, log = true }\n'
        '"training.batch_size" = { choices = [16, 32] }\n'
    )
    check_space(recipe("sgq3"), read_space(path))
    with pytest.raises(InputError, match="cannot be read"):
        read_space(tmp_path / "none.toml")
