"""``si search RECIPE [KEY=... ...]``: runs with values that Optuna suggests."""

from __future__ import annotations

import argparse
from typing import Any

from si_core import UsageError

__all__ = ["SearchCommand"]

_EXAMPLES = (
    "For example: si search r.yaml 'train.optimizer.lr={low: 1e-4, high: 1e-2, log: true}' network.width=32,64 "
    "--minimise energy-distance --trials 30; or keys without values on the command line, where the recipe has a "
    "section search with minimise, trials and keys. The same command with --resume --out DIR --trials 60 goes on."
)


class SearchCommand:
    """The command ``search``."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Describe the command and add its arguments."""
        parser.description = (
            "Look for the values of a recipe's keys for which an estimate is least or greatest: each trial is a run "
            "with values that Optuna suggests from those before. Everything goes into one folder: "
            "runs/<recipe>-search/<time>-<id>/, or exactly the folder of --out, with a run for each trial in trials/, "
            "results.csv, and best.yaml, the recipe of the best."
        )
        parser.epilog = _EXAMPLES
        parser.add_argument("recipe", metavar="RECIPE", help="a file, or the name of a built-in recipe")
        parser.add_argument(
            "overrides",
            metavar="KEY=A,B|{low: A, high: B}",
            nargs="*",
            default=[],
            help="a key with its choices, or its range; it replaces that of the recipe's search.keys",
        )
        parser.add_argument("--minimise", metavar="NAME", help="the estimate that is to be least, or validation")
        parser.add_argument("--maximise", metavar="NAME", help="the estimate that is to be greatest")
        parser.add_argument("--trials", type=int, metavar="N", help="how many runs (default: the recipe's, or 20)")
        parser.add_argument("--sampler", choices=("tpe", "random"), help="how values are suggested (default: tpe)")
        parser.add_argument("--seed", type=int, metavar="N", help="of the values (default: the recipe's, or 0)")
        parser.add_argument("--out", metavar="DIR", help="the search's folder: new or empty, or with --resume its own")
        parser.add_argument("--device", default="cpu", help="where to train and sample (default: cpu)")
        parser.add_argument("--resume", action="store_true", help="go on with the search in --out, or the newest one")

    def run(self, arguments: argparse.Namespace) -> int:
        """Search, and print the trials."""
        from si_core import Runtime, load_recipe
        from si_core.public.cli import open_console, print_table
        from si_core.public.recipes import inline
        from si_optuna.folder import SearchDirectory
        from si_optuna.plan import plan_search
        from si_optuna.search import run_search
        from si_optuna.space import TRIALS

        for name, least, most in (("trials", 1, TRIALS), ("seed", 0, 2**63 - 1)):
            value = getattr(arguments, name)
            if value is not None and not least <= value <= most:
                raise UsageError("out of range", where=f"--{name}", got=value, allowed=f"{least} to {most}")
        recipe = load_recipe(arguments.recipe)
        asked = {name: getattr(arguments, name) for name in ("minimise", "maximise", "trials", "sampler", "seed")}
        plan = plan_search(recipe, arguments.overrides, **asked)
        runtime = Runtime.at(arguments.device, where="--device")
        directory = SearchDirectory.at(recipe.name, arguments.out, arguments.resume)
        with open_console() as console:
            rows = run_search(plan, directory, console=console, runtime=runtime)
        shown = [name for name in rows[0] if name not in ("message", "folder")]
        print_table([tuple(_shown(row[name], inline) for name in shown) for row in rows], header=tuple(shown))
        return 0 if any(row["state"] == "finished" for row in rows) else 4


def _shown(value: Any, inline: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else str(inline(value))
