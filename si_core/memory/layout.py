"""How data came, so that samples come alike: container, dtypes, names, and what classes are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core.memory.containers import (
    Container,
    library,
)
from si_core.memory.numbers import from_numbers, numbers

__all__ = ["Array", "Layout", "Spoken"]

Array = NDArray[np.generic]
_ROUNDED = ("int", "uint", "bool", "datetime", "timedelta")
_FRAMES = ("pandas", "polars")
_SPOKEN = ("text", "whole", "truth", "values")
Spoken = str
"""What classes of a condition are: ``text``, ``whole`` numbers, ``truth`` values; ``values`` where there are none."""


@dataclass(frozen=True)
class Layout:
    """How rows came.

    Args:
        container: what held them.
        dtypes: of all entries, or one for each column of a frame.
        columns: the names of the columns of a table, where it has names.
        single: whether a row was one number: an array (n,), or one column of a frame.
        order: the columns of a frame as it came, with those that are conditions.
        spoken: what the classes of each condition are.
        on_device: whether they were tensors on an accelerator.
    """

    container: Container = "numpy"
    dtypes: tuple[str, ...] = ("float32",)
    columns: tuple[str | int, ...] | None = None
    single: bool = False
    order: tuple[str | int, ...] = ()
    spoken: Mapping[str, Spoken] = field(default_factory=dict)
    on_device: bool = False

    @property
    def exact(self) -> bool:
        """Whether a dtype is finer than single precision, which samples are then not rounded to."""
        return any(
            dtype.startswith(("datetime", "timedelta")) or dtype.endswith(("64", "128")) for dtype in self.dtypes
        )

    def dtype_of(self, column: str | int | None) -> str:
        """The dtype of a column by name, or of all entries; empty where columns differ and none is named."""
        if self.columns is not None and column in self.columns and len(self.dtypes) == len(self.columns):
            return self.dtypes[self.columns.index(column)]
        return self.dtypes[0] if len(set(self.dtypes)) == 1 else ""

    def back(self, values: Tensor, conditions: Mapping[str, Any]) -> Any:
        """Rows in data space (n, *event) as data came; columns of a frame that are conditions among them."""
        rows: Array = values.detach().cpu().numpy()
        if self.single:
            rows = rows[:, 0]
        if self.container == "torch":
            return self._tensor(rows, values.device)
        frames = library(self.container) if self.container in _FRAMES else None
        if frames is None:
            # Without the library that the data came from, their columns are those of an array.
            return from_numbers(rows, self.dtypes[0]) if len(set(self.dtypes)) == 1 else rows.astype(np.float64)
        if self.single:
            name = None if self.columns is None else self.columns[0]
            made = from_numbers(rows, self.dtypes[0])
            return frames.Series(made, name=name) if self.container == "pandas" else frames.Series(name or "", made)
        columns = {
            name: from_numbers(rows[:, i], dtype)
            for i, (name, dtype) in enumerate(zip(self.columns or (), self.dtypes, strict=True))
        }
        # Conditions are named by text, columns of pandas also by numbers.
        columns |= {name: conditions[str(name)] for name in self.order if str(name) in conditions}
        return frames.DataFrame({name: columns[name] for name in self.order or columns if name in columns})

    def rounded(self, values: Tensor) -> Tensor:
        """Rows in data space (n, *event) as numbers still, on the values that their dtypes hold."""
        rows: Array = values.detach().cpu().numpy()
        parts = [rows] if len(self.dtypes) == 1 else [rows[:, i] for i in range(rows.shape[1])]
        kept = [
            numbers(self.column(part, i), "samples").astype(np.float64) if dtype.startswith(_ROUNDED) else part
            for i, (part, dtype) in enumerate(zip(parts, self.dtypes, strict=True))
        ]
        return torch.from_numpy(kept[0] if len(kept) == 1 else np.stack(kept, axis=1))

    def column(self, values: Array, place: int) -> Array:
        """One column of a table in data space, (n,), in the dtype it came in; rounded where that asks for it.

        Args:
            values: the numbers.
            place: which column it is.
        """
        dtype = self.dtypes[place if len(self.dtypes) > 1 else 0]
        # numpy has no such numbers, and single precision holds them all.
        return values if dtype == "bfloat16" else from_numbers(values, dtype)

    def array(self, values: Tensor) -> Array:
        """Events in data space (n, *event) as one array, of the dtype the data had; float64 where columns had several.

        Args:
            values: the events.
        """
        rows: Array = values.detach().cpu().numpy()
        if len(set(self.dtypes)) == 1:
            return self.column(rows, 0)
        return np.stack([self.column(rows[:, i], i).astype(np.float64) for i in range(rows.shape[1])], axis=1)

    def _tensor(self, rows: Array, device: torch.device) -> Tensor:
        dtype: torch.dtype = getattr(torch, self.dtypes[0])
        if dtype.is_floating_point:
            made = torch.from_numpy(rows)
            largest = torch.finfo(dtype).max
            made = made.clamp(-largest, largest).to(dtype)
        else:
            made = torch.from_numpy(from_numbers(rows, self.dtypes[0]))
        return made.to(device) if self.on_device else made

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        found = asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Layout:
        """The layout that :meth:`plain` wrote.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is none.
        """
        columns = plain["columns"]
        layout = cls(
            plain["container"],
            tuple(plain["dtypes"]),
            None if columns is None else tuple(columns),
            plain["single"],
            tuple(plain["order"]),
            dict(plain["spoken"].items()),
            plain["on_device"],
        )
        layout._check()
        return layout

    def _check(self) -> None:
        """Refuse what a stranger may have written and no data have, before anything is looked up by its names."""
        if self.container not in get_args(Container):
            raise ValueError(f"the container {self.container!r}")
        for dtype in self.dtypes:
            known = isinstance(getattr(torch, dtype, None), torch.dtype)
            if not known and (self.container == "torch" or np.dtype(dtype).kind not in "biufMmO"):
                raise ValueError(f"the dtype {dtype!r}")
        columns = 1 if self.columns is None else len(self.columns)
        if len(self.dtypes) != columns and (len(self.dtypes) != 1 or self.container in _FRAMES):
            raise ValueError(f"{len(self.dtypes)} dtypes")
        if not all(isinstance(name, str | int) for name in (*(self.columns or ()), *self.order)):
            raise ValueError("names of columns that are neither text nor numbers")
        if not all(isinstance(flag, bool) for flag in (self.single, self.on_device)):
            raise ValueError("neither true nor false")
        if not set(self.spoken.values()) <= set(_SPOKEN):
            raise ValueError(f"classes that are spoken of as {sorted(set(self.spoken.values()) - set(_SPOKEN))}")

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether events of this shape can have come so.

        Args:
            shape: of an event.
        """
        if self.single and [*shape] != [1]:
            return False
        if self.columns is not None:
            return [*shape] == [len(self.columns)]
        return self.single or self.container not in _FRAMES
