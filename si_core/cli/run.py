"""``si run RECIPE [KEY=VALUE ...]``: train, sample, estimate, report."""

from __future__ import annotations

import argparse
from typing import Any

from si_core.cli.commands import COMMANDS

__all__ = ["add", "run"]


def add(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "run",
        help=COMMANDS["run"],
        description="Train, sample, estimate and report as a recipe says. Everything goes into one folder: "
        "runs/<recipe>/<time>-<id>/, or exactly the folder of --out.",
    )
    parser.add_argument("recipe", metavar="RECIPE", help="a file, or the name of a built-in recipe (see `si recipes`)")
    parser.add_argument(
        "overrides", metavar="KEY=VALUE", nargs="*", help="changes, such as train.steps=100 latent.scale=2"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="the run's folder: new or empty, or with --resume an earlier run's"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the newest good checkpoint (of --out DIR, or of the newest run)",
    )
    parser.add_argument("--device", default="cpu", help="where to train and sample, such as cpu or cuda (default: cpu)")
    parser.add_argument("--force", action="store_true", help="resume with a recipe that was changed")
    parser.add_argument(
        "--take-over", action="store_true", help="resume a run whose owner was on another machine and is gone"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the recipe."""
    from si_core.cli.console import open_console
    from si_core.cli.device import checked_device
    from si_core.recipes.loader import load_recipe
    from si_core.runs.assembly import assemble
    from si_core.runs.directory import RunDirectory
    from si_core.runs.pipeline import run_recipe
    from si_core.runs.resume import newest_run
    from si_core.runs.training import Interrupted

    recipe = load_recipe(arguments.recipe, arguments.overrides)
    device = checked_device(arguments.device)
    if arguments.resume:
        directory = RunDirectory.open(arguments.out) if arguments.out else newest_run(recipe.name)
    else:
        # A recipe that can't work leaves no folder behind.
        assemble(recipe)
        directory = RunDirectory.create(recipe.name, out=arguments.out)
    with open_console() as console:
        try:
            run_recipe(
                recipe,
                directory,
                console=console,
                device=device,
                resume=arguments.resume,
                force=arguments.force,
                take_over=arguments.take_over,
            )
        except Interrupted as stop:
            return stop.exit_code
    return 0
