"""What came out of a sweep: a record for each point, and the same as a table.

A record of ``results.json``::

    {"point": 3, "folder": "points/003", "values": {"sample.epsilon": 0.5}, "state": "finished", "message": "",
     "seconds": {"training": 8.1, "sampling": 0.4, "estimation": 1.2}, "estimates": [...as in estimates.json...]}

The state is ``finished``, ``failed`` (the message says why) or ``pending``. Seconds are those of the process that
finished the point, and are none where that can't be told. Everything else of two equal sweeps is equal.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from si_core import StorageError
from si_core.public.recipes import inline
from si_core.public.runs import Console, RunDirectory, read_json, without_private_paths
from si_core.public.storage import format_json, write_atomic
from si_sweeps.folder import SweepDirectory
from si_sweeps.plan import Point, SweepPlan

__all__ = [
    "STAGES",
    "Record",
    "estimate_columns",
    "estimates_of",
    "failed",
    "finished",
    "read_records",
    "rows",
    "write_results",
]

STAGES = ("training", "sampling", "estimation")
_LAST = ("state", "message", "folder")
_ERROR, _BOUND = ".standard_error", ".bound"

Record = dict[str, Any]


def pending(point: Point, folder: str) -> Record:
    """The record of a point that has not ended."""
    return {
        "point": point.index,
        "folder": folder,
        "values": point.values,
        "state": "pending",
        "message": "",
        "seconds": {},
        "estimates": [],
    }


def finished(record: Record, directory: RunDirectory, seconds: Mapping[str, float]) -> Record:
    """The record of a point that finished; without ``seconds`` it keeps those known from before."""
    return record | {
        "state": "finished",
        "message": "",
        "seconds": dict(seconds) or record["seconds"],
        "estimates": read_json(directory.estimates),
    }


def failed(record: Record, error: Exception, folder: Path) -> Record:
    """The record of a point that failed, of a sweep in this folder."""
    return record | {
        "state": "failed",
        "message": without_private_paths(str(error), folder),
        "seconds": {},
        "estimates": [],
    }


def read_records(directory: SweepDirectory, plan: SweepPlan, console: Console) -> list[Record]:
    """The records of a sweep so far, one for each point; new ones where there are none that can be read."""
    count = len(plan.points)
    fresh = [
        pending(point, directory.point(point.index, count).path.relative_to(directory.path).as_posix())
        for point in plan.points
    ]
    if not directory.json.exists():
        return fresh
    try:
        found = read_json(directory.json)
    except StorageError as error:
        console.warn(f"{error}; the results are gathered anew")
        return fresh
    if not isinstance(found, list) or [set(each) for each in found] != [set(each) for each in fresh]:
        console.warn(f"{directory.json}: not the results of this sweep; they are gathered anew")
        return fresh
    # Paths among the values may be written in another way by now.
    return [before | {"values": now["values"]} for before, now in zip(found, fresh, strict=True)]


def rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The records as flat rows with equal keys: axes, estimates with their errors, seconds, and how it ended.

    The value of an estimate stands under its name, its standard error under ``name.standard_error`` and what it is to
    the quantity under ``name.bound``; the second one of a name is ``name 2``. What is not known is None.
    """
    names = estimate_columns(records)
    table = []
    for record in records:
        row = {"point": record["point"], **record["values"]}
        found = estimates_of(record)
        for name in names:
            estimate = found.get(name, {})
            row |= {name: estimate.get("value"), f"{name}{_ERROR}": estimate.get("standard_error")}
            row |= {f"{name}{_BOUND}": estimate.get("bound")}
        row |= {f"seconds.{stage}": record["seconds"].get(stage) for stage in STAGES}
        table.append(row | {key: record[key] for key in _LAST})
    return table


def estimate_columns(records: Sequence[Record]) -> list[str]:
    """The names under which the values of estimates stand in the rows."""
    return list(dict.fromkeys(name for record in records for name in estimates_of(record)))


def write_results(directory: SweepDirectory, records: list[Record]) -> None:
    """Write ``results.json`` and ``results.csv``, each whole or not at all.

    In the CSV, values that are no text are written as in a recipe, and what is not known is an empty cell.
    """
    write_atomic(directory.json, format_json(records, str(directory.json), indent=2))
    text = io.StringIO(newline="")
    table = rows(records)
    axes = set(records[0]["values"])
    writer = csv.DictWriter(text, list(table[0]), lineterminator="\n")
    writer.writeheader()
    for row in table:
        writer.writerow({key: _cell(value, key in axes) for key, value in row.items()})
    write_atomic(directory.csv, text.getvalue().encode())


def estimates_of(record: Record) -> dict[str, Mapping[str, Any]]:
    """The estimates of a point by the name of their column, which no other column has."""
    taken = {"point", *record["values"], *(f"seconds.{stage}" for stage in STAGES), *_LAST}
    columns: dict[str, Mapping[str, Any]] = {}
    for estimate in record["estimates"]:
        name, number = str(estimate["name"]), 1
        while (column := name if number == 1 else f"{name} {number}") in columns or column in taken:
            number += 1
        columns[column] = estimate
    return columns


def _cell(value: Any, axis: bool) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None and not axis else inline(value)
