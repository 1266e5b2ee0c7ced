"""The log-likelihood and the divergence of flow_matching."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from .ode import Drift

__all__ = ["log_likelihood"]


def log_likelihood(
    drift: Drift,
    x: Tensor,
    log_density: Callable[[Tensor], Tensor],
    steps: int,
    method: str = "rk4",
    exact: bool = True,
) -> Tensor:
    """``log rho1(x)``, shape (B,); of one Euler step it is one evaluation of the drift and its divergence.

    Args:
        drift: the velocity.
        x: the points, shape (B, d).
        log_density: of the source.
        steps: how many equal steps.
        method: of torchdiffeq.
        exact: whether the divergence is exact, or that of one random probe.
    """
    import torch
    from flow_matching.solver import ODESolver

    solver = ODESolver(lambda x, t: drift(t, x))
    times = torch.tensor([1.0, 0.0], dtype=x.dtype)
    found: Tensor = solver.compute_likelihood(
        x, log_density, step_size=1 / steps, method=method, time_grid=times, exact_divergence=exact
    )[1]
    return found
