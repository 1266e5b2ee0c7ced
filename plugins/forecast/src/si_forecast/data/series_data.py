"""One or many series: states in the order of time, one series after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from si_core import DataError

__all__ = ["SeriesData", "as_states", "dates"]


@dataclass(frozen=True, eq=False)
class SeriesData:
    """States of series in data space.

    Args:
        values: shape (N, *event), float64; NaN where something is missing.
        series: which series each row belongs to, shape (N,), 0, 1, ... in the order of the rows.
        names: of the series.
        where: the file or component, for errors.
        columns: the names of the entries of a state (d,).
        times: of the rows, shape (N,): seconds since 1970-01-01 where they are dates, else numbers in a unit of their
            own; None where rows are counted.
        dated: whether the times are dates.
        static: what a series has once, by name, each (S,).

    Raises:
        DataError: no rows, an infinite number, times that are missing, repeated or not in order, or a static value that
            is not a finite number.
    """

    values: NDArray[np.float64]
    series: NDArray[np.int64]
    names: tuple[str, ...]
    where: str
    columns: tuple[str, ...] | None = None
    times: NDArray[np.float64] | None = None
    dated: bool = False
    static: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @classmethod
    def of_parts(
        cls, parts: Sequence[NDArray[np.float64]] | NDArray[np.float64], names: tuple[str, ...], where: str, **more: Any
    ) -> SeriesData:
        """Series of any lengths, each (N_s, *event), with their names and what else there is of all of them."""
        series = np.repeat(np.arange(len(parts)), [len(part) for part in parts]).astype(np.int64)
        return cls(np.concatenate(parts), series, names, where, **more)

    def __post_init__(self) -> None:
        if 0 in self.values.shape:
            raise DataError("there are no numbers in it", where=self.where, got=f"shape {self.values.shape}")
        endless = np.isinf(self.values).reshape(len(self.values), -1).any(1)
        if endless.any():
            raise DataError("a state is infinite", where=self.where, got=self.row(int(endless.argmax())))
        if self.times is not None:
            self._check_times(self.times)
        for name, values in self.static.items():
            if not np.isfinite(values).all():
                which = self.names[int((~np.isfinite(values)).argmax())]
                raise DataError(f"{name!r} of a series is no finite number", where=self.where, got=f"series {which}")

    def _check_times(self, times: NDArray[np.float64]) -> None:
        if not np.isfinite(times).all():
            got = self.row(int((~np.isfinite(times)).argmax()))
            raise DataError("a row has no time", where=self.where, got=got, fix="remove the row, or give its time")
        late = (np.diff(times) <= 0) & (np.diff(self.series) == 0)
        if not late.any():
            return
        at = int(late.argmax()) + 1
        if times[at] == times[at - 1]:
            fix = "keep one row for each time, or name the column that tells several series apart in `group`"
            raise DataError("two rows of a series have one time", where=self.where, got=self.row(at), fix=fix)
        fix = "sort the rows by time, or name the column that tells several series apart in `group`"
        raise DataError("the rows are not in the order of time", where=self.where, got=self.row(at), fix=fix)

    def row(self, index: int) -> str:
        """How an error names a row, such as ``row 3 of series london (2024-01-01T03:00)``."""
        within = index - int(np.searchsorted(self.series, self.series[index]))
        named = f"row {within}" + (f" of series {self.names[self.series[index]]}" if len(self.names) > 1 else "")
        if self.times is None or not np.isfinite(self.times[index]):
            return named
        return f"{named} ({self.time_of(self.times[index])})"

    def time_of(self, time: float) -> str:
        """A time as people write it."""
        return str(dates(np.array([time]))[0]) if self.dated else f"{time:g}"

    @property
    def shape(self) -> tuple[int, ...]:
        """The event shape."""
        return self.values.shape[1:]

    @property
    def whole(self) -> NDArray[np.bool_]:
        """The rows in which nothing is missing, shape (N,)."""
        found: NDArray[np.bool_] = np.isfinite(self.values).reshape(len(self.values), -1).all(1)
        return found

    def without_empty_rows(self) -> SeriesData:
        """These series without the rows in which all is missing; each series must keep one."""
        some = np.isfinite(self.values).reshape(len(self.values), -1).any(1)
        times = None if self.times is None else self.times[some]
        return replace(self, values=self.values[some], series=self.series[some], times=times)

    @property
    def bounds(self) -> NDArray[np.int64]:
        """The first row of each series, and the number of all rows, shape (S + 1,)."""
        return np.searchsorted(self.series, np.arange(len(self.names) + 1)).astype(np.int64)


def as_states(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Numbers (N, *event) as states; those of shape (N,) have one entry each."""
    found = np.asarray(values, dtype=np.float64)
    return found[:, None] if found.ndim == 1 else found


def dates(times: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Seconds since 1970 as dates, to the second."""
    return np.round(times).astype("int64").astype("datetime64[s]")
