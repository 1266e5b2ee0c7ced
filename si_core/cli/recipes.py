"""``si recipes``: the built-in recipes, which ``si run NAME`` takes; ``si recipes show NAME``: the text of one."""

from __future__ import annotations

import argparse
from pathlib import Path

from si_core.cli.folding import print_text
from si_core.cli.tables import print_json, print_table
from si_core.errors import UsageError
from si_core.recipes.builtin import builtin_recipes, find_builtin, unknown_recipe
from si_core.recipes.editor_line import SCHEMA_FILE, editor_line
from si_core.recipes.text import read_text

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "List the built-in recipes; `si run NAME` runs one. `si recipes show NAME` prints its text, to start your own "
        "from: si recipes show checkerboard > my.yaml"
    )
    parser.add_argument("action", metavar="show", nargs="?", choices=("show",), help="print the text of one")
    parser.add_argument("recipe", metavar="RECIPE", nargs="?", help="which one, as in the list")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the recipes, or the text of one."""
    if arguments.action is not None:
        _show(arguments.recipe, arguments.json)
        return 0
    recipes = builtin_recipes()
    if arguments.json:
        print_json(
            [
                {
                    "name": recipe.name,
                    "title": recipe.title,
                    "distribution": recipe.distribution,
                    "path": str(recipe.path),
                }
                for recipe in recipes
            ]
        )
    elif recipes:
        print_table(
            [(recipe.name, recipe.distribution, recipe.title) for recipe in recipes],
            header=("recipe", "plugin", "title"),
        )
        print_text(
            "\n'si run NAME' runs one; 'si run NAME train.steps=100' changes it; 'si recipes show NAME' is its text."
        )
    else:
        print("No installed plugin ships recipes. 'pip install si-recipes' brings the built-in ones.")
    return 0


def _show(name: str | None, as_json: bool) -> None:
    """Print the text as it stands, with the line by which editors find the schema on top."""
    if name is None:
        raise UsageError("which recipe?", where="si recipes show", fix="si recipes show checkerboard")
    found = find_builtin(name)
    if found is None:
        raise unknown_recipe(name, Path())
    text = editor_line(SCHEMA_FILE) + read_text(found.path)
    if as_json:
        print_json({"name": found.name, "distribution": found.distribution, "path": str(found.path), "text": text})
    else:
        print(text, end="" if text.endswith("\n") else "\n")
