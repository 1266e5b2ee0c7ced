"""What data come in: arrays, tensors, data frames of pandas and polars, recognised by their modules and never imported.

A library of frames that the data come from is imported already; where a model is loaded without, arrays stand in.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence, Set
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core.errors import DataError

__all__ = ["Container", "array_of", "column_names", "column_of", "container_of", "is_frame", "is_series", "library"]

Container = Literal["numpy", "torch", "pandas", "polars"]
Array = NDArray[np.generic]


def container_of(data: Any) -> Container:
    """The library that data come from; numpy for whatever else is an array or nested lists."""
    if isinstance(data, Tensor):
        return "torch"
    for base in type(data).__mro__:
        root = base.__module__.partition(".")[0]
        if root == "pandas" and base.__name__ in ("DataFrame", "Series", "Index"):
            return "pandas"
        if root == "polars" and base.__name__ in ("DataFrame", "Series", "LazyFrame"):
            return "polars"
    return "numpy"


def is_frame(data: Any) -> bool:
    """Whether data are a frame: columns with names."""
    return container_of(data) in ("pandas", "polars") and hasattr(data, "columns")


def is_series(data: Any) -> bool:
    """Whether data are one column of a frame."""
    return container_of(data) in ("pandas", "polars") and not hasattr(data, "columns")


def library(container: Container) -> Any:
    """The module, where it is imported already or can be; None elsewhere."""
    if container in sys.modules:
        return sys.modules[container]
    try:
        return __import__(container)
    except ImportError:
        return None


def column_names(frame: Any) -> list[str | int]:
    """The names of a frame's columns; those that are neither text nor whole numbers as text.

    Raises:
        DataError: a frame that is not there yet, or two columns of one name.
    """
    if hasattr(frame, "collect"):
        raise DataError("a lazy frame holds no rows yet", got=type(frame).__name__, fix="X.collect()")
    names = [int(n) if isinstance(n, np.integer) else n if isinstance(n, str | int) else str(n) for n in frame.columns]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise DataError("two columns have one name", got=repr(repeated[0]), fix="name the columns apart")
    return names


def column_of(frame: Any, name: str | int) -> Any:
    """A column of a frame by the name that :func:`column_names` gives it."""
    place = column_names(frame).index(name)
    return frame.iloc[:, place] if container_of(frame) == "pandas" else frame.to_series(place)


def array_of(data: Any, where: str) -> tuple[Array, str]:
    """An array, tensor, column or nested lists as an array of numpy, and the dtype to give its like back in.

    Raises:
        DataError: lists of several lengths, times with a zone, or what is no array at all.
    """
    container = container_of(data)
    if container == "torch":
        kept = data.detach().cpu()
        kept = kept.to_dense() if kept.layout != torch.strided else kept
        return (kept.float() if kept.dtype == torch.bfloat16 else kept).resolve_conj().numpy(), _name(data.dtype)
    if container == "pandas":
        return _of_pandas(data, where)
    if container == "polars":
        return _of_polars(data, where)
    if hasattr(data, "toarray"):
        raise DataError("a sparse matrix", where=where, got=type(data).__name__, fix="X.toarray()")
    if isinstance(data, np.ma.MaskedArray):
        return np.ma.filled(data.astype(np.float64), np.nan), str(data.dtype)
    if isinstance(data, str | bytes) or not (isinstance(data, Sequence) or hasattr(data, "__array__")):
        raise DataError(
            "no array",
            where=where,
            got=f"{data!r}"[:80],
            allowed="an array, a tensor, a data frame, lists",
            fix=_array_of_batches(data),
        )
    try:
        found = np.asarray(data)
        if found.dtype.kind in "US" and isinstance(data, Sequence):
            found = np.array(data, dtype=object)  # else numbers among texts would be texts
    except ValueError as error:
        raise DataError("rows of several lengths", where=where, got=_uneven(data) or str(error)[:120]) from error
    return found, str(found.dtype.newbyteorder("="))


def _array_of_batches(data: Any) -> str | None:
    """What makes an array of what is gone through."""
    endless = "what never ends is a function X(n, generator) that gives n rows"
    if isinstance(data, Iterator):
        return f"numpy.array(list(X)), once; {endless}"
    if isinstance(data, str | bytes | Set) or not (hasattr(data, "__iter__") or hasattr(data, "__getitem__")):
        return None
    return f"the array it is made of, or all rows: numpy.concatenate([batch for batch in X]); {endless}"


def _uneven(data: Sequence[Any]) -> str | None:
    """The first row of another length than row 0, in words."""
    sizes = [len(row) if hasattr(row, "__len__") else None for row in data]
    odd = next((i for i, size in enumerate(sizes) if size != sizes[0]), None)
    if odd is None:
        return None
    own, first = ("one number" if sizes[i] is None else f"{sizes[i]} entries" for i in (odd, 0))
    return f"row {odd} has {own}, row 0 has {first}"


def _name(dtype: object) -> str:
    return str(dtype).removeprefix("torch.")


def _of_pandas(column: Any, where: str) -> tuple[Array, str]:
    dtype = column.dtype
    if getattr(dtype, "tz", None) is not None:
        raise DataError(
            "times with a zone", where=where, got=str(dtype), fix=".dt.tz_convert('UTC').dt.tz_localize(None)"
        )
    own = getattr(dtype, "numpy_dtype", None)
    if own is not None and np.dtype(own).kind in "biuf":
        # Columns that may lack values are numbers with NaN.
        return column.to_numpy(dtype=np.float64, na_value=np.nan), str(np.dtype(own))
    found = np.asarray(column.to_numpy())
    return found, str(found.dtype)


def _of_polars(column: Any, where: str) -> tuple[Array, str]:
    dtype = column.dtype
    if getattr(dtype, "time_zone", None) is not None:
        raise DataError("times with a zone", where=where, got=str(dtype), fix=".dt.replace_time_zone(None)")
    found = np.asarray(column.to_numpy())
    name = {"boolean": "bool"}.get(str(dtype).lower(), str(dtype).lower())
    return found, name if dtype.is_numeric() or name == "bool" else str(found.dtype)
