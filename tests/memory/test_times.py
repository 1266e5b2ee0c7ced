"""Times are counted in one unit, whatever unit those have that they are compared with."""

from __future__ import annotations

import numpy as np
import pytest

import si_core as si

HOURS = 500_000 + np.random.default_rng(0).integers(0, 400, (60, 2))


UNITS = ("h", "m", "s", "us", "ns", "30m")


# Each unit is asked in where each other was fitted in, of moments or of spans.
@pytest.mark.parametrize(("kind", "asked_in"), [("datetime64", UNITS[::2]), ("timedelta64", UNITS[1::2])])
@pytest.mark.parametrize("fitted_in", ["h", "s", "ns", "30m"])
def test_densities_are_those_of_the_moment_in_any_unit(quick, kind: str, fitted_in: str, asked_in) -> None:
    times = HOURS.astype(f"{kind}[h]")
    fitted = quick(times.astype(f"{kind}[{fitted_in}]"), steps=0)
    wanted = fitted.log_prob(times[:5].astype(f"{kind}[{fitted_in}]"))
    for unit in asked_in:
        np.testing.assert_array_equal(fitted.log_prob(times[:5].astype(f"{kind}[{unit}]")), wanted)


@pytest.mark.parametrize("unit", ["s", "ns"])
def test_two_ends_share_the_unit_of_the_target(quick, unit: str) -> None:
    times = HOURS.astype("datetime64[h]")
    one = quick(times, source=times.astype(f"datetime64[{unit}]"), steps=0).model.process
    np.testing.assert_array_equal(one.target.frame.scale, one.source.frame.scale)
    both = quick(times, source=times, steps=0).model.process
    np.testing.assert_array_equal(one.target.frame.scale, both.target.frame.scale)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_frames_keep_units_of_their_own(quick, library: str) -> None:
    frames = pytest.importorskip(library)
    times = HOURS.astype("datetime64[h]")
    x = np.linspace(0, 1, 60)
    units = ("ms", "us")
    frame = frames.DataFrame({"t": times[:, 0].astype("M8[ns]"), "u": times[:, 1].astype(f"M8[{units[1]}]"), "x": x})
    other = frames.DataFrame({"x": x, "u": times[:, 1].astype("M8[ns]"), "t": times[:, 0].astype(f"M8[{units[0]}]")})
    fitted = quick(frame, steps=0)
    np.testing.assert_array_equal(fitted.log_prob(frame[:5]), fitted.log_prob(other[:5]))


def test_months_are_counted_by_the_calendar(quick) -> None:
    months = np.arange(480, 600).astype("datetime64[M]")
    fitted = quick(months.astype("datetime64[s]"), steps=0)
    np.testing.assert_array_equal(fitted.log_prob(months[:3]), fitted.log_prob(months[:3].astype("datetime64[D]")))
    by_months = quick(months, steps=0)
    np.testing.assert_array_equal(
        by_months.log_prob(months[:3]), by_months.log_prob(months[:3].astype("datetime64[s]"))
    )


def test_times_in_place_of_numbers_are_refused(quick, table) -> None:
    with pytest.raises(si.DataError, match="in place of numbers"):
        quick(table, steps=0).log_prob(HOURS[:3].astype("datetime64[s]"))
    with pytest.raises(si.DataError, match="times of another kind"):
        quick(HOURS.astype("timedelta64[s]"), steps=0).log_prob(HOURS[:3].astype("datetime64[s]"))
