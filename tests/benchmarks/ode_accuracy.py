"""Accuracy of ODE solutions for their calls: exact fields of mixtures in 2 dimensions, double precision.

The error is ``sqrt(mean((x - x*)^2))`` over states and coordinates at t = 1, against a solution at a tolerance of
1e-12. *Ours* is the method that the library takes where none is named, in the clock of the process; the others of ours
stand beside it. The peer solves in plain time.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

import si_core as si

from .defaults import default_method, within
from .figures import Goal, Line, fixed
from .peers.ode import fixed_solvers
from .problems import LatentName, exact_process, points_of
from .timing import Effort

__all__ = ["ode_accuracy_lines"]

CASES: tuple[tuple[str, float, int, float], ...] = (("smooth", 0.3, 64, 5e-4), ("sharp", 0.05, 256, 1e-4))
"""Name, standard deviation of a mode, calls, and the largest error allowed."""

LATENTS: tuple[LatentName, ...] = ("none", "brownian")
METHODS = ("midpoint", "heun", "rk4", "adams-bashforth", "exponential")
PEERS = {"midpoint": 2, "rk4": 4}
"""Methods of the peer, with the calls of a step."""

STATES = 2000


def ode_accuracy_lines(effort: Effort) -> Iterator[Line]:
    """Solve once by each: there is nothing to repeat."""
    x = points_of(STATES, 2, torch.float64)
    for name, scale, calls, limit in CASES:
        for latent in LATENTS:
            fields = si.exact_fields(exact_process(scale, latent))
            transport = si.Transport(fields)
            exact = si.integrate(transport, x, si.build("integrator", "dopri5", rtol=1e-12, atol=1e-12)).final
            case = f"{name} mixture, {latent}"
            method, options = default_method(False)
            own = {f"ours ({method})": (method, options)}
            own |= {f"ours, {other}": (other, {}) for other in METHODS if (other, {}) != (method, options)}
            for who, choice in own.items():
                found = si.integrate(transport, x, within(calls, *choice, transport, x))
                goal = Goal(limit) if who.startswith("ours (") else None
                error = float((found.final - exact).square().mean().sqrt())
                yield Line(case, who, (fixed("calls", found.evaluations), fixed("rms error", error, goal)))
            for library, solve in fixed_solvers().items():
                if library != "torchdiffeq":
                    continue
                for other, each in PEERS.items():
                    final = solve(fields.velocity, x, other, calls // each)
                    error = float((final - exact).square().mean().sqrt())
                    yield Line(case, f"{library} {other}", (fixed("calls", calls), fixed("rms error", error)))
