"""Calendar features beside Python's own calendar."""

from __future__ import annotations

import calendar as python
import datetime
import math

import numpy as np
import pytest
import torch

from si_forecast import series
from si_forecast.data.calendar import calendar

FEATURES = ("hour-of-day", "day-of-week", "day-of-year")


@pytest.mark.parametrize("text", ["1970-01-01T00:00", "2024-02-29T18:30", "2023-12-31T23:59", "1965-07-04T06:00"])
def test_features_are_those_of_the_calendar(text: str) -> None:
    date = datetime.datetime.fromisoformat(text)
    day = (date.hour + date.minute / 60) / 24
    days = 366 if python.isleap(date.year) else 365
    phases = [day, (date.weekday() + day) / 7, (date.timetuple().tm_yday - 1 + day) / days]
    due = [part for phase in phases for part in (math.sin(2 * math.pi * phase), math.cos(2 * math.pi * phase))]
    seconds = (date - datetime.datetime(1970, 1, 1)).total_seconds()
    np.testing.assert_allclose(calendar(np.array([seconds]), FEATURES)[0], due, atol=1e-9)


def test_what_is_given_is_the_time_that_is_forecast() -> None:
    times = np.datetime64("2024-01-01T00") + np.arange(100) * np.timedelta64(1, "h")
    law = series(np.arange(100.0), times=times, calendar=["hour-of-day"], ahead=3, standardise=False, dtype="float64")
    x1, given = law.rows(torch.arange(law.size))
    phase = torch.atan2(given["calendar"][:, 0], given["calendar"][:, 1]) / (2 * math.pi)
    hours = (24 * phase).round() % 24
    assert torch.equal(hours, x1[:, 0] % 24)
