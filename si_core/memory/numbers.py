"""Arrays of any dtype as numbers that can be standardised, and numbers as the dtype they came in.

Truth values are 0 and 1, times their counts of units since the epoch. Back, whole numbers are rounded and kept within
the range of their dtype, and truth values are those above one half.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from si_core.errors import DataError

__all__ = ["from_numbers", "numbers"]

Array = NDArray[np.generic]

_log = logging.getLogger(__name__)
_EXACT = 2**53


def numbers(values: Array, where: str, like: str | None = None) -> Array:
    """The values as floating-point or whole numbers in native byte order; what is missing is NaN.

    Args:
        values: of any dtype.
        where: for errors.
        like: the dtype of the numbers that these are compared with; times are counted in its units.

    Raises:
        DataError: text, complex numbers, records, objects that are no numbers, or times that ``like`` is not.
    """
    kind = values.dtype.kind
    if kind == "b":
        return values.astype(np.float32)
    if kind in "iu":
        return _whole(values, where)
    if kind == "f":
        size = values.dtype.itemsize
        return values.astype(np.float32 if size < 4 else np.float64 if size > 4 else np.float32, copy=False)
    if kind in "Mm":
        return _counts(values, where, like)
    if kind == "O":
        return _of_objects(values, where)
    if kind in "US":
        raise _text(where, values.flat[0] if values.size else "")
    words = {"c": ("complex numbers", "numpy.stack([X.real, X.imag], -1)"), "V": ("records", "pandas.DataFrame(X)")}
    what, fix = words.get(kind, (f"dtype {values.dtype}", "X.astype(float)"))
    raise DataError("no numbers", where=where, got=what, allowed="numbers of any size, true and false, times", fix=fix)


def from_numbers(values: Array, dtype: str) -> Array:
    """Numbers in a dtype of numpy: rounded where it holds whole numbers, within its range where that is bounded."""
    wanted = np.dtype(dtype)
    if wanted.kind == "b":
        return np.asarray(values.astype(np.float64) > 0.5)
    if wanted.kind in "iu":
        return _rounded(values, wanted)
    if wanted.kind in "Mm":
        return _rounded(values, np.dtype(np.int64)).view(wanted.newbyteorder("="))
    if wanted.itemsize < values.dtype.itemsize:
        largest = np.finfo(wanted).max
        values = np.clip(values, -largest, largest)
    return values.astype(wanted)


def _counts(values: Any, where: str, like: str | None) -> Array:
    """Times as counts of their own unit, or of that of ``like``."""
    missing = np.isnat(values)
    many = few = 1.0
    if like is not None and str(values.dtype.newbyteorder("=")) != like:
        kind = {"M": "datetime64", "m": "timedelta64"}[values.dtype.kind]
        if not like.startswith(kind):
            problem = "times of another kind, or in place of numbers"
            raise DataError(problem, where=where, got=values.dtype, allowed=like or "the dtypes of the columns of X")
        unit, step = np.datetime_data(like)
        if unit in "YM" or np.datetime_data(values.dtype)[0] in "YM":
            # Months are counted in no other unit; of calendars numpy knows them.
            values = values.astype(f"{kind}[{unit if unit in 'YM' else 'D'}]", casting="unsafe")
        own, count = np.datetime_data(values.dtype)
        one, other = np.array(count, f"m8[{own}]"), np.array(step, f"m8[{unit}]")
        many, few = max(float(one / other), 1.0), max(float(other / one), 1.0)
    return np.where(missing, np.nan, values.astype(np.int64).astype(np.float64) * many / few)


def _rounded(values: Array, wanted: np.dtype[Any]) -> Array:
    least, most = np.iinfo(wanted).min, np.iinfo(wanted).max
    # The largest whole number of 64 bits is no double: its neighbour below is.
    ceiling = float(most) if int(float(most)) <= most else float(np.nextafter(float(most), 0))
    return np.clip(np.rint(values.astype(np.float64)), float(least), ceiling).astype(wanted)


def _whole(values: Array, where: str) -> Array:
    if values.dtype.itemsize == 8 and values.size and max(-int(values.min()), int(values.max())) > _EXACT:
        _log.warning("%s: whole numbers beyond 2^53 are known to 53 binary digits, as doubles are", where)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _of_objects(values: Array, where: str) -> Array:
    """Python's numbers, with None and NaN for what is missing."""
    found = np.empty(values.shape, np.float64)
    for index, entry in np.ndenumerate(values):
        if isinstance(entry, str):
            raise _text(where, entry)
        try:
            # What is missing in a data frame has no truth value and is no number.
            missing = entry is None or type(entry).__name__ in ("NAType", "NaTType")
            found[index] = np.nan if missing else float(entry)
        except (TypeError, ValueError, OverflowError) as error:
            allowed = "numbers of any size, true and false"
            raise DataError(
                "no number", where=f"{where}, row {index[0]}" if index else where, got=repr(entry)[:80], allowed=allowed
            ) from error
    return found


def _text(where: str, entry: object) -> DataError:
    fix = "leave the column out; or, where it says what a row is, name it: condition='NAME'"
    if isinstance(entry, str | bytes) and _is_number(entry):
        fix = "numbers written as text are read by .astype(float); a frame's by X.astype({NAME: float})"
    return DataError("text, where numbers are wanted", where=where, got=repr(entry)[:80], fix=fix)


def _is_number(text: str | bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
