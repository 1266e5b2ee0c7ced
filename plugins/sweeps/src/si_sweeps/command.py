"""``si sweep RECIPE [KEY=A,B,C ...]``: a run for each combination of values."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from si_core import UsageError, estimate_line
from si_core.public.cli import print_table

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  si sweep checkerboard sample.epsilon=0.1,0.5,2          one training, sampled and measured three times
  si sweep checkerboard latent.scale=0.5,1,2 seed=1,2     six runs: every combination
  si sweep r.yaml latent=none,'{use: brownian, scale: 2}' components with their options
  si sweep r.yaml objectives='[[velocity],[velocity,denoiser]]'     values that are lists
  si sweep r.yaml --resume --out DIR                      go on with the points that have not finished

A recipe may hold the grid itself, as `sweep: {latent.scale: [0.5, 1, 2]}`.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Run a recipe once for each combination of values. Combinations that differ only in sampling or "
        "measuring share one training. Everything goes into one folder: runs/<recipe>-sweep/<time>-<id>/, or exactly "
        "the folder of --out, with a run for each combination in points/, results.csv, results.json and sweep.html."
    )
    parser.epilog = _EXAMPLES
    parser.add_argument("recipe", metavar="RECIPE", help="a file, or the name of a built-in recipe (see `si recipes`)")
    parser.add_argument(
        "overrides",
        metavar="KEY=A,B,C",
        nargs="*",
        default=[],
        help="a key with its values; they replace those that the recipe's `sweep` has for it",
    )
    parser.add_argument(
        "--out", metavar="DIR", help="the sweep's folder: new or empty, or with --resume an earlier sweep's"
    )
    parser.add_argument(
        "--device", default="cpu", help="where to train and sample, such as cpu, cuda or auto (default: cpu)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the sweep in --out DIR, or the recipe's newest one"
    )
    parser.add_argument(
        "--take-over", action="store_true", help="with --resume, even if its owner was on another machine; it is gone"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the sweep; the code is that of a failure where a point failed."""
    if arguments.take_over and not arguments.resume:
        raise UsageError("--take-over is about going on with a sweep", where="si sweep", fix="add --resume")

    from si_core import Runtime, load_recipe
    from si_core.public.cli import open_console
    from si_core.public.runs import SOME_FAILED
    from si_sweeps.folder import SweepDirectory
    from si_sweeps.plan import plan_sweep
    from si_sweeps.runner import run_sweep

    recipe = load_recipe(arguments.recipe)
    plan = plan_sweep(recipe, arguments.overrides)
    runtime = Runtime.at(arguments.device, where="--device")
    directory = SweepDirectory.at(recipe.name, arguments.out, arguments.resume)
    with open_console() as console:
        records = run_sweep(plan, directory, console=console, runtime=runtime, take_over=arguments.take_over)
    _print(records)
    return SOME_FAILED if any(record["state"] == "failed" for record in records) else 0


def _print(records: Sequence[dict[str, Any]]) -> None:
    """The axes and the estimates of each point."""
    from si_core.public.recipes import inline
    from si_sweeps.table import estimate_columns, estimates_of, rows

    table, found = rows(records), [estimates_of(record) for record in records]
    axes, estimates = list(records[0]["values"]), estimate_columns(records)
    print_table(
        [
            (
                row["point"],
                *(inline(row[axis]) for axis in axes),
                *(estimate_line(each[name], name=False) if name in each else "-" for name in estimates),
                row["state"],
            )
            for row, each in zip(table, found, strict=True)
        ],
        header=("point", *axes, *estimates, "state"),
    )
