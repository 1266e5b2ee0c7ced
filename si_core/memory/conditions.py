"""Conditions as people have them: text, truth values and whole numbers are classes, other numbers are values.

    condition={"species": names, "dose": d, "scan": images}    condition="species", a column of the frame X    names

Numbers that are whole and mean an amount are given as floating-point numbers: ``ages.astype(float)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from si_core.contract.condition import Condition, ConditionSpec
from si_core.errors import DataError, UsageError
from si_core.memory.containers import array_of, column_names, column_of, is_frame, is_series
from si_core.memory.layout import Spoken
from si_core.memory.numbers import numbers

__all__ = ["Conditions", "columns_taken", "named_conditions", "read_conditions", "spoken_values"]

Array = NDArray[np.generic]
_MOST = 100
"""Whole numbers of more distinct values than this are no classes."""


@dataclass(frozen=True)
class Conditions:
    """What belongs to the rows.

    Args:
        labels: by name, a class for each row as text, empty where there is none.
        values: by name, numbers for each row, (n, *shape).
        spoken: what people call classes by.
    """

    labels: dict[str, Array] = field(default_factory=dict)
    values: dict[str, Array] = field(default_factory=dict)
    spoken: dict[str, Spoken] = field(default_factory=dict)


def columns_taken(condition: Any, data: Any) -> tuple[str | int, ...]:
    """The columns of a frame that are conditions and so no data: those that are named, or given beside it anew."""
    if not is_frame(data):
        return _chosen_columns(condition, data)
    names = named_conditions(condition, data)
    return tuple(name for name in column_names(data) if str(name) in names)


def _chosen_columns(condition: Any, data: Any) -> tuple[str | int, ...]:
    """The columns of a frame that are named as conditions; empty where conditions are given beside it.

    Raises:
        UsageError: a name that is no column.
    """
    named = [condition] if isinstance(condition, str) else condition
    if not (isinstance(named, list | tuple) and named and all(isinstance(name, str) for name in named)):
        return ()
    there = column_names(data) if is_frame(data) else []
    if there and all(name in there for name in named):
        return tuple(named)
    if isinstance(condition, str):
        raise UsageError(
            f"no column {condition!r} of X to take as the condition",
            allowed=", ".join(map(str, there)) or "X has no named columns: give values, condition={name: values}",
        )
    return ()


def named_conditions(condition: Any, data: Any) -> dict[str, Any]:
    """The conditions by name, as they were given."""
    columns = _chosen_columns(condition, data)
    if columns:
        return {str(name): column_of(data, name) for name in columns}
    if condition is None:
        return {}
    if isinstance(condition, Mapping):
        return {str(name): values for name, values in condition.items()}
    if is_frame(condition):
        return {str(name): column_of(condition, name) for name in column_names(condition)}
    name = condition.name if is_series(condition) else None
    return {str(name or "condition"): condition}


def read_conditions(condition: Any, data: Any, rows: int) -> Conditions:
    """The conditions of rows.

    Args:
        condition: values by name, the names of columns of the frame, or the values of one condition.
        data: the rows, as they came.
        rows: how many there are.

    Raises:
        DataError: another number of values than rows, or values of a form that no condition has.
        UsageError: a name that is no column.
    """
    found = Conditions()
    for name, given in named_conditions(condition, data).items():
        where = f"condition {name!r}"
        values, dtype = array_of(given, where)
        values = _with_gaps(values, dtype)
        if values.ndim == 0 or len(values) != rows:
            raise DataError(
                "one value for each row of X", where=where, got=f"shape {values.shape}", allowed=f"({rows}, ...)"
            )
        spoken = _spoken(values, where)
        found.spoken[name] = spoken
        if spoken == "values":
            found.values[name] = numbers(values, where).astype(np.float64)
        else:
            found.labels[name] = _labels(values, spoken, where)
    return found


def spoken_values(
    condition: Condition | None, specs: Mapping[str, ConditionSpec], spoken: Mapping[str, Spoken]
) -> dict[str, Array]:
    """Conditions as people have them, each (n, *shape): classes by name, in the form they came in."""
    found: dict[str, Array] = {}
    for name, values in (condition or {}).items():
        classes = specs[name].classes
        if classes is None:
            found[name] = values.cpu().numpy()
            continue
        form = spoken.get(name, "text")
        # A label of -1, which is left out, is the last of all.
        names = [text == "True" if form == "truth" else int(text) if form == "whole" else text for text in classes]
        places = values.cpu().numpy()
        if (places < 0).any():
            found[name] = np.array([None if k < 0 else names[k] for k in places], dtype=object)
        else:
            found[name] = np.array(names)[places]
    return found


def _with_gaps(values: Array, dtype: str) -> Array:
    """Columns of whole numbers or truth values that lack some are read as numbers: as they are, with None."""
    if values.dtype.kind != "f" or not dtype.startswith(("int", "uint", "bool")):
        return values
    whole = bool if dtype.startswith("bool") else int
    return np.array([None if _missing(entry) else whole(entry) for entry in values.tolist()], dtype=object)


def _spoken(values: Array, where: str) -> Spoken:
    kind = values.dtype.kind
    if kind == "O" and values.ndim == 1:
        types = {type(entry) for entry in values if not _missing(entry)}
        for form, allowed in (("truth", (bool, np.bool_)), ("whole", (int, np.integer)), ("text", str)):
            if types and all(issubclass(each, allowed) for each in types):
                return form
        if types and all(issubclass(each, int | float | np.number) for each in types):
            return "values"
        got = ", ".join(sorted(each.__name__ for each in types)) or "nothing"
        raise DataError("a condition is text, truth values or numbers", where=where, got=got)
    if kind in "Mm":
        raise DataError(
            "times are no condition", where=where, got=values.dtype, fix="give numbers, such as days since the first"
        )
    if values.ndim > 1 or kind == "f":
        return "values"
    return {"b": "truth", "i": "whole", "u": "whole"}.get(kind, "text")


def _labels(values: Array, spoken: Spoken, where: str) -> Array:
    texts = np.array(["" if _missing(entry) else _text(entry) for entry in values.tolist()], dtype=np.str_)
    distinct = len(set(texts.tolist()) - {""})
    if spoken == "whole" and distinct > _MOST:
        name = where.removeprefix("condition ")
        raise DataError(
            f"whole numbers are classes, and there are too many: {distinct}",
            where=where,
            allowed=f"at most {_MOST} classes",
            fix=f"where they are amounts, give floating-point numbers: condition={{{name}: values.astype(float)}}",
        )
    return texts


def _text(entry: Any) -> str:
    return entry.decode("utf-8", "replace") if isinstance(entry, bytes) else str(entry)


def _missing(entry: Any) -> bool:
    if entry is None or type(entry).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(entry, float) and entry != entry
