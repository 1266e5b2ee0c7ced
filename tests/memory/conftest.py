"""Small fits: what is tested is the way of the data, not how well they are learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn, tanh

import si_core as si

pytest.importorskip("si_recipes")

QUICK = {"network": {"use": "mlp", "width": 16, "depth": 2}, "steps": 5, "progress": False}


@pytest.fixture
def quick() -> Callable[..., Any]:
    """``si.fit`` of a small network for five steps."""

    def fit(data: Any, **options: Any) -> Any:
        return si.fit(data, **{**QUICK, **options})

    return fit


class Net(nn.Module):
    """A module as people write it: t of shape (B,) beside x."""

    def __init__(self, dimensions: int = 2) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(dimensions + 1, 32), nn.Linear(32, dimensions)

    def forward(self, t: Tensor, x: Tensor) -> Tensor:
        from torch import cat

        return self.last(tanh(self.first(cat([x, t[:, None]], 1))))


@pytest.fixture
def net() -> type[Net]:
    """A user's own module."""
    return Net


@pytest.fixture
def table() -> Any:
    """A table of two columns in units of their own."""
    return np.random.default_rng(0).normal([1e3, -2.0], [50.0, 0.1], (200, 2))
