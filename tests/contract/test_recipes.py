"""What every registered recipe must do."""

import pytest

from trifid import registry
from trifid.training.recipe import Recipe

NAMES = [entry.name for entry in registry.entries("recipe")]
TASKS = [entry.name for entry in registry.entries("task")]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_survives_toml_and_carries_its_name(name):
    recipe = registry.get("recipe", name).build()
    assert recipe.name == name
    assert Recipe.from_toml(recipe.toml()) == recipe
    assert Recipe.from_toml(recipe.toml()).hash() == recipe.hash()


@pytest.mark.parametrize("name", NAMES)
def test_parts_are_disjoint_and_complete(name):
    split = registry.get("recipe", name).build().split
    parts = [*split.train, *split.valid, *split.test]
    assert sorted(parts) == list(range(20))


@pytest.mark.parametrize("name", NAMES)
def test_task_labels_and_features_exist(name):
    resolved, task = registry.get("recipe", name).build().resolved()
    assert resolved.labels in task.labels or task.targets
    for config in resolved.inputs.values():
        assert getattr(config, "features", ("x",))


@pytest.mark.parametrize("task", TASKS)
def test_the_recipe_named_like_a_task_is_its_default_and_leaks_nothing(task):
    recipe = registry.get("recipe", task).build()
    assert recipe.task == task
    assert recipe.leaky_inputs() == ()


def test_the_paper_recipes_say_that_they_leak():
    for name in NAMES:
        if "paper" in name:
            assert registry.get("recipe", name).build().leaky_inputs() == ("table",)


def test_leaky_features_spelled_out_are_leaky_too():
    recipe = registry.get("recipe", "galaxy4").build()
    assert recipe.edited(['inputs.table.features=["modelmag_r - sn_median"]']).leaky_inputs() == (
        "table",
    )
    assert recipe.edited(['inputs.table.features=["modelmag_r"]']).leaky_inputs() == ()
