"""``si compare RUN RUN ...``: runs side by side, on the terminal and in a page."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from si_core import UsageError
from si_core.public.cli import print_json, print_table
from si_core.public.storage import write_atomic

if TYPE_CHECKING:
    from si_report.compare.runs import ComparedRun

__all__ = ["add_arguments", "run"]

MOST = 20
LONGEST = 72
"""Letters of a value on the terminal; the page has them all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        f"Put 2 to {MOST} runs, or exported models, side by side: in what their recipes differ, their estimates with "
        "errors and what they are, sizes and times, and their loss curves in a page of its own. Runs that have not "
        "finished are compared as far as they are."
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", help="the folder of a run, or of an exported model")
    parser.add_argument(
        "--out",
        metavar="FILE.html",
        default="compare.html",
        help="the page to write, over an earlier one of its own (default: compare.html)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Read, print and write the page."""
    if not 2 <= len(arguments.runs) <= MOST:
        raise UsageError("the number of runs", where="si compare", got=len(arguments.runs), allowed=f"2 to {MOST}")
    out = Path(arguments.out)
    if out.suffix != ".html":
        fix = f"--out {out.with_suffix('.html')}" if out.name else "--out compare.html"
        raise UsageError("the page is a file .html", where="--out", got=str(out), fix=fix)
    _check_own(out)

    from si_report.compare.curves import compared_curves
    from si_report.compare.page import compare_page
    from si_report.compare.runs import read_runs
    from si_report.compare.tables import as_data
    from si_report.compare.values import compared_values
    from si_report.pictures.picture import Settings

    runs, settings = read_runs(arguments.runs), Settings()
    pictures = [picture for draw in (compared_values, compared_curves) if (picture := draw(runs, settings)) is not None]
    write_atomic(out, compare_page(runs, pictures, settings.dpi).encode())
    if arguments.json:
        print_json({**as_data(runs), "page": str(out)})
    else:
        _print(runs)
        print(f"page: {out}")
    return 0


def _check_own(out: Path) -> None:
    """Refuse to write over what is no earlier comparison.

    Raises:
        UsageError: another file is there.
    """
    from si_report.compare.page import FOOTER

    # What can't be read can't be written either, and that error says more.
    if out.is_file() and FOOTER.encode() not in out.read_bytes():
        fix = f"--out {out.with_stem(out.stem + '-2')}"
        raise UsageError("the file is no page of si compare, and stays", where="--out", got=str(out), fix=fix)


def _print(runs: Sequence[ComparedRun]) -> None:
    """The tables; runs of one value share a line."""
    from si_report.compare.tables import RUN_HEADS, cell, difference_rows, estimate_rows, run_rows

    print_table(run_rows(runs), header=RUN_HEADS)
    for run in runs:
        for problem in run.problems:
            print(f"{run.label}: {problem}")
    labels = [run.label for run in runs]
    rows = [(name, [cell(record) for record in records]) for name, records in estimate_rows(runs)]
    for title, entries in (("estimate", rows), ("key", difference_rows(runs))):
        if entries:
            print()
            print_table(_shared(entries, labels), header=(title, "value", "run"))


def _shared(entries: Sequence[tuple[str, list[str]]], labels: Sequence[str]) -> list[tuple[str, str, str]]:
    """A row for each value of each entry, with the runs that have it."""
    rows = []
    for name, values in entries:
        for place, value in enumerate(dict.fromkeys(values)):
            having = [label for label, other in zip(labels, values, strict=True) if other == value]
            shown = value if len(value) <= LONGEST else f"{value[: LONGEST - 3]}..."
            rows.append(("" if place else name, shown, ", ".join(having)))
    return rows
