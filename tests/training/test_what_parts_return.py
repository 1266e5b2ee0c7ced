"""What couplings, objectives and methods of others return is held to their interfaces before anybody uses it.

Each such number would broadcast, or go to another state than its own, without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import si_core as si

from .conftest import PLAIN

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)

COUPLING = """
from dataclasses import replace
import torch
import si_core as si

class Pairing(si.Coupling):
    def pair(self, x0, x1, generator=None):
        return x0, x1

    def draw(self, source, target, n, generator=None):
        pairs = super().draw(source, target, n, generator)
        return {returned}
"""
PAIRS = {
    "negative": ("replace(pairs, weight=torch.linspace(-1, 3, n))", r"a weight of pairs[\s\S]*got -1"),
    "not a number": ("replace(pairs, weight=torch.full((n,), torch.nan))", "a weight of pairs"),
    "infinite": ("replace(pairs, weight=torch.full((n,), torch.inf))", "a weight of pairs"),
    "all zero": ("replace(pairs, weight=torch.zeros(n))", "0 at every pair"),
    "a column": ("replace(pairs, weight=torch.ones(n, 1))", "weight of pairs has another shape"),
    "one for all": ("replace(pairs, weight=torch.ones(()))", "weight of pairs has another shape"),
    "a number": ("replace(pairs, weight=1.0)", r"weight of pairs[\s\S]*got float"),
    "fewer": ("replace(pairs, x0=pairs.x0[1:])", "x0 of pairs has another shape"),
    "another event": ("replace(pairs, x1=pairs.x1[:, :1])", "x1 of pairs has another shape"),
    "a tuple": ("(pairs.x0, pairs.x1)", r"draws Pairs[\s\S]*got tuple"),
}


@pytest.mark.parametrize(("returned", "message"), PAIRS.values(), ids=PAIRS)
def test_pairs_are_refused_before_training(recipe, stranger, returned, message):
    stranger("coupling", "pairing", "Pairing", COUPLING.replace("{returned}", returned))
    with pytest.raises(si.PluginError, match=rf"Pairing\.draw: [\s\S]*{message}"):
        si.train(recipe(PLAIN, "coupling=pairing"))


OBJECTIVE = """
import si_core as si

class Own(si.Objective):
    field = "velocity"

    def {method}:
        square = ({prediction} - (draw.x1 - draw.x0)).square()
        return {returned}
"""
LOSSES = {
    "the mean": "square.sum(1).mean()",
    "one for each coordinate": "square",
    "a column": "square.sum(1, keepdim=True)",
    "a number": "1.0",
    "without gradient": "square.sum(1).detach()",
}
METHODS = {
    "loss": ("loss(self, draw, prediction)", "prediction"),
    "loss_of": ("loss_of(self, draw, field)", "field(draw.t, draw.xt)"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("returned", LOSSES.values(), ids=LOSSES)
def test_losses_are_refused_before_the_first_step(recipe, stranger, method, returned):
    head, prediction = METHODS[method]
    source = OBJECTIVE.format(method=head, prediction=prediction, returned=returned)
    stranger("objective", "own", "Own", source)
    with pytest.raises(si.PluginError, match=r"Own[\s\S]*(one number for each draw|not depend on the network)"):
        si.train(recipe(PLAIN, "objectives=[own]"))


class Returning(si.Integrator):
    """Stays where it is, and returns what it is told to."""

    def __init__(self, change: Callable[[si.Trajectory], object]) -> None:
        self.change = change

    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        t = torch.tensor([transport.start, transport.stop])
        return self.change(si.Trajectory(t, torch.stack([x, x]), 0))  # type: ignore[return-value]


N = 4
TRAJECTORIES = {
    "the last state": lambda trajectory: trajectory.final,
    "fewer states": lambda trajectory: replace(trajectory, x=trajectory.x[:, 1:]),
    "another event": lambda trajectory: replace(trajectory, x=trajectory.x[..., :1]),
    "one time": lambda trajectory: replace(trajectory, x=trajectory.x[1:], t=trajectory.t[1:]),
    "more times": lambda trajectory: replace(trajectory, t=torch.linspace(0, 1, 3)),
    "more weights": lambda trajectory: replace(trajectory, log_weights=torch.zeros(N + 1)),
    "a column of weights": lambda trajectory: replace(trajectory, log_weights=torch.zeros(N, 1)),
    "whole weights": lambda trajectory: replace(trajectory, log_weights=torch.zeros(N, dtype=torch.int64)),
    "fewer densities": lambda trajectory: replace(trajectory, log_density=torch.zeros(N - 1)),
}


@pytest.mark.parametrize("times", [None, [0.5]], ids=["the ends", "a time between"])
@pytest.mark.parametrize("change", TRAJECTORIES.values(), ids=TRAJECTORIES)
def test_trajectories_are_refused(change, times):
    transport = si.Transport(si.FunctionFields(velocity=lambda t, x: 0 * x))
    with pytest.raises(si.PluginError, match=r"Returning[\s\S]*got"):
        si.integrate(transport, torch.zeros(N, 2), Returning(change), times=times)
    good = si.integrate(transport, torch.zeros(N, 2), Returning(lambda trajectory: trajectory), times=times)
    assert good.x.shape == (len(good.t), N, 2)
