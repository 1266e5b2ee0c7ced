"""``si validate RECIPE [KEY=VALUE ...]``: check a recipe without running it, and print what it needs."""

from __future__ import annotations

import argparse
import math
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from si_core.cli.tables import print_json, print_table
from si_core.errors import NumericsError, SIError

if TYPE_CHECKING:
    from si_core.recipes.recipe import Recipe

__all__ = ["add_arguments", "run"]

_SECONDS = 300.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Check a recipe and print the components it needs. Keys, components and options are checked; with "
        "--build also whether the data can be read and the parts fit together, as `si run` does before training."
    )
    parser.add_argument("recipe", metavar="RECIPE", help="a file, or the name of a built-in recipe")
    parser.add_argument(
        "overrides", metavar="KEY=VALUE", nargs="*", default=[], help="changes, such as train.steps=100"
    )
    parser.add_argument("--build", action="store_true", help="build every part as well, and read the data")
    parser.add_argument(
        "--seconds",
        metavar="S",
        type=_seconds,
        default=_SECONDS,
        help=f"how long building may take (default: {_SECONDS:g})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Check the recipe; its errors leave by the way of all errors, or as JSON."""
    from si_core.recipes.loader import load_recipe
    from si_core.runs.directory import RunDirectory
    from si_core.runs.lost_plugins import lost_plugins_named

    try:
        with lost_plugins_named(RunDirectory(Path(arguments.recipe).parent)):
            recipe = load_recipe(arguments.recipe, arguments.overrides)
        needs = _needs(recipe)
        resolved, digest = recipe.resolved(), recipe.hash()
        if arguments.build:
            _build(recipe, arguments.seconds)
    except SIError as error:
        if not arguments.json:
            raise
        print_json(
            {"ok": False, "code": error.code, "errors": [_entry(each) for each in getattr(error, "errors", [error])]}
        )
        return error.code
    if arguments.json:
        print_json({"ok": True, "name": recipe.name, "hash": digest, "needs": needs, "resolved": resolved})
        return 0
    print(f"{recipe.path}: ok")
    rows = [(need["kind"], need["name"], f"{need['distribution']} {need['version']}") for need in needs]
    print_table(rows, header=("kind", "component", "from"), indent="  ")
    return 0


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"a number of seconds > 0, not {text}")
    return value


def _build(recipe: Recipe, seconds: float) -> None:
    """Build it; data on a slow disk may take their time, but to validate a stranger's recipe is no endless work."""
    from si_core.cli.console import LineConsole
    from si_core.contract.runtime import Runtime
    from si_core.discovery.deadline import Overdue, deadline
    from si_core.runs.needs import refuse_impossible
    from si_core.runs.plan import prepare
    from si_core.runs.records import LogRecords

    with redirect_stdout(sys.stderr), LogRecords(LineConsole()) as records:
        records.direct(LineConsole())
        try:
            with deadline(seconds):
                plan = prepare(recipe, Runtime.at())
        except Overdue as overdue:
            part = next(iter(getattr(overdue, "__notes__", ())), None)
            raise NumericsError(
                f"building {part or 'the recipe'} {overdue}",
                where=recipe.where(part) if part else str(recipe.path),
                fix="smaller options there, or more time: --seconds",
            ) from overdue
        refuse_impossible(plan, Path())


def _needs(recipe: Recipe) -> list[dict[str, str]]:
    """The components of the recipe, each once."""
    from si_core.discovery.lookup import find

    chosen = [selection for selection in recipe.selections() if not selection.in_memory]
    names = dict.fromkeys((selection.kind, selection.qualified) for selection in chosen)
    found = [(kind, find(kind, name)) for kind, name in names]
    return [
        {
            "kind": kind,
            "name": item.component.name,
            "distribution": item.plugin.distribution,
            "version": item.plugin.version,
        }
        for kind, item in found
    ]


def _entry(error: SIError) -> dict[str, Any]:
    details = {"got": error.got, "allowed": error.allowed, "fix": error.fix}
    texts = {label: None if value is None else str(value) for label, value in details.items()}
    return {"where": error.where, "problem": error.problem, **texts}
