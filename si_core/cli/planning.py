"""``si run RECIPE --plan``: what a run will need and how long it will take, before anything of it is done."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from si_core.cli.tables import print_json, print_table
from si_core.errors import UsageError

if TYPE_CHECKING:
    from si_core.runs.forecast.entries import Entry

__all__ = ["add_plan", "planned", "print_plan"]

_WIDEST = 4096
"""Devices at most."""


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Add ``--plan`` and what goes with it."""
    planning = parser.add_argument_group("looking ahead")
    planning.add_argument(
        "--plan",
        action="store_true",
        help="print parameters, memory by kind, speed, disk, time and evaluations, found out by a few steps; then end",
    )
    planning.add_argument("--devices", metavar="N", type=int, help="with --plan: also what N such devices share")
    planning.add_argument("--json", action="store_true", help="with --plan: print JSON")


def planned(arguments: argparse.Namespace) -> bool:
    """Whether a plan is asked for.

    Raises:
        UsageError: options that go with one, without it; or a number of devices that is none.
    """
    for name in ("devices", "json"):
        if vars(arguments)[name] and not arguments.plan:
            raise UsageError(f"--{name} is about a plan", where="si run", got=f"--{name}", fix="add --plan")
    if arguments.devices is not None and not 1 <= arguments.devices <= _WIDEST:
        raise UsageError("a number of devices", where="--devices", got=arguments.devices, allowed=f"1 to {_WIDEST}")
    if arguments.plan and arguments.resume:
        raise UsageError("a plan is of a whole run", where="si run", got="--plan --resume", fix="leave --resume out")
    return bool(arguments.plan)


def print_plan(arguments: argparse.Namespace) -> int:
    """Find it out and print it."""
    from si_core.cli.console import LineConsole
    from si_core.contract.runtime import Runtime
    from si_core.recipes.loader import load_recipe
    from si_core.runs.directory import RunDirectory
    from si_core.runs.forecast.entries import entries
    from si_core.runs.forecast.forecast import forecast
    from si_core.runs.lost_plugins import lost_plugins_named
    from si_core.runs.memory import memory_explained
    from si_core.runs.records import LogRecords

    with lost_plugins_named(RunDirectory(Path(arguments.recipe).parent)):
        recipe = load_recipe(arguments.recipe, arguments.overrides)
    runtime = Runtime.at(arguments.device, where="--device")
    with redirect_stdout(sys.stderr), LogRecords(LineConsole()) as records:
        records.direct(LineConsole())
        with memory_explained("training", recipe, runtime.device):
            found = entries(forecast(recipe, runtime), arguments.devices or 1)
    if arguments.json:
        print_json({"recipe": recipe.name, "device": str(runtime.device), "entries": [vars(entry) for entry in found]})
        return 0
    rows = [(entry.name, _shown(entry), entry.basis) for entry in found]
    least = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for section, group in groupby(found, lambda entry: entry.section):
        print(section)
        print_table([(entry.name, _shown(entry), entry.basis) for entry in group], indent="  ", least=least)
    return 0


def _shown(entry: Entry) -> str:
    """A number with its unit, for people."""
    from si_core.storage.machine import in_time, in_units

    value = entry.value
    if value is None:
        return "-"
    if entry.unit == "bytes":
        return in_units(int(value))
    if entry.unit == "seconds":
        return in_time(value)
    number = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
    return f"{number} {entry.unit}" if entry.unit != "numbers" else number
