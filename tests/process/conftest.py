"""Components that a third party might write, with nothing but what its interface asks for."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

import si_core as si


class LinearByWeights(si.SpatiallyLinear):
    """Alpha and beta alone; beta returns a Tensor, alpha too."""

    def alpha(self, t: Tensor) -> Tensor:
        return (1 - t) ** 2

    def beta(self, t: Tensor) -> Tensor:
        return t**3


class RootOfTime(si.SpatiallyLinear):
    """Infinite derivative at t = 0, where beta leaves like a square root."""

    def alpha(self, t: Tensor) -> Tensor:
        return 1 - t

    def beta(self, t: Tensor) -> Tensor:
        return t**0.5


class LinearByValue(si.Interpolant):
    """The linear path, written as a path between points."""

    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        t = t.reshape(t.shape + (1,) * (x0.ndim - t.ndim))
        return x0 + t * (x1 - x0)


class Curved(si.Interpolant):
    """``I = (1-t) x0 + t x1 + t(1-t) sin(x0 x1)``: no combination of x0 and x1."""

    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        t = t.reshape(t.shape + (1,) * (x0.ndim - t.ndim))
        return (1 - t) * x0 + t * x1 + t * (1 - t) * torch.sin(x0 * x1)


class Root(si.Latent):
    """``gamma = sqrt(t(1-t))`` without a word of its clock."""

    def gamma(self, t: Tensor) -> Tensor:
        return (t * (1 - t)) ** 0.5


class RootAtStart(si.Latent):
    """``gamma = sqrt(t) (1-t)``."""

    def gamma(self, t: Tensor) -> Tensor:
        return t.sqrt() * (1 - t)


class Bump(si.Latent):
    """``gamma = sin(pi t)``, folded so that both ends are exactly 0."""

    def gamma(self, t: Tensor) -> Tensor:
        return torch.sin(math.pi * torch.minimum(t, 1 - t))


class NoNoise(si.Latent):
    vanishes = True

    def gamma(self, t: Tensor) -> Tensor:
        return torch.zeros_like(t)


class Normal(si.Distribution):
    """``N(mean, I)`` in any shape."""

    def __init__(self, shape: tuple[int, ...] = (2,), mean: float = 0.0, dtype: torch.dtype = torch.float32) -> None:
        self.shape, self.mean, self.dtype, self.standard_normal = shape, mean, dtype, mean == 0

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return torch.randn(n, *self.shape, generator=generator, dtype=self.dtype) + self.mean


class Labelled(Normal):
    """Draws with a label each."""

    conditions = {"kind": si.ConditionSpec(classes=("a", "b", "c"))}  # noqa: RUF012

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, si.Condition | None]:
        return self.sample(n, generator), {"kind": torch.randint(3, (n,), generator=generator)}


class Independent(si.Coupling):
    independent = True

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        return x0, x1


class Mirror(si.Coupling):
    source_is_target = True

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        return x1, x1


def process(
    interpolant: si.Interpolant,
    latent: si.Latent,
    coupling: si.Coupling | None = None,
    source: si.Distribution | None = None,
    target: si.Distribution | None = None,
) -> si.StochasticInterpolant:
    """A process, by default between two Gaussians away from 0 and from each other: two-sided."""
    return si.StochasticInterpolant(
        interpolant, latent, coupling or Independent(), source or Normal(mean=-1.0), target or Normal(mean=2.0)
    )


@pytest.fixture
def strangers() -> SimpleNamespace:
    return SimpleNamespace(**{k: v for k, v in globals().items() if isinstance(v, type) or v is process})
