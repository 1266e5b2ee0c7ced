"""Built-in recipes: the files ``name.yaml`` in the folders that ready plugins offer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from si_core.discovery.plugins import installed_plugins
from si_core.discovery.suggest import nearest
from si_core.errors import RecipeError, SIError, UsageError
from si_core.recipes.nodes import Mapping, Scalar
from si_core.recipes.reader import read
from si_core.recipes.text import read_text

__all__ = ["BuiltinRecipe", "builtin_recipes", "find_builtin"]


@dataclass(frozen=True)
class BuiltinRecipe:
    """A recipe shipped by a plugin."""

    name: str
    distribution: str
    path: Path

    @property
    def title(self) -> str:
        """Its title; empty where it has none or can't be read."""
        try:
            root = read(read_text(self.path), str(self.path))
        except SIError:
            # A listing shows what there is; running the recipe tells what is wrong with it.
            return ""
        node = root.entries["title"].node if isinstance(root, Mapping) and "title" in root.entries else None
        return str(node.value) if isinstance(node, Scalar) and node.value is not None else ""


def builtin_recipes() -> list[BuiltinRecipe]:
    """All built-in recipes, sorted by name and distribution."""
    found = [
        BuiltinRecipe(path.stem, plugin.distribution, path)
        for plugin in installed_plugins()
        if plugin.state == "ready" and plugin.recipes is not None
        for path in Path(plugin.recipes).glob("*.yaml")
        if path.is_file()
    ]
    return sorted(found, key=lambda recipe: (recipe.name, recipe.distribution))


def find_builtin(name: str) -> BuiltinRecipe | None:
    """The built-in recipe of this name, or ``distribution/name``; None where there is none.

    Raises:
        RecipeError: several distributions ship one of this name.
    """
    distribution, _, plain = name.rpartition("/")
    found = [
        recipe for recipe in builtin_recipes() if recipe.name == plain and distribution in ("", recipe.distribution)
    ]
    if len(found) > 1:
        raise RecipeError(
            f"the recipe {name!r} is shipped by {' and '.join(recipe.distribution for recipe in found)}",
            fix=f"choose one: {' or '.join(f'{recipe.distribution}/{plain}' for recipe in found)}",
        )
    return found[0] if found else None


def unknown_recipe(name: str, folder: Path) -> UsageError:
    """The error for a name that is neither a built-in recipe nor a file of this folder."""
    names = [recipe.name for recipe in builtin_recipes()]
    files = sorted(path.name for path in folder.glob("*.yaml")) if folder.is_dir() else []
    stems = {Path(file).stem: file for file in files}
    near = nearest(name, {*names, *stems}, count=3)
    meant = " or ".join(f"'{stems.get(item, item) if item not in names else item}'" for item in near)
    return UsageError(
        f"there is no built-in recipe {name!r}, and no such file",
        allowed=", ".join(names) or "no installed plugin ships recipes: give a file",
        fix=f"did you mean {meant}?" if meant else "`si recipes` lists the built-in ones; a file ends in .yaml",
    )
