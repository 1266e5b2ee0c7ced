"""Series in files that other plugins read are those of the same arrays in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import si_core as si
from si_forecast import series

N = 60
X = np.random.default_rng(0).normal(size=(N, 2))
DAYS = np.arange(N) // 2  # of two series, whose rows take turns
PLACES = np.array([5, 3])[np.arange(N) % 2]
HEIGHTS = np.array([10.0, 20.0])[np.arange(N) % 2]
OPTIONS = {"past": 2, "standardise": False, "dtype": "float64", "given_group": True}


def _npz(path: Path) -> dict:
    np.savez(path, x=X, day=DAYS, place=PLACES, height=HEIGHTS)
    return {"key": "x"}


def _zarr(path: Path) -> dict:
    root = pytest.importorskip("zarr").create_group(str(path))
    for name, values in {"x": X, "day": DAYS, "place": PLACES, "height": HEIGHTS}.items():
        root.create_array(name, shape=values.shape, dtype=values.dtype, chunks=(7, *values.shape[1:]))[...] = values
    return {"key": "x"}


def _h5ad(path: Path) -> dict:
    anndata, pd = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    rows, genes = (
        pd.Index([f"{kind}{i}" for i in range(n)], dtype=object) for kind, n in zip("cg", X.shape, strict=True)
    )
    obs = pd.DataFrame({"day": DAYS, "place": PLACES, "height": HEIGHTS}, index=rows)
    anndata.AnnData(X, obs=obs, var=pd.DataFrame(index=genes)).write_h5ad(path)
    return {}


WRITERS = {"npz": _npz, "zarr": _zarr, "h5ad": _h5ad}


@pytest.mark.parametrize("suffix", WRITERS)
def test_times_series_and_static_values_stand_beside_the_states(tmp_path, suffix) -> None:
    if suffix != "npz":
        pytest.importorskip(f"si_{suffix}")
    path = tmp_path / f"x.{suffix}"
    named = WRITERS[suffix](path)
    law = si.build(
        "distribution", "series", path=path, time="day", group="place", static=["height"], **named, **OPTIONS
    )
    parts, times = [X[::2], X[1::2]], [DAYS[::2], DAYS[1::2]]
    expected = series(parts, times=times, names=["5", "3"], static={"height": [10.0, 20.0]}, **OPTIONS)
    assert law.data.names == expected.data.names
    assert np.array_equal(law.data.times, expected.data.times)
    (x, given), (due, told) = (each.rows(torch.arange(each.size)) for each in (law, expected))
    assert torch.equal(x, due)
    for name, known in {"past": "past", "height": "height", "place": "series"}.items():
        assert torch.equal(given[name], told[known])
    with pytest.raises(si.SIError, match="dya"):
        si.build("distribution", "series", path=path, time="dya", **named)


def test_states_of_any_shape_lie_in_an_array_of_their_own(tmp_path) -> None:
    zarr = pytest.importorskip("zarr")
    pytest.importorskip("si_zarr")
    fields = np.random.default_rng(1).normal(size=(40, 3, 4))
    zarr.create_array(str(tmp_path / "x.zarr"), data=fields, chunks=(7, 3, 4))
    law = si.build("distribution", "series", path=tmp_path / "x.zarr", past=1)
    assert law.shape == (3, 4)
    assert np.array_equal(law.data.values, series(fields).data.values)
    with pytest.raises(si.UsageError, match="no columns by name"):
        si.build("distribution", "series", path=tmp_path / "x.zarr", columns=["a"])


def test_one_value_for_each_row(tmp_path) -> None:
    np.savez(tmp_path / "x.npz", x=X, day=DAYS[:-1])
    with pytest.raises(si.DataError, match=r"one value for each row(?s:.*)day"):
        si.build("distribution", "series", path=tmp_path / "x.npz", key="x", time="day")
