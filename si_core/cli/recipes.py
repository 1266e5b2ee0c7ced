"""``si recipes``: the built-in recipes, which ``si run NAME`` takes."""

from __future__ import annotations

import argparse

from si_core.cli.tables import print_json, print_table
from si_core.recipes.builtin import builtin_recipes

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "List the built-in recipes; `si run NAME` runs one. Their files, to start your own from, are named by --json."
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the recipes."""
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
        print("\n'si run NAME' runs one; 'si run NAME train.steps=100' changes it.")
    else:
        print("No installed plugin ships recipes. 'pip install si-recipes' brings the built-in ones.")
    return 0
