"""``si report RUN``: write plots and a page about a run again."""

from __future__ import annotations

import argparse
import json
from typing import Any

from si_core.cli.commands import COMMANDS

__all__ = ["add", "run"]


def add(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser("report", help=COMMANDS["report"], description=COMMANDS["report"])
    parser.add_argument("run_directory", metavar="RUN", help="the folder of a run")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")


def run(arguments: argparse.Namespace) -> int:
    """Draw the samples again and write the report."""
    from si_core.cli.console import open_console
    from si_core.cli.device import checked_device
    from si_core.recipes.loader import load_recipe
    from si_core.runs.directory import RunDirectory
    from si_core.runs.model import load_model
    from si_core.runs.pipeline import write_report
    from si_core.runs.sampling import draw_samples

    directory = RunDirectory.open(arguments.run_directory)
    recipe = load_recipe(directory.resolved)
    model = load_model(directory.path, checked_device(arguments.device))
    samples, conditions = draw_samples(model, recipe.sample.number, recipe.seed, recipe.sample.condition)
    records = _stored(directory.estimates, [])
    versions = _stored(directory.environment, {})
    with open_console() as console:
        write_report(recipe, directory, model, samples, conditions, records, versions, {}, console)
    return 0


def _stored(path: Any, default: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else default
