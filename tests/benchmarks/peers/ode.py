"""ODE solvers of peers: torchdiffeq, and flow_matching, which calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from . import installed

__all__ = ["Drift", "FixedSolver", "adaptive", "fixed_solvers"]

Drift = Callable[[Tensor, Tensor], Tensor]
"""``drift(t, x)``, shape of x."""

FixedSolver = Callable[[Drift, Tensor, str, int], Tensor]
"""``solver(drift, x, method, steps)``: the state at time 1 after so many equal steps from time 0."""

_NAMES = {"heun": "heun2"}


def fixed_solvers() -> dict[str, FixedSolver]:
    """The solvers with fixed steps that are installed, by the name of their library."""
    found = {"torchdiffeq": _torchdiffeq, "flow_matching": _flow_matching}
    return {name: solver for name, solver in found.items() if installed(name)}


def adaptive(drift: Drift, x: Tensor, tolerance: float) -> Tensor:
    """The state at time 1 by torchdiffeq's dopri5, with this tolerance, relative and absolute."""
    from torchdiffeq import odeint

    times = torch.tensor([0.0, 1.0], dtype=x.dtype)
    return odeint(drift, x, times, rtol=tolerance, atol=tolerance, method="dopri5")[-1]  # type: ignore[no-any-return]


def _torchdiffeq(drift: Drift, x: Tensor, method: str, steps: int) -> Tensor:
    from torchdiffeq import odeint

    times = torch.tensor([0.0, 1.0], dtype=x.dtype)
    options = {"step_size": 1 / steps}
    return odeint(drift, x, times, method=_NAMES.get(method, method), options=options)[-1]  # type: ignore[no-any-return]


def _flow_matching(drift: Drift, x: Tensor, method: str, steps: int) -> Tensor:
    from flow_matching.solver import ODESolver

    solver: Any = ODESolver(lambda x, t: drift(t, x))
    times = torch.tensor([0.0, 1.0], dtype=x.dtype)
    return solver.sample(x, step_size=1 / steps, method=_NAMES.get(method, method), time_grid=times)  # type: ignore[no-any-return]
