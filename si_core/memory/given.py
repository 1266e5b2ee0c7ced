"""What samples and points are given, in their words: classes by name, values, lists in turn, None to leave one out."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from si_core.contract.condition import ConditionSpec
from si_core.contract.given_condition import read_condition, repeated
from si_core.errors import UsageError
from si_core.memory.conditions import named_conditions
from si_core.memory.containers import array_of, is_frame
from si_core.memory.numbers import numbers

__all__ = ["given", "in_turn", "refuse_others"]


def given(condition: Any, specs: Mapping[str, ConditionSpec], optional: Collection[str] = ()) -> Any:
    """A condition of samples or points in the form that the library reads: lists of names, arrays of values.

    Args:
        condition: as people have it; a name whose value is None is left out.
        specs: the conditions there are.
        optional: those that training left out now and then.

    Raises:
        UsageError: one is to be left out that training never left out.
    """
    if condition is None:
        return None
    if is_frame(condition):
        condition = named_conditions(condition, condition)
    if not isinstance(condition, Mapping):
        return _given(condition, next(iter(specs.values())) if len(specs) == 1 else None)
    return {
        name: _left_out(name, specs[name], optional)
        if value is None and name in specs
        else _given(value, specs.get(name))
        for name, value in condition.items()
    }


def in_turn(condition: Any, specs: Mapping[str, ConditionSpec], n: Any, default: int) -> int:
    """The number of samples, for which values are given in turn.

    Args:
        condition: as of :func:`given`.
        specs: the conditions there are.
        n: as it was asked for; None for the least number from ``default`` on that all values go into.
        default: where n is None.

    Raises:
        UsageError: no whole number above 0, or one into which the values of a condition do not go evenly.
    """
    whole = n is None or (hasattr(n, "__index__") and not isinstance(n, bool | np.bool_))
    if not whole or (n is not None and operator.index(n) < 1):
        raise UsageError("the number of samples", got=repr(n)[:80], allowed="a whole number >= 1")
    read = {} if condition is None else read_condition(specs, condition)
    if n is None:
        each = math.lcm(*(len(values) for values in read.values()))
        return math.ceil(default / each) * each
    count = operator.index(n)
    for name, values in read.items():
        if count % len(values):
            raise UsageError(
                f"values of the condition {name!r} are given in turn, and do not go evenly into the samples",
                got=f"{len(values)} values for n = {count}",
                allowed=f"one value, or as many as divide {count}",
                fix=f"n={math.ceil(count / len(values)) * len(values)}, or {count} values",
            )
    return count


def refuse_others(condition: Any, own: Any, specs: Mapping[str, ConditionSpec], rows: int) -> None:
    """Refuse conditions given beside points that have others among their columns.

    Args:
        condition: as of :func:`given`.
        own: what the points have, by name, likewise.
        specs: the conditions there are.
        rows: the number of points.

    Raises:
        UsageError: says of which rows they differ.
    """
    asked = repeated(read_condition(specs, condition), rows)
    for name in asked.keys() & own.keys():
        try:
            there = repeated(read_condition(specs, {name: own[name]}), rows)[name]
        except UsageError:
            there = torch.full_like(asked[name], -1 if specs[name].classes is not None else torch.nan)
        mine = asked[name]
        there = there.to(mine.dtype)
        # A column may hold a number to fewer digits.
        alike = mine == there if specs[name].classes is not None else torch.isclose(mine, there, equal_nan=True)
        differ = (~alike).reshape(rows, -1).any(1)
        if bool(differ.any()):
            raise UsageError(
                f"the condition {name!r} is given, and is a column of the points with other values",
                got=f"{int(differ.sum())} of {rows} rows differ; first row {int(differ.int().argmax())}",
                fix=f"leave condition={{{name!r}: ...}} out, or the column {name!r} of the points",
            )


def _left_out(name: str, spec: ConditionSpec, optional: Collection[str]) -> Tensor:
    if name not in optional:
        raise UsageError(
            f"the condition {name!r} can't be left out: training never left it out",
            got=f"{name} = None",
            allowed=spec.described(name),
            fix=f'si.fit(..., train={{"condition_dropout": {{"{name}": 0.1}}}}) teaches what is without it',
        )
    return spec.absent(torch.zeros(1))


def _given(value: Any, spec: ConditionSpec | None) -> Any:
    if (
        spec is None
        or isinstance(value, str | bytes)
        or not (isinstance(value, Sequence | np.ndarray | Tensor) or hasattr(value, "__array__"))
    ):
        return value
    found, _ = array_of(value, "condition")
    if spec.classes is None:
        return numbers(found, "condition").astype(np.float64)
    # A tensor holds names as well here, never places: people have not seen these.
    return found.reshape(-1).tolist() if found.ndim else found.item()
