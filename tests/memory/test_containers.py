"""Data of every container, dtype and order of memory come back as they came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import si_core as si
from si_core.memory.rows import read_rows

DTYPES = ["float16", "float32", "float64", "int8", "uint8", "int16", "int32", "uint32", "int64", "bool", "longdouble"]
DTYPES += ["datetime64[s]", "timedelta64[D]", ">f4", ">i8"]
SHAPES = [(12,), (12, 1), (12, 3), (12, 2, 3), (12, 1, 4, 4)]
ORDERS = {
    "rows first": lambda x: np.ascontiguousarray(x),
    "columns first": lambda x: np.asfortranarray(x),
    "every other": lambda x: np.repeat(x, 2, axis=0)[::2],
    "turned around": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "channels last": lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1) if x.ndim > 2 else x,
}


def values(shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
    draws = np.random.default_rng(0).integers(0, 100, shape)
    if dtype == "bool":
        return draws % 2 == 0
    return draws.astype(dtype)


def back(data: Any) -> Any:
    rows, layout = read_rows(data)
    assert rows.ndim > 1
    assert rows.dtype.kind in "fiu"
    assert rows.dtype.isnative
    return layout.back(torch.from_numpy(np.ascontiguousarray(rows.astype(np.float64))), {})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ORDERS)
def test_arrays_come_back(dtype: str, order: str) -> None:
    for shape in SHAPES:
        data = ORDERS[order](values(shape, dtype))
        again = back(data)
        assert type(again) is np.ndarray
        assert again.dtype == data.dtype.newbyteorder("=")
        np.testing.assert_array_equal(again, data)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "uint8", "int32", "int64", "bool"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_tensors_come_back(shape: tuple[int, ...], dtype: str) -> None:
    data = torch.from_numpy(values(shape, "int64")).to(getattr(torch, dtype))
    for each in (
        data,
        data.flip(0),
        data.float().requires_grad_().to(data.dtype),
        data.transpose(0, -1).transpose(0, -1),
    ):
        again = back(each)
        assert again.dtype == data.dtype
        assert torch.equal(again, each.detach())


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_come_back(library: str) -> None:
    frames = pytest.importorskip(library)
    columns = {dtype: values((12,), dtype) for dtype in DTYPES[:10] if dtype != "float16"}
    columns["times"] = np.arange(12).astype("datetime64[s]").astype("datetime64[ms]")
    frame = frames.DataFrame(columns)
    again = back(frame)
    assert type(again) is type(frame)
    assert list(again.columns) == list(frame.columns)
    assert [str(each) for each in again.dtypes] == [str(each) for each in frame.dtypes]
    assert again.equals(frame)
    series = frame["int32"]
    assert back(series).equals(series)
    assert back(series).name == "int32"


def test_columns_that_may_lack_values_come_back_as_numbers() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": pandas.array([1, None, 3], dtype="Int64"), 7: [True, False, True]})
    rows, layout = read_rows(frame)
    np.testing.assert_array_equal(rows, [[1, 1], [np.nan, 0], [3, 1]])
    assert layout.columns == ("a", 7)
    assert layout.dtypes == ("int64", "bool")


def test_lists_and_python_numbers_are_arrays() -> None:
    np.testing.assert_array_equal(back([[1, 2], [3, 4]]), [[1, 2], [3, 4]])
    rows, _ = read_rows(np.array([[1, None], [2.5, np.nan]], dtype=object))
    np.testing.assert_array_equal(rows, [[1, np.nan], [2.5, np.nan]])
    masked = np.ma.masked_array([[1, 2], [3, 4]], [[False, True], [False, False]])
    np.testing.assert_array_equal(read_rows(masked)[0], [[1, np.nan], [3, 4]])


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.array([["a", "b"]]), "text"),
        (np.array([["1.5", 2]], dtype=object), "text"),
        (np.zeros((3, 2), complex), "complex"),
        (np.zeros(3, [("a", float)]), "records"),
        (np.array(3.0), "one number"),
        ([[1, 2], [3]], "several lengths"),
        (3.0, "no array"),
        ({1, 2}, "no array"),
        (np.array([[object()]]), "no number"),
    ],
)
def test_what_holds_no_numbers_is_refused_in_words(data: Any, words: str) -> None:
    with pytest.raises(si.DataError, match=words):
        read_rows(data)


def test_whole_numbers_are_rounded_and_kept_in_range() -> None:
    from si_core.memory.numbers import from_numbers

    drawn = np.array([-3.7, 0.4, 0.6, 254.6, 300.0, 1e300])
    np.testing.assert_array_equal(from_numbers(drawn, "uint8"), [0, 0, 1, 255, 255, 255])
    assert from_numbers(drawn, "int64").max() < 2**63 - 1
    assert np.isfinite(from_numbers(drawn, "float16")).all()
    np.testing.assert_array_equal(from_numbers(drawn, "bool"), [False, False, True, True, True, True])
