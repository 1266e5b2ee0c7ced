"""``si doctor``: what is installed, what this machine can do, and what is wrong or slow, with the fix of each."""

from __future__ import annotations

import argparse
from itertools import groupby
from typing import TYPE_CHECKING

from si_core.cli.tables import print_json, print_table

if TYPE_CHECKING:
    from si_core.cli.examining.finding import Finding

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Look at what is installed, at plugins, threads, devices, disk and memory, and measure what a product of "
        "matrices costs here. What is wrong or slow is told with its fix. Takes a few seconds and changes nothing. "
        "Exit code 0 where nothing is wrong, else that of the first thing that is: 3 a device, 4 a folder, 5 a plugin."
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Look, and print what was found."""
    from si_core.cli.examining.compute import compute
    from si_core.cli.examining.installed import installed, plugins
    from si_core.cli.examining.places import places

    found = [*installed(), *plugins(), *compute(), *places()]
    wrong = [finding for finding in found if finding.state == "wrong"]
    code = wrong[0].code if wrong else 0
    if arguments.json:
        print_json({"ok": not wrong, "code": code, "findings": [vars(finding) for finding in found]})
        return code
    width = max(len(finding.name) for finding in found)
    for area, group in groupby(found, lambda finding: finding.area):
        print(area)
        rows = [row for finding in group for row in _rows(finding)]
        print_table(rows, indent="  ", least=(len("wrong"), width))
    print(f"\n{_summed_up(found)}")
    return code


def _rows(finding: Finding) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = [(finding.state, finding.name, finding.text)]
    return [*rows, ("", "", f"fix: {finding.fix}")] if finding.fix else rows


def _summed_up(found: list[Finding]) -> str:
    wrong, slow = (sum(finding.state == state for finding in found) for state in ("wrong", "slow"))
    first = f"{wrong} wrong" if wrong else "Nothing is wrong"
    slowing = f"{slow} things slow" if slow > 1 else "one thing slows" if slow else "nothing slows"
    return f"{first}; {slowing} this machine down."
