"""``si run RECIPE [KEY=VALUE ...]``: train, sample, estimate, report."""

from __future__ import annotations

import argparse
from pathlib import Path

from si_core.cli.planning import add_plan, planned, print_plan
from si_core.cli.trained import add_device
from si_core.errors import UsageError

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  si run checkerboard                             a built-in recipe, as it is
  si run checkerboard train.steps=100             with changes
  si run my.yaml --out my-run                     your own, into a folder of your choice
  si run my.yaml --resume --out my-run            go on after a kill: the same bits as without one
  si run my.yaml --plan                           what it needs and takes, found out by a few steps; nothing is written
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Train, sample, estimate and report as a recipe says. Everything goes into one folder: "
        "runs/<recipe>/<time>-<id>/, or exactly the folder of --out."
    )
    parser.epilog = _EXAMPLES
    parser.add_argument("recipe", metavar="RECIPE", help="a file, or the name of a built-in recipe (see `si recipes`)")
    parser.add_argument(
        "overrides", metavar="KEY=VALUE", nargs="*", default=[], help="changes, such as train.steps=100 latent.scale=2"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="the run's folder: new or empty, or with --resume an earlier run's"
    )
    add_device(parser, "train and sample")
    add_plan(parser)
    resuming = parser.add_argument_group("going on with a run")
    resuming.add_argument(
        "--resume", action="store_true", help="from its newest good checkpoint (the run in --out DIR, or the newest)"
    )
    resuming.add_argument("--force", action="store_true", help="even if what enters training changed in the recipe")
    resuming.add_argument("--allow-data-change", action="store_true", help="even if the data changed")
    resuming.add_argument(
        "--take-over", action="store_true", help="even if its owner was on another machine; it is gone"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the recipe."""
    given = [
        f"--{name}" for name in ("force", "allow-data-change", "take-over") if vars(arguments)[name.replace("-", "_")]
    ]
    if given and not arguments.resume:
        raise UsageError(f"{given[0]} is about going on with a run", where="si run", fix=f"add --resume to {given[0]}")

    if planned(arguments):
        return print_plan(arguments)
    from si_core.cli.console import open_console
    from si_core.contract.runtime import Runtime
    from si_core.contract.together import failing_together
    from si_core.recipes.loader import load_recipe
    from si_core.runs.directory import RunDirectory
    from si_core.runs.follow import follow_run
    from si_core.runs.lost_plugins import lost_plugins_named
    from si_core.runs.pipeline import resume_run, start_run
    from si_core.runs.resume import newest_run, stillborn

    named = RunDirectory(Path(arguments.out)) if arguments.out else None
    origin = named if arguments.resume and named else RunDirectory(Path(arguments.recipe).parent)
    runtime = Runtime.at(arguments.device, where="--device", together=True)
    with failing_together(runtime.processes):
        with lost_plugins_named(origin):
            recipe = load_recipe(arguments.recipe, arguments.overrides)
        if not runtime.leads:
            follow_run(recipe, runtime)
            return 0
        with open_console() as console:
            if not arguments.resume:
                start_run(recipe, console=console, runtime=runtime, out=arguments.out)
            elif named and stillborn(named.path):
                console.line(f"{named.path}: the run there was stopped before it began; starting it")
                start_run(recipe, console=console, runtime=runtime, directory=named)
            else:
                resume_run(
                    recipe,
                    RunDirectory.open(named.path) if named else newest_run(recipe.name),
                    console=console,
                    runtime=runtime,
                    force=arguments.force,
                    take_over=arguments.take_over,
                    allow_data_change=arguments.allow_data_change,
                )
    return 0
