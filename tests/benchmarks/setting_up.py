"""What happens once for each problem: finding the drift among what is known, and the scalars of a grid.

    first = (a new process, its fields, problem and solution)  -  (process and fields)  -  (a solution)
    again = (a problem of known fields, and its solution)      -  (a solution)

Blocks of samples share one problem, so this stands beside all their calls; whoever makes a transport for each solution
pays it each time. *A function* is a network as the user's own function (``FunctionFields``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

import si_core as si

from .figures import Line, microseconds
from .networks import Free
from .problems import learned_fields, points_of
from .timing import Effort, beyond, spread

__all__ = ["set_up_lines"]

STEPS = 50
MOST, MOST_FIRST = 3000.0, 5000.0
"""The most microseconds that a problem of known fields may cost, or the first one of a function that is the drift; and
the first problem of a process, which finds among what is known what the drift is made of."""

Make = Callable[[], si.Fields]


def _completed() -> si.Fields:
    return si.FunctionFields(velocity=Free(), process=learned_fields(Free(), 2).process)


CASES: tuple[tuple[str, str, Make, float], ...] = (
    ("ODE, velocity, no latent", "ours", partial(learned_fields, Free(), 2, latent="none"), 0.0),
    ("ODE, velocity, brownian", "ours", partial(learned_fields, Free(), 2), 0.0),
    ("SDE, velocity, brownian", "ours", partial(learned_fields, Free(), 2), 0.5),
    ("SDE, two heads, brownian", "ours", partial(learned_fields, Free(2), 2, 2), 0.5),
    ("ODE, velocity", "ours, a function", partial(si.FunctionFields, Free()), 0.0),
    ("SDE, velocity, brownian", "ours, a function", _completed, 0.5),
)


def set_up_lines(effort: Effort) -> Iterator[Line]:
    """Time problems that are new, those of fields that are known, and solutions of one that has been solved before."""
    x, generator = points_of(8, 2), torch.Generator().manual_seed(7)
    for name, who, make, epsilon in CASES:
        integrator = si.build("integrator", "stochastic-heun" if epsilon else "rk4", steps=STEPS)
        solve, fields = partial(_solve, epsilon, x, integrator, generator), make()
        known = si.Transport(fields, epsilon)
        work: dict[str, Callable[[], object]] = {
            "fields": make,
            "first": lambda make=make, solve=solve: solve(make()),
            "again": partial(solve, fields),
            "solved": partial(si.integrate, known, x, integrator, generator),
        }
        seconds = effort.compare({part: torch.inference_mode()(run) for part, run in work.items()}, seconds=3.0)
        first = beyond(seconds["first"], seconds["fields"], seconds["solved"])
        figures = (
            microseconds("first us", first, MOST if fields.process is None else MOST_FIRST),
            microseconds("again us", beyond(seconds["again"], seconds["solved"]), MOST),
            microseconds("solution us", spread(seconds["solved"])),
        )
        yield Line(f"{name}, {STEPS} steps", who, figures)


def _solve(epsilon: float, x: Tensor, integrator: si.Integrator, generator: torch.Generator, fields: si.Fields) -> None:
    si.integrate(si.Transport(fields, epsilon), x, integrator, generator)
