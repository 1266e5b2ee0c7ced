"""What is constant has no spread, however many rows it has: rounding errors of a sum are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import si_core as si

VALUES = [0.1, 1 / 3, -3.3, 1e6 + 0.1, 1e-12, 1.7e9]


@pytest.mark.parametrize("rows", [20, 2000, 200_000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_columns_are_refused(rows: int, dtype: str) -> None:
    varying = np.random.default_rng(0).normal(size=rows)
    for value in VALUES:
        table = np.stack([varying, np.full(rows, value)], 1).astype(dtype)
        with pytest.raises(si.DataError, match="column 1"):
            si.fit(table, steps=0, progress=False)


@pytest.mark.parametrize("value", VALUES)
def test_constants_of_both_ends_and_of_functions_are_refused(quick, value: float) -> None:
    def draws(n: int, generator: torch.Generator) -> torch.Tensor:
        return torch.stack([torch.randn(n, generator=generator), torch.full((n,), value)], 1)

    table = np.stack([np.random.default_rng(0).normal(size=2000), np.full(2000, value)], 1)
    for given in ({"X": table, "source": table}, {"X": draws}):
        with pytest.raises(si.DataError, match="column 1"):
            quick(given.pop("X"), steps=0, **given)


@pytest.mark.parametrize("value", VALUES)
def test_conditions_that_are_constant_are_in_units_of_one(quick, value: float) -> None:
    rows = np.random.default_rng(0).normal(size=(2000, 2))
    spec = quick(rows, condition={"dose": np.full(2000, value)}, steps=0).model.process.conditions["dose"]
    assert (spec.mean, spec.scale) == (value, 1.0)


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_what_is_missing_from_an_end_is_said(quick, table, missing: Any) -> None:
    lacking = table.copy()
    lacking[3, 0] = missing
    for ends in ((lacking, table), (table, lacking)):
        with pytest.raises(si.DataError, match="missing or not finite"):
            quick(ends[0], source=ends[1], steps=0)
