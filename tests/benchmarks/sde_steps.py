"""A step of an SDE: what the loop of a solver costs beside the calls of the network and the noise.

    added = (time of a solution with N steps) / N  -  one network call  -  one ``normal_``

(two calls for stochastic-heun). Networks are those of :mod:`~tests.benchmarks.ode_steps`: one for the velocity, which
a standard normal source completes to the drift of the SDE, or one with two heads for velocity and denoiser, which have
to be taken apart and added. The peers solve ``dX = network dt + dW`` (torchsde) and take ancestral steps with the
network as denoiser (azula); torchsde's noise comes from a tree of its own, not from ``normal_``. *Ours, a function* is
the network as a user's function for the velocity of the same process; it adds no more than learned fields do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch

import si_core as si

from .by_hand import euler_maruyama_loop
from .figures import Line, factor, microseconds
from .networks import Free, reference
from .ode_steps import most_of_a_function
from .peers.sde import noisy_solvers
from .problems import learned_fields, points_of
from .timing import Effort, Work, beyond, ratio, spread

__all__ = ["CASES", "SdeCase", "sde_lines", "sde_work"]

GOALS = {2: 8.0, 128: 60.0}
"""The most microseconds that a step of Euler-Maruyama may add, by dimensions; held to with the free network."""


@dataclass(frozen=True)
class SdeCase:
    """What is solved.

    Args:
        dim: dimensions of a state.
        network: ``mlp`` (the reference) or ``free`` (one cheap kernel).
        fields: 1 for a velocity alone, 2 for velocity and denoiser by two heads of one network.
        method: ``euler-maruyama`` or ``stochastic-heun``.
        states: how many states.
    """

    dim: int
    network: str
    fields: int = 1
    method: str = "euler-maruyama"
    states: int = 1000

    @property
    def calls(self) -> int:
        """Calls of the network in a step."""
        return 2 if self.method == "stochastic-heun" else 1

    @property
    def steps(self) -> int:
        """Steps of one solution."""
        return 64 if self.network == "free" else 8 // self.calls

    def __str__(self) -> str:
        return f"{self.network} {self.method} ({self.states}, {self.dim})" + " two heads" * (self.fields == 2)


CASES = tuple(
    SdeCase(dim, network, fields, method)
    for network in ("free", "mlp")
    for dim in (2, 128)
    for fields, method in ((1, "euler-maruyama"), (2, "euler-maruyama"), (1, "stochastic-heun"))
)


def sde_work(case: SdeCase, peers: bool = True) -> Work:
    """A solution by each, as many bare calls of the network, and as many draws of noise."""
    heads = case.fields if case.fields > 1 else None
    network = Free(heads) if case.network == "free" else reference(case.dim, heads)
    x, steps, generator = points_of(case.states, case.dim), case.steps, torch.Generator().manual_seed(7)
    times = torch.linspace(0, 1, steps * case.calls).unbind()
    w, integrator = torch.empty_like(x), si.build("integrator", case.method, steps=steps)
    fields = learned_fields(network, case.dim, case.fields)
    transport = si.Transport(fields, 0.5)

    def calls() -> None:
        for t in times:
            network(t, x)

    def noise() -> None:
        for _ in range(steps):
            w.normal_(generator=generator)

    solutions: dict[str, Callable[[], object]] = {
        "calls": calls,
        "noise": noise,
        "ours": lambda: si.integrate(transport, x, integrator, generator),
    }
    if heads is None:
        function = si.Transport(si.FunctionFields(velocity=network, process=fields.process), 0.5)
        solutions["ours, a function"] = lambda: si.integrate(function, x, integrator, generator)
    if heads is None and case.calls == 1:
        solutions["by hand"] = partial(euler_maruyama_loop(network, 1.0, times, generator), x)
        for name, solver in noisy_solvers().items() if peers else ():
            solutions[name] = partial(solver, network, x, steps)
    return {name: torch.inference_mode()(solve) for name, solve in solutions.items()}


def sde_lines(effort: Effort, cases: tuple[SdeCase, ...] = CASES) -> Iterator[Line]:
    """Time solutions, bare calls and draws in turn."""
    for case in cases:
        seconds = effort.compare(sde_work(case), case.steps)
        calls, noise = seconds.pop("calls"), seconds.pop("noise")
        bare = [call + draw for call, draw in zip(calls, noise, strict=True)]
        added = {who: beyond(values, bare) for who, values in seconds.items()}
        goals = {"ours, a function": most_of_a_function(added)}
        if (case.fields, case.calls) == (1, 1):
            goals["ours"] = GOALS[case.dim]
        for who, values in seconds.items():
            yield Line(
                str(case),
                who,
                (
                    microseconds("step us", spread(values)),
                    microseconds("added us", added[who], goals.get(who) if case.network == "free" else None),
                    factor("/ bare", ratio(values, bare)),
                ),
            )
