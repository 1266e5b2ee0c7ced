"""Conditions as people give them: classes by the names of their file, arrays, numbers, files of arrays.

{"species": "setosa"}    {"species": ["setosa", "virginica"], "observation": y}    "setosa", where there is one
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from si_core.contract.class_names import ClassFinder
from si_core.contract.condition import Condition, ConditionSpec, check_classes, check_condition
from si_core.errors import UsageError

__all__ = ["read_condition", "repeated", "taken"]

_WHOLE = (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8)


def read_condition(specs: Mapping[str, ConditionSpec], given: Any, where: str | None = None) -> dict[str, Tensor]:
    """Conditions from what a person gave; those that are not named are left out.

    Args:
        specs: the conditions of the model.
        given: a mapping from names to values, or the bare value where there is one condition. A value is a class by
            name, a list of them, a number, or an array of one value or of many; a tensor of whole numbers holds the
            places of classes.
        where: for errors.

    Returns:
        Tensors (k, *shape), int64 for classes and floating-point for values, k = 1 for a single value.

    Raises:
        UsageError: an unknown name or class, or a value of another shape.
    """
    if not isinstance(given, Mapping):
        if len(specs) != 1:
            raise UsageError(
                "a bare value is for models with one condition" if specs else "this model takes no condition",
                where=where,
                got=f"{given!r}"[:80],
                allowed="; ".join(spec.described(name) for name, spec in specs.items()) or None,
                fix="{name: value}" if specs else "leave the condition out",
            )
        given = {next(iter(specs)): given}
    unknown = {name: torch.empty(0) for name in given if name not in specs}
    if unknown:
        check_condition(specs, unknown, where=where)
    read = {name: _read(name, specs[name], value, where) for name, value in given.items()}
    check_classes(specs, read, where)
    return read


def _read(name: str, spec: ConditionSpec, value: Any, where: str | None) -> Tensor:
    if spec.classes is not None:
        return _labels(name, spec, spec.classes, value, where)
    try:
        dtype = None if np.iscomplexobj(value) else np.float64
        values = value if isinstance(value, Tensor) else torch.from_numpy(np.array(value, dtype))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the condition {name!r} has values", where=where, got=f"{value!r}"[:80], allowed=spec.described(name)
        ) from error
    # Whole numbers are numbers; complex ones would lose a part, and are refused.
    values = values if values.is_floating_point() or values.is_complex() else values.double()
    if tuple(values.shape) == spec.shape:
        values = values[None]
    check_condition({name: spec}, {name: values}, where=where)
    if not len(values):
        raise UsageError(f"the condition {name!r} has no values", where=where, allowed="one, or one for each state")
    return values


def _labels(name: str, spec: ConditionSpec, classes: tuple[str, ...], value: Any, where: str | None) -> Tensor:
    if isinstance(value, Tensor):
        # A tensor is what the library itself passes on: places among the classes.
        labels = value.reshape(-1)
        labels = labels.long() if labels.dtype in _WHOLE else labels
        check_condition({name: spec}, {name: labels}, where=where)
        return labels
    several = value if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str) else [value]
    if not len(several):
        raise UsageError(f"the condition {name!r} has no values", where=where, allowed=spec.described(name))
    finder = ClassFinder(classes)
    found = []
    for entry in several.tolist() if isinstance(several, np.ndarray) else several:
        # A file's names are texts: 1 and 1.0 stand for the class "1", never for a place.
        place = finder.place(entry)
        if place is None:
            raise UsageError(
                f"no class {entry!r}", where=where, got=f"{name} = {entry!r}", allowed=spec.described(name)
            )
        found.append(place)
    return torch.tensor(found, dtype=torch.int64)


def repeated(condition: Condition, n: int, first: int = 0) -> dict[str, Tensor]:
    """The values of n states: those given, in turn, from the one of state ``first`` on."""
    index = torch.arange(first, first + n)
    return {name: values[(index % len(values)).to(values.device)] for name, values in condition.items()}


def taken(condition: Condition | None, rows: slice | Tensor) -> dict[str, Tensor] | None:
    """The values of some of the states; what is one value of all stays so."""
    if condition is None:
        return None
    return {
        name: values if len(values) == 1 else values[rows if isinstance(rows, slice) else rows.to(values.device)]
        for name, values in condition.items()
    }


def moved(condition: Condition | None, device: torch.device) -> dict[str, Tensor] | None:
    """The condition on a device; None for none."""
    return None if condition is None else {name: values.to(device) for name, values in condition.items()}
