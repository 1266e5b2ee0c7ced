"""A recipe for rows: a perceptron for tables, a U-Net for arrays that look like images."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from si_core import DataError, UsageError
from si_distributions.look import Column, FoundTable
from si_recipes.starting.recipe import EFFORTS, Line, Plan, classes_in_words, held_out, last_part, spared

__all__ = ["label_named", "plan_for_table"]

_DROPPED = 0.2
"""The fraction of rows that are left out at most because something is missing; beyond, means stand in."""


def label_named(found: FoundTable, name: str) -> Column:
    """The column of classes that somebody names.

    Raises:
        UsageError: there is none of this name, or its values are no classes.
    """
    known = (*found.columns, *found.beside)
    for column in known:
        if str(column.name) == name and column.classes:
            return column
        if str(column.name) == name:
            problem = "hardly two rows have a value in common there, so it has no classes"
            fix = f"--label {found.labels[0].name}" if found.labels else "--label none"
            raise UsageError(problem, where="--label", got=repr(name), fix=fix)
    allowed = ", ".join(str(column.name) for column in known)
    raise UsageError("no column has this name", where="--label", got=repr(name), allowed=allowed or "none: no columns")


def plan_for_table(found: FoundTable, path: str, label: Column | None, effort: str) -> Plan:
    """What a recipe for these rows says.

    Args:
        found: the rows.
        path: the file, from the recipe's folder.
        label: the column of classes; None for none.
        effort: one of :data:`~si_recipes.starting.recipe.EFFORTS`.

    Raises:
        DataError: there is nothing to learn.
    """
    own = [column for column in found.columns if column is not label and column.numeric and not column.constant]
    if found.columns and not own:
        raise DataError("no column of numbers varies from row to row", where=found.path, got=f"{found.rows} rows")
    image = len(found.shape) == 3 and found.shape[0] in (1, 3, 4) and min(found.shape[1:]) >= 8
    size = len(own) if found.columns else math.prod(found.shape)
    network: dict[str, Any] = {"use": "mlp", "width": 128 if size <= 4 else 256, "depth": 3}
    if image:
        network = {"use": "unet", "preset": "tiny"}
    measured = ["energy-distance"] if image or size > 100 else ["log-likelihood", "energy-distance"]
    return Plan(
        about=list(_about(found, own, label)),
        title=f"Samples like the rows of {last_part(found.path)}",
        target=list(_target(found, path, own, label)),
        network=network,
        steps=(400 if image else 1000) * EFFORTS[effort],
        batch=64 if image else 256,
        rate=1e-3,
        conditioned=None if label is None else (str(_condition(label)), _example(label)),
        estimators=measured if spared(found.rows) else [],
        number=min(max(found.rows, 100), 64 if image else 10_000),
    )


def _about(found: FoundTable, own: list[Column], label: Column | None) -> Iterator[str]:
    shape = f"{len(own)} columns of numbers" if found.columns else f"shape {found.shape}"
    yield f"{found.path}: {found.rows} rows of {shape}"
    if label is not None:
        yield classes_in_words(label.name, label.classes)
    if found.lacking:
        yield f"{found.lacking} rows lack a number"


def _target(found: FoundTable, path: str, own: list[Column], label: Column | None) -> Iterator[Line]:
    yield Line("use", "array")
    yield Line("path", path, "from the folder of this recipe")
    if found.key is not None:
        yield Line("key", found.key, "the array that holds the rows")
    left = [column for column in found.columns if column is not label and column not in own]
    if left:
        names = ", ".join(f"{column.name} ({'constant' if column.numeric else 'text'})" for column in left)
        yield Line("columns", [column.name for column in own], f"left out: {names}")
    if label is not None:
        yield Line("label", label.name, "given to the networks: samples can be asked for by it")
    lacking = max(found.lacking, label.missing if label is not None else 0)
    if lacking:
        drop = lacking <= _DROPPED * found.rows or (label is not None and label.missing > 0)
        why = f"{lacking} of {found.rows} rows lack something: " + ("they are left out" if drop else "means stand in")
        yield Line("missing", "drop" if drop else "mean", why)
    yield held_out(found.rows, "rows")
    yield Line("standardise", True, "the model works with mean 0 and variance 1; samples come in your units")


def _condition(label: Column) -> str | int:
    return label.name if isinstance(label.name, str) else "label"


def _example(label: Column) -> str:
    return label.classes[0] if label.classes else "..."
