"""Points from files: what ``si estimate --data`` measures on.

Formats other than .npy are read by the distribution ``array``, as a recipe's own data are: the same rules and refusals.
A second reader in the core would know less of separators, missing values and names, and would differ from it one day.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from si_core.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

    from si_core.contract.condition import ConditionSpec
    from si_core.contract.distribution import Distribution

__all__ = ["FORMATS", "Points", "of_file", "read_points", "warn_of_other_values"]

FORMATS = ".npy, .npz, .parquet or a text table"
_ARRAY = "si-distributions/array"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Points:
    """Rows of a file.

    Args:
        x: in data space, shape (N, *event).
        condition: what the file says of each row beside: names of classes, or values, by the model's names.
    """

    x: Tensor
    condition: Mapping[str, Any] = field(default_factory=dict)


def read_points(
    path: str,
    columns: Sequence[str] | None = None,
    conditions: Mapping[str, ConditionSpec] | None = None,
    *,
    drop: bool = False,
) -> Points:
    """All rows of a file, an array (N,) as one column.

    Args:
        path: the file.
        columns: the names of the model's columns: those of a file with names are put in this order.
        conditions: what rows may have beside, where the file has columns of these names.
        drop: whether rows that lack something are left out with a warning, in place of an error.

    Raises:
        DataError: a file that is missing, damaged, of another format, or holds anything but numbers; columns of the
            model that the file lacks; a file without names that has more columns or fewer.
        UsageError, PluginError: the distribution ``array`` is needed and not installed, or not ready.
    """
    if Path(path).suffix.lower() == ".npy":
        values = _array(path)
        points = Points(values[:, None] if values.ndim == 1 else values)
    else:
        points = _rows(path, columns, conditions or {}, drop)
    if columns is not None and points.x.ndim == 2 and points.x.shape[1] != len(columns):
        got = f"{points.x.shape[1]} columns without names"
        raise DataError("the model has other columns", where=path, got=got, allowed=", ".join(columns))
    return points


@contextmanager
def of_file(path: str | None) -> Iterator[None]:
    """Say of an error of points which file they are from; None for points from nowhere.

    Raises:
        DataError: the same, with its place.
    """
    try:
        yield
    except DataError as error:
        if path is not None and (error.where is None or error.where.startswith("row ")):
            error.where = path if error.where is None else f"{path}: {error.where}"
        raise


def _rows(path: str, columns: Sequence[str] | None, specs: Mapping[str, ConditionSpec], drop: bool) -> Points:
    import torch

    from si_core.discovery.build import build
    from si_core.discovery.lookup import load

    names: tuple[str, ...] | None = load("distribution", _ARRAY).columns_of(path)
    options: dict[str, Any] = {"path": path, "standardise": False, "held_out": 0.0, "dtype": "float64"}
    if names is not None:
        if columns is not None:
            _check_names(names, columns, path)
            options["columns"] = list(columns)
        # A column of the points is never a condition as well.
        given = {name: spec for name, spec in specs.items() if name in names and name not in (columns or ())}
        labels = [name for name, spec in given.items() if spec.classes is not None]
        values = [name for name, spec in given.items() if spec.classes is None and not spec.shape]
        options |= {"label": labels[0]} if labels else {}
        options |= {"conditions": values} if values else {}
        left = [name for name in names if name not in (columns or names) and name not in (*labels[:1], *values)]
        if left:
            _log.info("%s: columns that the model does not have are left out: %s", path, ", ".join(left))
    options["missing"] = "drop" if drop else "refuse"
    try:
        data: Distribution = build("distribution", _ARRAY, **options)
    except DataError as error:
        # A policy of recipes can't be set on the command line.
        if error.fix is not None and "missing: " in error.fix:
            error = DataError(
                error.problem, where=error.where, got=error.got, allowed=error.allowed, fix="repair the file"
            )
        raise error from None
    # With nothing held out, row i is the i-th row of the file.
    x, told = data.rows(torch.arange(data.size or 0))
    return Points(x, {name: _named(values, data.conditions[name]) for name, values in (told or {}).items()})


def warn_of_other_values(
    path: str, columns: Sequence[str] | None, specs: Mapping[str, ConditionSpec], condition: Mapping[str, Any]
) -> None:
    """Say where a file has classes in a column and the command line gives all its rows another one."""
    from si_core.contract.class_names import ClassFinder

    for name, given in condition.items():
        classes = specs[name].classes
        if classes is None or not isinstance(given, str) or Path(path).suffix.lower() == ".npy":
            continue
        try:
            told = _rows(path, columns, {name: specs[name]}, drop=True).condition.get(name, ())
        except DataError:
            continue  # a column that can't be read as this condition says nothing of it
        finder = ClassFinder(classes)
        place = finder.place(given)
        others = [value for value in told if finder.place(value) != place]
        if others:
            _log.warning(
                "%s: %d of %d rows have another %s, such as %s; all are measured as --condition %s=%s",
                path, len(others), len(told), name, others[0], name, given,
            )  # fmt: skip


def _named(values: Tensor, spec: ConditionSpec) -> Any:
    """Labels by the names of the file, whose places are not those of the model's; values as they are."""
    return values if spec.classes is None else [spec.classes[place] for place in values.tolist()]


def _check_names(names: Sequence[str], columns: Sequence[str], path: str) -> None:
    missing = [name for name in columns if name not in names]
    if missing:
        near = difflib.get_close_matches(missing[0], [name for name in names if name not in columns], 1)
        raise DataError(
            "columns of the model are missing",
            where=path,
            got=f"columns {', '.join(names)}",
            allowed=f"columns {', '.join(columns)}, in any order",
            fix=f"{missing[0]!r} is not there; " + (f"is it {near[0]!r}?" if near else "name the file's columns"),
        )


def _array(path: str) -> Tensor:
    import numpy as np
    import torch

    from si_core.storage.array_file import load_array

    fix = "save a plain array: numpy.save(path, numpy.asarray(rows, dtype='float32'))"
    values = load_array(path, DataError, fix)
    if values.dtype.kind not in "fiu" or values.ndim == 0:
        raise DataError("not an array of real numbers", where=path, got=f"dtype {values.dtype}, shape {values.shape}")
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float64))
