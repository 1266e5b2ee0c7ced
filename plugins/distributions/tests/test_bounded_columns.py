"""Columns with bounds: draws come back within them, standardised without, and densities are those of the data."""

import math

import numpy as np
import pytest
import torch

import si_core as si
from si_distributions.datasets.array import Array
from si_distributions.datasets.table import Table


@pytest.fixture
def path(tmp_path):
    uniform = np.random.default_rng(0).uniform(size=(4000, 3))
    np.savetxt(tmp_path / "rows.csv", uniform * [4, 1, 1] - [1, 0, 0], delimiter=",", header="a,b,c", comments="")
    return tmp_path / "rows.csv"


def test_rows_come_back_and_are_standardised_without_bounds(path):
    law = Array(path, bounds={"a": (-1, 3), "b": (0, None)}, held_out=0.25, dtype="float64")
    rows, held = law.rows(torch.arange(law.size))[0], law.held_out()[0]
    np.testing.assert_allclose(law.decode(rows).numpy(), np.loadtxt(path, delimiter=",", skiprows=1)[_train(4000)])
    torch.testing.assert_close(rows.mean(0), torch.zeros(3).double(), rtol=0, atol=1e-9)
    torch.testing.assert_close(rows.std(0, correction=0), torch.ones(3).double())
    assert len(held) == 1000
    # Uniform numbers on an interval are logistic without bounds.
    assert float(law.frame.scale[0]) == pytest.approx(math.pi / math.sqrt(3), rel=0.05)
    assert law.fingerprint != Array(path, bounds={"a": (-2, 3), "b": (0, None)}, held_out=0.25).fingerprint


def _train(size):
    order = torch.randperm(size, generator=torch.Generator().manual_seed(0)).numpy()
    return order[size // 4 :]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"bounds": {"d": (0, 1)}}, si.UsageError, "no such column.*a, b, c"),
        ({"bounds": {"a": (1, 0)}}, si.DataError, "bounds of an entry"),
        ({"bounds": {"a": (0, 3)}}, si.DataError, "between the bounds.*column 'a': -0.*between 0 and 3"),
        ({"bounds": {"a": (-1, 3)}, "storage": "file"}, si.UsageError, "kept in memory"),
    ],
)
def test_bounds_that_do_not_fit(path, options, error, said):
    with pytest.raises(error, match=f"(?s){said}"):
        Array(path, **options)


def test_a_row_outside_is_told_by_its_line_wherever_the_split_puts_it(path):
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    low, line = float(np.sort(rows[:, 0])[2]), 2 + int(np.argsort(rows[:, 0])[:3].min())
    for seed in range(3):
        with pytest.raises(
            si.DataError, match=rf"(?s)got 3 of 4000 rows; first row {line - 2} .line {line}., column 'a'"
        ):
            Array(path, bounds={"a": (low, None)}, split_seed=seed)


def test_what_is_missing_is_not_outside(path):
    path.write_text(path.read_text().replace("\n", "\n,0.5,0.5\n", 1))
    assert Array(path, bounds={"a": (-1, 3)}, missing="mean", held_out=0).size == 4001


def test_a_table_by_name_has_bounds_too():
    law = Table("wine", bounds={"alcohol": (0, 100), "proline": (0, None)})
    x = 50 * torch.randn(200, 13, generator=torch.Generator().manual_seed(0))
    data = law.decode(x)
    assert bool(((data[:, 0] > 0) & (data[:, 0] < 100) & (data[:, 12] > 0)).all())
