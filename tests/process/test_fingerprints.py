"""The fingerprint of a process: the same for the same law, another where anything that was learned from is another."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import si_core as si
from si_core.process.fingerprint import TOLERANCE, fingerprint, largest_deviation
from si_core.process.process import StochasticInterpolant

pytest.importorskip("si_recipes")


class Scaled(si.Latent):
    """``gamma = scale t (1 - t)``."""

    def __init__(self, scale: float = 1.0):
        self.scale = scale

    def __repr__(self) -> str:
        return f"Scaled({self.scale})"

    def gamma(self, t):
        return self.scale * t * (1 - t)


class Bent(si.Interpolant):
    """``I = (1 - t) x0 + t x1 + bend t (1 - t) tanh(x0 + x1)``."""

    def __init__(self, bend: float = 1.0):
        self.bend = bend

    def __repr__(self) -> str:
        return f"Bent({self.bend})"

    def value(self, t, x0, x1):
        return (1 - t) * x0 + t * x1 + self.bend * t * (1 - t) * torch.tanh(x0 + x1)


class Learned(nn.Module, si.Interpolant):
    """A path with a network, in single precision as torch makes it."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(2, 2)

    def value(self, t, x0, x1):
        return (1 - t) * x0 + t * x1 + t * (1 - t) * self.net(x0 * x1)


def process(interpolant="linear", latent="none", **options):
    law = si.build("distribution", "gaussian", dim=2)
    path = (
        si.build("interpolant", interpolant, shape=(2,), latent=None) if isinstance(interpolant, str) else interpolant
    )
    noise = si.build("latent", latent, **options) if isinstance(latent, str) else latent
    return StochasticInterpolant(path, noise, si.build("coupling", "independent"), law, law)


@pytest.mark.parametrize("interpolant", ["linear", "trigonometric", Bent()], ids=str)
@pytest.mark.parametrize("latent", ["none", "brownian", "sine-squared", Scaled()], ids=str)
def test_the_same_process_has_the_same(interpolant, latent):
    one, other = fingerprint(process(interpolant, latent)), fingerprint(process(interpolant, latent))
    assert largest_deviation(one, other) is None
    assert all(value.dtype == torch.float64 and bool(value.isfinite().all()) for value in one.values())


@pytest.mark.parametrize("factor", [3.0, 1.01, 1 + 2 * TOLERANCE])
def test_another_gamma_is_told_where_and_by_how_much(factor):
    found = largest_deviation(fingerprint(process(latent=Scaled())), fingerprint(process(latent=Scaled(factor))))
    assert found is not None
    assert "gamma" in found.quantity
    assert found.now == pytest.approx(factor * found.before)
    if found.quantity == "gamma":
        assert found.before == pytest.approx(found.time * (1 - found.time))


@pytest.mark.parametrize("factor", [1 + 1e-7, 1 - 1e-12])
def test_rounding_is_no_deviation(factor):
    one, other = fingerprint(process(latent=Scaled())), fingerprint(process(latent=Scaled(factor)))
    assert largest_deviation(one, other) is None


def test_a_latent_that_comes_or_goes_is_a_deviation():
    with_noise, without = fingerprint(process(latent=Scaled())), fingerprint(process())
    for pair in ((with_noise, without), (without, with_noise)):
        found = largest_deviation(*pair)
        assert found is not None
        assert "absent" in str(found)


@pytest.mark.parametrize("pair", [("linear", "trigonometric"), (Bent(), Bent(1.01)), ("linear", Bent(0.0))], ids=str)
def test_another_path_is_told(pair):
    assert largest_deviation(*(fingerprint(process(path)) for path in pair)) is not None


def test_another_clock_of_the_same_path_is_told():
    class Slow(si.SpatiallyLinear):
        clock = si.SineClock(True, True)

        def alpha(self, t):
            return 1 - t

        def beta(self, t):
            return t

    # dt/du of the sine clock ends at 0, that of time is 1 everywhere.
    found = largest_deviation(fingerprint(process()), fingerprint(process(Slow())))
    assert found is not None
    assert found.before is not None


def test_a_learned_path_is_fingerprinted_with_its_parameters():
    torch.manual_seed(0)
    path = Learned()
    before = fingerprint(process(path))
    assert largest_deviation(before, fingerprint(process(path))) is None
    with torch.no_grad():
        path.net.bias += 0.01
    found = largest_deviation(before, fingerprint(process(path)))
    assert found is not None
    assert not any(math.isnan(value) for value in (found.time, found.before, found.now))
