"""A step of an ODE: what the loop of a solver costs beside the calls of the network.

    added = (time of a solution with N steps) / N  -  that of the bare calls of a step

The network is called in inference mode at a time that is a tensor already, as the leanest loop by hand would. *Ours* is
the library as it comes: a brownian process in its clock, with the network for the remainder beside x. *Ours, bare* is
the problem that the peers solve: the network is the drift. *Ours, a function* is that problem with the network as a
function of the user (``FunctionFields``): it adds no more than learned fields do, and less than torchdiffeq.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

import si_core as si

from .by_hand import CALLS, ode_loop
from .figures import Line, factor, microseconds
from .networks import Free, reference
from .peers.ode import fixed_solvers
from .problems import learned_fields, points_of
from .timing import Effort, Spread, Work, beyond, ratio, spread

__all__ = ["CASES", "OdeCase", "most_of_a_function", "ode_lines", "ode_work"]

GOALS = {
    ("euler", 2): 8.0,
    ("heun", 2): 15.0,
    ("rk4", 2): 35.0,
    ("euler", 128): 25.0,
    ("heun", 128): 60.0,
    ("rk4", 128): 130.0,
}
"""The most microseconds that a step of ours may add, by method and dimensions; held to with the free network."""


@dataclass(frozen=True)
class OdeCase:
    """What is solved.

    Args:
        method: ``euler``, ``heun`` or ``rk4``.
        dim: dimensions of a state.
        network: ``mlp`` (the reference) or ``free`` (one cheap kernel).
        states: how many states.
        number: steps of one solution; None for what the network's cost suggests.
    """

    method: str
    dim: int
    network: str
    states: int = 1000
    number: int | None = None

    @property
    def steps(self) -> int:
        """Steps of one solution."""
        return self.number or (64 if self.network == "free" else 16 // CALLS[self.method])

    def __str__(self) -> str:
        return f"{self.network} {self.method} ({self.states}, {self.dim})"


CASES = tuple(OdeCase(method, dim, network) for network in ("free", "mlp") for dim in (2, 128) for method in CALLS)


def network_of(name: str, dim: int) -> nn.Module:
    """The network of a case."""
    return Free() if name == "free" else reference(dim)


def ode_work(case: OdeCase, peers: bool = True) -> Work:
    """A solution by each, and as many bare calls of the network, under ``calls``."""
    network, x, steps = network_of(case.network, case.dim), points_of(case.states, case.dim), case.steps
    times = torch.linspace(0, 1, steps * CALLS[case.method]).unbind()
    integrator = si.build("integrator", case.method, steps=steps)
    whole = si.Transport(learned_fields(network, case.dim))
    bare = si.Transport(learned_fields(network, case.dim, precondition=False, latent="none"))
    function = si.Transport(si.FunctionFields(velocity=network))

    def calls() -> None:
        for t in times:
            network(t, x)

    solutions: dict[str, Callable[[], object]] = {
        "calls": calls,
        "ours": lambda: si.integrate(whole, x, integrator),
        "ours, bare": lambda: si.integrate(bare, x, integrator),
        "ours, a function": lambda: si.integrate(function, x, integrator),
        "by hand": partial(ode_loop(network, case.method, steps), x),
    }
    for name, solver in fixed_solvers().items() if peers else ():
        solutions[name] = partial(solver, network, x, case.method, steps)
    return {name: torch.inference_mode()(solve) for name, solve in solutions.items()}


def most_of_a_function(added: Mapping[str, Spread]) -> float:
    """The most microseconds that a user's function may cost a step: what learned fields add, or torchdiffeq."""
    return min(added[who].median * 1e6 for who in ("ours", "torchdiffeq") if who in added)


def ode_lines(effort: Effort, cases: tuple[OdeCase, ...] = CASES) -> Iterator[Line]:
    """Time solutions and bare calls in turn."""
    for case in cases:
        seconds = effort.compare(ode_work(case), case.steps)
        calls = seconds.pop("calls")
        added = {who: beyond(values, calls) for who, values in seconds.items()}
        goals = {"ours": GOALS[case.method, case.dim], "ours, a function": most_of_a_function(added)}
        for who, values in seconds.items():
            yield Line(
                str(case),
                who,
                (
                    microseconds("step us", spread(values)),
                    microseconds("added us", added[who], goals.get(who) if case.network == "free" else None),
                    factor("/ calls", ratio(values, calls)),
                ),
            )
