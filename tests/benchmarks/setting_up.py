"""What happens once for each problem: finding the drift among what is learned, and the scalars of a grid.

Blocks of samples share one problem, so this stands beside all their calls; whoever makes a transport for each solution
pays it each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

import si_core as si

from .figures import Line, microseconds
from .networks import Free
from .problems import LatentName, learned_fields, points_of
from .timing import Effort, beyond, spread

__all__ = ["set_up_lines"]

STEPS = 50
CASES: tuple[tuple[str, int, LatentName, float], ...] = (
    ("ODE, velocity, no latent", 1, "none", 0.0),
    ("ODE, velocity, brownian", 1, "brownian", 0.0),
    ("SDE, velocity, brownian", 1, "brownian", 0.5),
    ("SDE, two heads, brownian", 2, "brownian", 0.5),
)


def set_up_lines(effort: Effort) -> Iterator[Line]:
    """Time problems that are new, and solutions of one that has been solved before."""
    x, generator = points_of(8, 2), torch.Generator().manual_seed(7)
    for name, heads, latent, epsilon in CASES:
        fields = learned_fields(Free(heads if heads > 1 else None), 2, heads, latent=latent)
        integrator = si.build("integrator", "stochastic-heun" if epsilon else "rk4", steps=STEPS)
        new = partial(si.Transport, fields, epsilon)
        work: dict[str, Callable[[], object]] = {
            "new": new,
            "new and solved": partial(_solve_new, new, x, integrator, generator),
            "solved": partial(si.integrate, si.Transport(fields, epsilon), x, integrator, generator),
        }
        seconds = effort.compare({who: torch.inference_mode()(run) for who, run in work.items()}, seconds=3.0)
        figures = (
            microseconds("set-up us", spread(seconds["new"])),
            microseconds("scalars us", beyond(seconds["new and solved"], seconds["new"], seconds["solved"])),
            microseconds("solution us", spread(seconds["solved"])),
        )
        yield Line(f"{name}, {STEPS} steps", "ours", figures)


def _solve_new(
    new: Callable[[], si.Transport], x: Tensor, integrator: si.Integrator, generator: torch.Generator
) -> None:
    si.integrate(new(), x, integrator, generator)
