"""What is printed of an estimate says what it is, whichever it is and wherever it is printed."""

from typing import get_args

import pytest
import torch

import si_core as si
from si_core.contract.data import Bound


@pytest.mark.parametrize("bound", get_args(Bound))
@pytest.mark.parametrize("error", [None, 0.0123])
@pytest.mark.parametrize("unit", ["nats", "1"])
def test_line_and_repr_carry_the_word_and_never_the_samples(bound, error, unit):
    found = si.Estimate("n", -1.25, error, bound, unit, torch.arange(1000.0), {"steps": 3})
    line = si.estimate_line(found)
    assert str(found) == line
    assert line.startswith("n: -1.25")
    assert line.endswith(f"({bound})")
    assert ("+- 0.012" in line) is (error is not None)
    assert ("nats" in line) is (unit == "nats")
    record = {"name": "n", "value": -1.25, "standard_error": error, "bound": bound, "unit": unit, "details": None}
    assert si.estimate_line(record) == line
    assert si.estimate_line(found, name=False) == line.removeprefix("n: ")
    assert line in repr(found)
    assert "(1000,)" in repr(found)
    assert "999" not in repr(found)
    assert len(repr(found)) < 150


def test_the_value_of_the_datas_own_law_stands_beside_the_bound():
    found = si.Estimate("n", -1.25, None, "lower", "nats", details={"value_of_data_law": -1.0})
    assert si.estimate_line(found) == "n: -1.25 nats (lower; the data's own law has -1)"


def test_what_is_not_known_is_no_number():
    assert si.estimate_line({"name": "n", "value": None, "standard_error": None, "bound": "exact"}) == "n: - (exact)"
