"""A recipe by name or file."""

from pathlib import Path
from typing import TYPE_CHECKING

from trifid.errors import ConfigError

if TYPE_CHECKING:
    from trifid.training.recipe import Recipe


def find_recipe(name: str) -> "Recipe":
    """The recipe of this name, or in this TOML file.

    Raises:
        ConfigError: If there is neither.
    """
    from trifid import registry
    from trifid.training.recipe import Recipe

    if not name.endswith(".toml"):
        recipe = registry.get("recipe", name).build()
        if not isinstance(recipe, Recipe):
            raise ConfigError(f"{name!r} is no recipe")
        return recipe
    try:
        return Recipe.from_toml(Path(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{name}: cannot be read as a recipe: {error}") from None
