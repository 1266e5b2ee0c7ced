"""Windows of series over random lengths, gaps and splits, beside a search by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import si_core as si
from si_forecast import series
from si_forecast.data.series_rows import SeriesRows
from si_forecast.data.windows import window_ends
from si_forecast.rolling.starts import held_out_starts

SEEDS = range(25)


def _case(seed: int) -> tuple[SeriesRows, list[np.ndarray], list[np.ndarray]]:
    """Series whose states are their own names and times: state = (series, time), with gaps and missing rows."""
    random = np.random.default_rng(seed)
    past, ahead = int(random.integers(1, 4)), int(random.integers(1, 4))
    values, times = [], []
    for number in range(int(random.integers(1, 4))):
        waits = 1 + (random.random(int(random.integers(45, 90))) < 0.05) * random.integers(1, 4)
        clock = np.cumsum(waits).astype(float)
        state = np.stack([np.full(len(clock), float(number)) + 0.001 * clock, clock], 1)
        state[random.random(len(clock)) < 0.03, 0] = np.nan
        values.append(state)
        times.append(clock)
    options = {"past": past, "ahead": ahead, "gaps": "split", "missing": "split", "held_out": 0.3}
    law = series(values, times=times, standardise=False, dtype="float64", **options)
    return law, values, times


def _windows(law: SeriesRows, values: list[np.ndarray], times: list[np.ndarray]) -> tuple[set, set]:
    """All windows, found one by one by their times: (series, time of x1), of training and held out."""
    past, ahead = law.layout.past, law.layout.ahead
    train, held = set(), set()
    for number, (states, clock) in enumerate(zip(values, times, strict=True)):
        whole = {time for time, state in zip(clock, states, strict=True) if not np.isnan(state).any()}
        first_held = clock[len(clock) - max(1, round(0.3 * len(clock)))]
        for time in clock:
            # All times from the oldest state on are there, and those of the window's states are whole.
            every = all(time - k in set(clock) for k in range(past * ahead + 1))
            if every and all(time - k * ahead in whole for k in range(past + 1)):
                (held if time >= first_held else train).add((number, time))
    return train, held


@pytest.mark.parametrize("seed", SEEDS)
def test_windows_are_those_found_by_hand(seed: int) -> None:
    law, values, times = _case(seed)
    x1, given = law.rows(torch.arange(law.size))
    kept, kept_given = law.held_out()
    for (x, past), due in zip(
        ((x1, given["past"]), (kept, kept_given["past"])), _windows(law, values, times), strict=True
    ):
        found = {(int(state[0]), float(state[1])) for state in x}
        assert found == due
        assert len(x) == len(due)
        for k in range(law.layout.past):
            back = law.layout.ahead * (law.layout.past - k)
            assert torch.equal(past[:, k, 1], x[:, 1] - back)  # the oldest first, `ahead` apart, of the same series
            assert torch.equal(past[:, k, 0].floor(), x[:, 0].floor())


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_held_out_is_seen_in_training(seed: int) -> None:
    law, _, times = _case(seed)
    x1, given = law.rows(torch.arange(law.size))
    held = {
        (number, clock[k])
        for number, clock in enumerate(times)
        for k in range(len(clock) - max(1, round(0.3 * len(clock))), len(clock))
    }
    seen = torch.cat([x1[:, None], given["past"]], 1).reshape(-1, 2)
    assert not held & {(int(state[0]), float(state[1])) for state in seen}


@pytest.mark.parametrize("seed", SEEDS)
def test_held_out_starts_know_all_that_follows(seed: int) -> None:
    law, _, _ = _case(seed)
    try:
        starts, newest = held_out_starts(law, 2, 10**6)
    except si.DataError:
        pytest.skip("no two steps in a row are held out")
    data, ahead = law.data, law.layout.ahead
    for lead in (1, 2):
        assert (data.series[newest + lead * ahead] == data.series[newest]).all()
        np.testing.assert_allclose(data.times[newest + lead * ahead] - data.times[newest], lead * ahead)
        assert data.whole[newest + lead * ahead].all()
        assert law.held[newest + lead * ahead].all()
    np.testing.assert_array_equal(starts.past[:, -1].numpy(), data.values[newest])


def test_windows_of_one_row_of_past() -> None:
    ends = window_ends(np.array([0, 0, 0, 1, 1, 1]), np.array([True, True, True, True, False, True]), 1, 1)
    assert ends.tolist() == [1, 2]


def test_units_are_of_training_rows_and_past_is_in_them() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(5, 2, 80), np.full(20, 1e6)])
    law = series(values, held_out=0.2, dtype="float64")
    np.testing.assert_allclose(
        [float(law.frame.shift), float(law.frame.scale)], [values[:80].mean(), values[:80].std()]
    )
    x1, given = law.rows(torch.arange(law.size))
    np.testing.assert_allclose(law.decode(x1)[:, 0], values[1:80])
    np.testing.assert_allclose(law.decode(given["past"][:, 0])[:, 0], values[:79])


@pytest.mark.parametrize(
    ("transform", "expected"),
    [("log", np.log), ("difference", np.diff), ("log-return", lambda x: np.diff(np.log(x)))],
)
def test_transforms(transform, expected) -> None:
    values = np.exp(np.random.default_rng(0).normal(size=30))
    law = series(values, transform=transform)
    np.testing.assert_allclose(law.data.values[:, 0], expected(values))


def test_a_difference_never_reaches_over_a_gap() -> None:
    times = np.array([*range(20), *range(30, 50)])
    law = series(times**2.0, times=times, transform="difference", gaps="split", standardise=False, dtype="float64")
    np.testing.assert_allclose(law.data.values[:, 0], 2 * law.data.times - 1)
    x1, given = law.rows(torch.arange(law.size))
    np.testing.assert_allclose(x1 - given["past"][:, 0], 2.0)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npy", "npz"])
def test_files_hold_the_series_that_was_written(tmp_path, suffix: str) -> None:
    values = np.random.default_rng(0).normal(size=(40, 2))
    times = np.datetime64("2024-01-01T00:00") + 30 * np.arange(20).astype("timedelta64[m]")
    path, options = tmp_path / f"s.{suffix}", {"time": "when", "group": "place"}
    names = np.array(["b", "a"])[np.arange(40) % 2]
    if suffix == "csv":
        rows = [f"{times[k // 2]},{names[k]},{values[k, 0]},{values[k, 1]}" for k in range(40)]
        path.write_text("\n".join(["when,place,u,v", *rows]))
    elif suffix == "parquet":
        pyarrow = pytest.importorskip("pyarrow")
        columns = {"when": times[np.arange(40) // 2].astype("datetime64[ns]"), "place": names}
        table = pyarrow.table(columns | {"u": values[:, 0], "v": values[:, 1]})
        __import__("pyarrow.parquet").parquet.write_table(table, path)
    else:
        options = {"key": "x"} if suffix == "npz" else {}
        (np.savez(path, x=values, y=times.astype(float)) if suffix == "npz" else np.save(path, values))
    law = si.build("distribution", "series", path=path, dtype="float64", **options)
    if not options or suffix == "npz":
        np.testing.assert_array_equal(law.data.values, values)
        return
    assert law.data.names == ("b", "a")
    np.testing.assert_array_equal(law.data.values, np.concatenate([values[::2], values[1::2]]))
    assert law.data.dated
    assert law.stretches.step == 1800
    np.testing.assert_array_equal(law.data.times[:20], times.astype("datetime64[s]").astype(float))
