"""Drift parts: a drift, added to a state without a tensor of its own; where outputs lie does not matter."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import si_core as si

STEPS = {"steps": 5}
METHODS = [
    *((name, STEPS, 0.0) for name in ("euler", "midpoint", "heun", "rk4", "adams-bashforth")),
    *((name, STEPS, 0.5) for name in ("euler-maruyama", "stochastic-heun", "edm-heun", "sra1", "exponential")),
    ("exponential", {"steps": 5, "order": 3}, 0.0),
    ("exponential", {"steps": 5, "order": 4, "corrector": True}, 0.0),
    ("exponential", {"steps": 5, "order": 2, "corrector": True}, 0.5),
    ("heun", {"steps": 5, "grid": "measured"}, 0.0),
    ("stochastic-heun", {"steps": 5, "grid": "measured"}, 0.5),
    ("dopri5", {}, 0.0),
    ("adaptive-stochastic-heun", {}, 0.5),
]


class Same(nn.Module):
    """A network that gives back the states themselves."""

    def forward(self, t, x, condition=None):
        return x


class Twin(nn.Module):
    """The same function in memory of its own."""

    def forward(self, t, x, condition=None):
        return x.clone()


class OnePlace(nn.Module):
    """A network that writes all its outputs to one place, as replayed graphs do."""

    def __init__(self):
        super().__init__()
        self.place = None

    def forward(self, t, x, condition=None):
        if self.place is None:
            self.place = torch.empty_like(x)
        return self.place.copy_(torch.sin(x)).mul_(1 + t)


class NewPlace(nn.Module):
    """The same function, each output in a place of its own."""

    def forward(self, t, x, condition=None):
        return torch.sin(x).mul_(1 + t)


def fields_of(network, precondition=True):
    gaussian = si.build("distribution", "gaussian", dim=3)
    linear, latent = si.build("interpolant", "linear"), si.build("latent", "brownian")
    process = si.StochasticInterpolant(linear, latent, si.build("coupling", "independent"), gaussian, gaussian)
    predictor = si.Predictor([network], 1)
    return si.LearnedFields(process, ("velocity",), predictor, si.Parametrisation(process.clock, precondition))


@pytest.fixture
def x():
    return torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture
def parts(x):
    output = torch.randn(5, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return si.DriftParts(output, x, 0.7, -0.3)


def test_a_drift_is_added_wherever_it_is_written(parts, x):
    base, h = torch.ones_like(x), 0.25
    wanted = base + h * (0.7 * parts.output - 0.3 * x)
    torch.testing.assert_close(parts.value(), 0.7 * parts.output - 0.3 * x)
    torch.testing.assert_close(parts.added_to(base, h), wanted)
    torch.testing.assert_close(parts.value(torch.empty_like(x)), parts.value())
    out = torch.empty_like(x)
    assert parts.added_to(base, h, out) is out
    torch.testing.assert_close(out, wanted)
    over_base = base.clone()
    assert parts.added_to(over_base, h, over_base) is over_base
    torch.testing.assert_close(over_base, wanted)
    own = x.clone()
    torch.testing.assert_close(parts._replace(x=own).added_to(base, h, own), wanted)


@pytest.mark.parametrize("rate", [0.0, -0.3])
def test_a_drift_is_added_to_its_own_state_in_place(parts, x, rate):
    h = 0.25
    for output in (parts.output, x, x[:, :1].expand_as(x), x.flip(1)):
        wanted = x + h * (0.7 * output + rate * x)
        own = x.clone()
        inside = own if output is x else own[:, :1].expand_as(own) if output.stride() == (3, 0) else output
        torch.testing.assert_close(si.DriftParts(inside, own, 0.7, rate).added_to(own, h, own), wanted)


@pytest.mark.parametrize("epsilon", [0.0, 0.5])
@pytest.mark.parametrize("precondition", [True, False])
def test_the_parts_of_a_transport_are_its_drift(x, epsilon, precondition):
    transport = si.Transport(fields_of(NewPlace(), precondition), epsilon)
    for time in (0.0, 0.3, 1.0):
        torch.testing.assert_close(transport.drift_parts()(time, x).value(), transport.drift(time, x))


def solved(fields, x, method, epsilon):
    generator = torch.Generator().manual_seed(3) if epsilon else None
    return si.integrate(si.Transport(fields, epsilon), x, method, generator).final.detach()


@pytest.mark.parametrize(("name", "options", "epsilon"), METHODS)
@pytest.mark.parametrize("pair", [(Same, Twin), (OnePlace, NewPlace)])
@pytest.mark.parametrize("precondition", [True, False])
def test_where_a_network_puts_its_outputs_does_not_matter(x, name, options, epsilon, pair, precondition):
    method = si.build("integrator", name, **options)
    with torch.no_grad():
        found = [solved(fields_of(network(), precondition), x, method, epsilon) for network in pair]
    assert torch.equal(*found)


@pytest.mark.parametrize(("name", "options", "epsilon"), METHODS)
def test_steps_in_place_are_the_steps_that_gradients_see(x, name, options, epsilon):
    method, found = si.build("integrator", name, **options), []
    for recording in (True, False):
        with torch.set_grad_enabled(recording):
            found.append(solved(fields_of(NewPlace()), x, method, epsilon))
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)
