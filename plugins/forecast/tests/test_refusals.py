"""Series that can't be learned from are refused, with what is wrong and where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import si_core as si
from si_forecast import series

TIMES = np.arange(30.0)
VALUES = np.random.default_rng(0).normal(size=30)


def _swapped(k: int) -> np.ndarray:
    times = TIMES.copy()
    times[[k, k + 1]] = times[[k + 1, k]]
    return times


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"past": 30}, "shorter than a window"),
        ({"ahead": 25}, "shorter than a window"),
        ({"times": _swapped(7)}, r"not in the order of time(?s:.*)row 8"),
        ({"times": np.where(TIMES == 5, 4, TIMES)}, r"one time(?s:.*)row 5"),
        ({"times": np.where(TIMES > 9, TIMES + 3, TIMES)}, r"times between rows differ(?s:.*)row 10"),
        ({"times": np.where(TIMES == 9, np.nan, TIMES)}, "has no time"),
        ({"times": TIMES[:-1]}, "one time for each row"),
        ({"times": ["2024-13-40"] * 30}, "is no time"),
        ({"times": ["2024-01-01T00:00Z"] * 30}, "time zone"),
        ({"calendar": ["hour-of-day"]}, "needs dates"),
        ({"calendar": ["noon"], "times": np.datetime64("2024-01-01") + np.arange(30)}, "unknown or repeated"),
        ({"past": -1}, "whole number"),
        ({"ahead": 0}, "whole number"),
        ({"held_out": 1.0}, "fraction"),
        ({"transform": "log"}, "only positive"),
        ({"transform": "sqrt"}, "unknown option"),
        ({"gaps": "fill"}, "unknown option"),
        ({"static": {"height": [1.0, 2.0]}}, "one for each series"),
        ({"static": {"past": [1.0]}}, "one name"),
    ],
    ids=str,
)
def test_refused_series(options: dict, words: str) -> None:
    with pytest.raises(si.SIError, match=words):
        series(VALUES, **options)


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (["a", "b"], {}, "made of numbers"),
        (None, {}, "made of numbers"),
        (3.0, {}, "made of numbers"),
        (VALUES + 1j, {}, "made of numbers"),
        (VALUES, {"columns": ["a", "b"]}, "one for each entry"),
        ([VALUES, VALUES], {"times": TIMES}, "times of the rows"),
    ],
    ids=["text", "nothing", "number", "complex", "columns", "times"],
)
def test_what_is_no_series_is_refused(values, options: dict, words: str) -> None:
    with pytest.raises(si.DataError, match=words):
        series(values, **options)


def test_tensors_are_series() -> None:
    given = torch.from_numpy(VALUES).requires_grad_()
    assert (series(given).data.values == series(VALUES).data.values).all()
    assert (series([given, given]).data.values == series([VALUES, VALUES]).data.values).all()


def test_missing_values_are_named() -> None:
    values = np.where(TIMES == 11, np.nan, VALUES)
    with pytest.raises(si.DataError, match=r"missing(?s:.*)row 11(?s:.*)missing: split"):
        series(values)
    assert series(values, missing="split").size == series(VALUES).size - 2


def test_series_of_several_shapes_and_short_ones_among_long_ones() -> None:
    with pytest.raises(si.DataError, match="one shape"):
        series([np.zeros((20, 2)), np.zeros((20, 3))])
    with pytest.raises(si.DataError, match=r"series b: 3 rows"):
        series([VALUES, VALUES[:3]], names=["a", "b"], past=3)


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "s.csv"
    path.write_text(text)
    return path


ROWS = "\n".join(f"{k},{k % 2},{k / 7},{9 - 3 * (k % 2)}" for k in range(40))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"time": "tine"}, r"'tine'(?s:.*)time"),
        ({"columns": ["y"]}, "'y'"),
        ({"group": "station", "static": ["time"]}, "static is one value a series"),
        ({"time": "time", "columns": ["time", "x"]}, "one purpose"),
        ({"given_group": True}, "without group"),
        ({"time": "time", "group": "station", "past": 20}, "shorter than a window"),
    ],
    ids=str,
)
def test_refused_files(tmp_path: Path, options: dict, words: str) -> None:
    path = _file(tmp_path, f"time,station,x,height\n{ROWS}\n")
    with pytest.raises(si.SIError, match=words):
        si.build("distribution", "series", path=path, **options)


def test_an_array_has_no_columns_by_name(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", VALUES)
    assert si.build("distribution", "series", path=tmp_path / "s.npy").shape == (1,)
    with pytest.raises(si.UsageError, match="no columns by name"):
        si.build("distribution", "series", path=tmp_path / "s.npy", time="t")


def test_a_table_of_several_series(tmp_path: Path) -> None:
    path = _file(tmp_path, f"time,station,x,height\n{ROWS}\n")
    law = si.build("distribution", "series", path=path, time="time", group="station", static=["height"])
    assert law.frame.columns == ("x",)
    assert law.data.names == ("0", "1")
    assert law.conditions["height"].shape == ()
    np.testing.assert_allclose(law.data.values[:20, 0], np.arange(0, 40, 2) / 7)
    assert law.data.static["height"].tolist() == [9.0, 6.0]


@pytest.mark.parametrize("target", ["gaussian", "two-moons"])
def test_consecutive_states_need_a_past(target: str) -> None:
    law = si.build("distribution", target)
    with pytest.raises(si.DataError, match="no past states"):
        si.build("coupling", "consecutive").conditions_of(law)
