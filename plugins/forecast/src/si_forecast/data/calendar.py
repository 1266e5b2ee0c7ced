"""Calendar features: where a time stands in the day, the week and the year, as points on circles.

Each is ``(sin 2 pi phi, cos 2 pi phi)`` of a phase phi in [0, 1): of the day since midnight, of the week since Monday,
of the year since the first of January, whatever its length. Times are seconds since 1970-01-01, without time zones.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from si_core import UsageError
from si_forecast.data.series_data import dates

__all__ = ["Feature", "calendar", "check_features"]

Feature = Literal["hour-of-day", "day-of-week", "day-of-year"]
_DAY, _WEEK = 86_400.0, 604_800.0
_THURSDAY = 3 * _DAY
"""The first of January 1970 was one: three days after a Monday."""


def check_features(features: tuple[str, ...], dated: bool, gaps: str) -> None:
    """Refuse what is no feature, and features of times that are no dates or don't go on in equal steps.

    Raises:
        UsageError: says which.
    """
    known = get_args(Feature)
    for name in features:
        if name not in known or features.count(name) > 1:
            raise UsageError("unknown or repeated", where="series: calendar", got=repr(name), allowed=", ".join(known))
    if features and not dated:
        fix = "name a column of dates, such as 2024-01-31 or 2024-01-31T13:00, in `time`"
        raise UsageError("the calendar needs dates", where="series: calendar", fix=fix)
    if features and gaps == "ignore":
        fix = "gaps: split, or leave calendar out"
        got = "gaps: ignore"
        raise UsageError(
            "what follows in the calendar is known of equal steps", where="series: calendar", got=got, fix=fix
        )


def calendar(times: NDArray[np.float64], features: tuple[str, ...]) -> NDArray[np.float64]:
    """The features of times (n,), shape (n, 2 k): sine and cosine of each in turn."""
    angles = [2 * np.pi * _PHASES[name](times) for name in features]
    return np.stack([part for angle in angles for part in (np.sin(angle), np.cos(angle))], axis=-1)


def _of_day(times: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.mod(times, _DAY) / _DAY


def _of_week(times: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.mod(times + _THURSDAY, _WEEK) / _WEEK


def _of_year(times: NDArray[np.float64]) -> NDArray[np.float64]:
    years = dates(np.floor(times)).astype("datetime64[Y]")
    first, following = (year.astype("datetime64[s]").astype("int64") for year in (years, years + 1))
    return (times - first) / (following - first)


_PHASES = {"hour-of-day": _of_day, "day-of-week": _of_week, "day-of-year": _of_year}
