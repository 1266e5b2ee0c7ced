"""The error of samples to points that they know a part of, beside its closed form."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.reconstruction_error import ReconstructionError
from si_interpolants.latents import NoLatent
from si_interpolants.spatially_linear import Linear

C = 0.6
TARGET = Gaussian(mean=[1.0, -2.0], covariance=[[1.0, C], [C, 1.0]], dtype="float64")


class HalfSeen(si.Coupling):
    """x0 = (the first entry of x1, a normal number): what is left of x1 is part of the state."""

    source_from_target = True

    def pair(self, x0: Any, x1: Any, generator: Any = None) -> Any:
        z = torch.randn(len(x1), generator=generator, dtype=x1.dtype)
        return torch.stack([x1[:, 0], z], 1), x1

    def draw(self, source: Any, target: Any, n: int, generator: Any = None) -> si.Pairs:
        return self.pairs_of(source, target, *target.draw(n, generator), generator)

    def pairs_of(self, source: Any, target: Any, x1: Any, condition: Any, generator: Any = None) -> si.Pairs:
        return si.Pairs(*self.pair(None, x1, generator), condition)


def velocity(t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Exact: given the first entry y the second of x1 is N(m, v), m = -2 + C (y - 1), v = 1 - C^2."""
    y, v = x[:, 0], 1 - C**2
    m = -2 + C * (y - 1)
    second = m + (t * v - (1 - t)) / ((1 - t) ** 2 + t**2 * v) * (x[:, 1] - t * m)
    return torch.stack([torch.zeros_like(y), second], 1)


def model(coupling: si.Coupling) -> si.Model:
    source = None if coupling.source_from_target else Gaussian(dim=2, dtype="float64")
    process = si.StochasticInterpolant(Linear(), NoLatent(), coupling, source, TARGET)
    fields = si.FunctionFields(velocity=velocity, process=process)
    return si.Model(process, fields, si.build("integrator", "rk4", steps=12))


def test_samples_of_the_law_have_twice_the_variance_that_is_left() -> None:
    """E |X - x1|^2 / d = 2 v / d, and of the mean of k samples (1 + 1/k) v / d."""
    draws, n, v = 4, 2000, 1 - C**2
    x = TARGET.sample(n, torch.Generator().manual_seed(1))
    found = si.estimate(model(HalfSeen()), ReconstructionError(draws=draws, limit=n, batch=900), x)
    assert found.standard_error is not None
    assert found.per_sample is not None
    assert found.details is not None
    assert found.per_sample.shape == (n,)
    assert abs(found.value - v) < 4 * found.standard_error
    # Of v chi^2 with one degree of freedom the standard deviation is sqrt(2) v; draws of a point share its x1.
    assert found.standard_error < 2 * v / math.sqrt(n)
    of_mean = (1 + 1 / draws) * v / 2
    assert abs(found.details["error_of_mean"] - of_mean) < 4 * math.sqrt(2 / n) * of_mean


def test_models_whose_samples_have_nothing_to_do_with_the_points_are_refused() -> None:
    x = TARGET.sample(8, torch.Generator().manual_seed(1))
    with pytest.raises(si.UsageError, match="independent pairs"):
        si.estimate(model(Independent()), ReconstructionError(), x)

    class Together(HalfSeen):
        pairs_points = False

    with pytest.raises(si.UsageError, match="pairs together"):
        si.estimate(model(Together()), ReconstructionError(), x)
