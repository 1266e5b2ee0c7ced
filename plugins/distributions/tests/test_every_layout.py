"""Arrays of every shape, type and layout in memory: the same rows, fingerprint and frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from si_distributions.datasets.rows import Rows, split
from si_distributions.datasets.scaling import fixed, standardising
from si_distributions.datasets.tabular import Tabular
from si_distributions.files.contents import Contents

SHAPES = [(1,), (3,), (2, 3), (1, 4, 4), (3, 4, 5)]
DTYPES = ["f4", "f8", ">f4", ">f8", "i1", "i4", ">i8", "u1", "u2", "?"]


def layouts(values: np.ndarray) -> dict[str, np.ndarray]:
    """Arrays of equal values that lie in memory in every way that numpy knows."""
    padded = np.zeros((2 * len(values), *values.shape[1:]), values.dtype)
    padded[::2] = values
    last = np.ascontiguousarray(np.moveaxis(values, 1, -1))
    still = values.copy()
    still.flags.writeable = False
    offset = np.frombuffer(b"\0" + values.tobytes(), dtype=np.uint8)[1:].view(values.dtype).reshape(values.shape)
    return {
        "C": np.ascontiguousarray(values),
        "Fortran": np.asfortranarray(values),
        "permuted": np.moveaxis(last, -1, 1),
        "every second": padded[::2],
        "backwards": np.ascontiguousarray(values[::-1])[::-1],
        "read-only": still,
        "unaligned": offset,
    }


def table(values: np.ndarray, standardise: bool = True) -> Rows:
    labels = np.array(["b", "a", "c"])[np.arange(len(values)) % 3]
    return Tabular(Contents(values, labels), standardise, 0.2, 0, "refuse", "float64", "x")


def pixels(values: np.ndarray, standardise: bool = True) -> Rows:
    train, held = split(len(values), 0.2, 0, "x")
    scaling = standardising(values, train, None, "x") if standardise else fixed(127.5, 127.5)
    return Rows(values, train, held, scaling, pixels=(0.0, 255.0) if values.ndim == 4 else None, where="x")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_layout_in_memory_changes_nothing(shape, dtype):
    values = (np.random.default_rng(0).normal(100, 20, (20, *shape)) % 120).astype(dtype)
    if dtype == "?":
        values = np.random.default_rng(0).random((20, *shape)) < 0.5
    for build in (table, pixels):
        first, *others = (build(stored) for stored in layouts(values).values())
        seen = first.decode(first.rows(torch.arange(first.size))[0].double())
        both = torch.cat([seen, first.decode(first.held_out()[0].double())])
        wanted = np.sort(values.astype(np.float64).reshape(20, -1).sum(1))
        np.testing.assert_allclose(np.sort(both.flatten(1).sum(1)), wanted, rtol=1e-5, atol=1e-4)
        for law in others:
            assert law.fingerprint == first.fingerprint
            assert law.frame.plain() == first.frame.plain()
            assert torch.equal(law.rows(torch.arange(law.size))[0], first.rows(torch.arange(first.size))[0])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_fingerprint_tells_values_units_and_labels_apart(shape):
    values = np.random.default_rng(0).normal(size=(20, *shape))
    other = values.copy()
    other.reshape(20, -1)[3, 0] += 1e-6
    marks = [table(values).fingerprint, table(other).fingerprint, table(values, False).fingerprint]
    # Standardised, these are the same rows of other units.
    marks += [table(values * 2).fingerprint, table(values + 1).fingerprint, pixels(values).fingerprint]
    assert len(set(marks)) == len(marks)
