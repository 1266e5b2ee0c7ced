"""What samples and points are given: as many as are needed, once, or left out where training left it out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import si_core as si

KINDS = ["x", "y", "z", "x"] * 50


def test_values_in_turn_go_into_the_samples(quick, table) -> None:
    fitted = quick(table, condition={"kind": KINDS})
    with pytest.raises(si.UsageError, match="evenly") as caught:
        fitted.sample(4, {"kind": ["x", "y", "z"]})
    assert "3 values for n = 4" in str(caught.value)
    assert len(fitted.sample(6, {"kind": ["x", "y", "z"]})) == 6
    assert len(fitted.sample(condition={"kind": ["x", "y", "z"]})) == 1002
    assert len(fitted.sample(np.int64(3))) == 3
    for wrong in ("5", 2.5, True, 0, -1):
        with pytest.raises(si.UsageError, match="number of samples"):
            fitted.sample(wrong)


def test_a_condition_is_left_out_where_training_left_it_out(quick, table) -> None:
    with pytest.raises(si.UsageError, match="never left it out") as caught:
        quick(table, condition={"kind": KINDS}).sample(3, {"kind": None})
    assert "condition_dropout" in str(caught.value.fix)
    for values in (KINDS, np.linspace(0, 1, 200)):
        dropped: dict[str, Any] = {"train": {"condition_dropout": {"kind": 0.2}}}
        fitted = quick(table, condition={"kind": values}, **dropped)
        drawn, told = fitted.sample(3, {"kind": None}, with_conditions=True)
        assert drawn.shape == (3, 2)
        assert all(value is None or value != value for value in told["kind"])


def test_conditions_beside_a_frame_that_has_others_are_refused(quick, table) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": table[:, 0], "b": table[:, 1], "kind": KINDS})
    fitted = quick(frame, condition="kind")
    np.testing.assert_array_equal(fitted.log_prob(frame[:3], KINDS[:3]), fitted.log_prob(frame[:3]))
    with pytest.raises(si.UsageError, match="other values") as caught:
        fitted.log_prob(frame[:3], ["x", "x", "z"])
    assert "1 of 3 rows differ; first row 1" in str(caught.value)
    assert np.isfinite(fitted.log_prob(frame[["a", "b"]][:3], "y")).all()
