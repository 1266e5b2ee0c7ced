"""Loops written by hand for one problem, as lean as they can be: what a library is measured against."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

__all__ = ["CALLS", "euler_maruyama_loop", "ode_loop"]

CALLS = {"euler": 1, "heun": 2, "rk4": 4}
"""Calls of the drift in a step of each method."""


def ode_loop(network: nn.Module, method: str, steps: int) -> Callable[[Tensor], Tensor]:
    """``X_1`` from ``X_0``, ``dX = network(t, X) dt``, with all times made before."""
    h = 1 / steps
    starts, middles, ends = ([torch.tensor((k + node) * h) for k in range(steps)] for node in (0.0, 0.5, 1.0))

    def euler(x: Tensor) -> Tensor:
        x = x.clone()
        for t in starts:
            x.add_(network(t, x), alpha=h)
        return x

    def heun(x: Tensor) -> Tensor:
        x = x.clone()
        for t, end in zip(starts, ends, strict=True):
            drift = network(t, x)
            predictor = torch.add(x, drift, alpha=h)
            x.add_(drift, alpha=h / 2).add_(network(end, predictor), alpha=h / 2)
        return x

    def rk4(x: Tensor) -> Tensor:
        x = x.clone()
        for t, middle, end in zip(starts, middles, ends, strict=True):
            k1 = network(t, x)
            k2 = network(middle, torch.add(x, k1, alpha=h / 2))
            k3 = network(middle, torch.add(x, k2, alpha=h / 2))
            k4 = network(end, torch.add(x, k3, alpha=h))
            x.add_(k1.add_(k4).add_(k2.add_(k3), alpha=2), alpha=h / 6)
        return x

    return {"euler": euler, "heun": heun, "rk4": rk4}[method]


def euler_maruyama_loop(
    network: nn.Module, noise: float, times: Sequence[Tensor], generator: torch.Generator
) -> Callable[[Tensor], Tensor]:
    """``X_1`` from ``X_0``, ``dX = network(t, X) dt + noise dW``."""
    h = 1 / len(times)

    def solve(x: Tensor) -> Tensor:
        x, w = x.clone(), torch.empty_like(x)
        for t in times:
            x.add_(network(t, x), alpha=h).add_(w.normal_(generator=generator), alpha=noise * h**0.5)
        return x

    return solve
