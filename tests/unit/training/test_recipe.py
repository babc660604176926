"""Recipes: fields, edits, folds."""

import pytest

from trifid.errors import ConfigError
from trifid.recipes.galaxy4 import galaxy4
from trifid.training.recipe import Recipe, SplitConfig


def test_one_field_is_edited_by_its_path():
    recipe = galaxy4().edited(
        ["training.epochs=5", "inputs.image.bands=['g','r']", "split.by=group", "labels=mpa"]
    )
    assert recipe.training.epochs == 5
    assert recipe.inputs["image"].bands == ("g", "r")
    assert recipe.split.by == "group" and recipe.labels == "mpa"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("training.epoch=5", "no such field; known there: epochs"),
        ("training.epochs=many", "epochs"),
        ("training.epochs=0", "greater than or equal to 1"),
        ("training.epochs", "expected FIELD=VALUE"),
        ("model.kind=resnet", "no part of kind 'resnet'"),
        ("name.x=1", "known there: nothing"),
        ("split.test=[0,1]", r"parts \[0, 1\] are used twice"),
        ("split.test=[17,20]", "part 20 does not exist"),
        ("split.valid=[]", "at least one part"),
    ],
)
def test_a_bad_edit_is_one_clear_error(change, message):
    with pytest.raises(ConfigError, match=message) as error:
        galaxy4().edited([change])
    assert "\n" not in str(error.value)


def test_folds_use_the_parts_four_by_four_and_test_every_part_once():
    folds = [SplitConfig().fold(k, 5) for k in range(5)]
    assert sorted(part for fold in folds for part in fold.test) == list(range(20))
    for fold in folds:
        assert sorted([*fold.train, *fold.valid, *fold.test]) == list(range(20))
        assert (len(fold.train), len(fold.valid), len(fold.test)) == (13, 3, 4)


def test_three_folds_have_nearly_equal_parts_and_one_fold_is_none():
    folds = [SplitConfig().fold(k, 3) for k in range(3)]
    assert [part for fold in folds for part in fold.test] == list(range(20))
    assert [(len(f.train), len(f.valid), len(f.test)) for f in folds] == [
        (11, 3, 6),
        (10, 3, 7),
        (10, 3, 7),
    ]
    for wrong in (1, 21):
        with pytest.raises(ConfigError, match=f"{wrong} folds of 20 parts; use 2 to 20"):
            SplitConfig().fold(0, wrong)


def test_a_recipe_that_is_not_toml_or_not_a_recipe():
    with pytest.raises(ConfigError, match="not TOML"):
        Recipe.from_toml("= 3")
    with pytest.raises(ConfigError, match="task"):
        Recipe.from_toml("name = 'x'")


def test_resolving_spells_out_labels_and_features():
    recipe, task = galaxy4().resolved()
    assert recipe.labels == "portsmouth"
    assert recipe.inputs["table"].features == task.features("safe").features
    with pytest.raises(ConfigError, match="no feature set 'best'"):
        galaxy4().edited(["inputs.table.feature_set=best"]).resolved()
