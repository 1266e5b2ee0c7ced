"""Divergences of vector fields, exact or by random probes.

    ``div f(x) = sum_k e_k . J e_k``  over unit vectors          ``div f(x) = E[v . J v]``  with ``E[v v^T] = I``

with the Jacobian ``J = df/dx`` of each row. The second is Hutchinson's estimator (Communications in Statistics 19,
1990). A problem whose networks offer their divergence (see :meth:`si_core.Problem.divergence`) gives both at once.
Elsewhere each product ``v^T J`` is one backward pass through the same forward pass, one after the other. On a CPU, with
500 to 4096 rows of 2 to 64 dimensions and a network of four layers of 256, that was faster than products stacked in one
pass, batched by vmap, or in forward mode, and parameters frozen or rows in portions gained nothing; with 200 rows it
was within a third of the fastest. It holds one graph only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor

from si_core import Problem
from si_estimators.options import flat

__all__ = ["draw_probes", "drift_and_divergence", "value_and_divergence"]


def draw_probes(x: Tensor, count: int, noise: Literal["rademacher", "gaussian"], generator: torch.Generator) -> Tensor:
    """Random probes with mean 0 and covariance I.

    Args:
        x: the points, shape (B, *event).
        count: the number of probes for each point.
        noise: independent signs, which have the least variance, or standard normal numbers.
        generator: the source of randomness, on the device of x.

    Returns:
        shape (count, B, *event), dtype and device of x.
    """
    # Drawn point by point, so that a part of the points has the same probes as all of them.
    probes = torch.empty((len(x), count, *x.shape[1:]), dtype=x.dtype, device=x.device)
    if noise == "gaussian":
        probes.normal_(generator=generator)
    else:
        probes.bernoulli_(0.5, generator=generator).mul_(2).sub_(1)
    return probes.transpose(0, 1)


def drift_and_divergence(
    problem: Problem, time: float, x: Tensor, probes: Tensor | None = None, graph: bool = False
) -> tuple[Tensor, Tensor]:
    """The drift of a problem and its divergence: by the problem's own way where it offers one, else by differentiation.

    Args:
        problem: the problem.
        time: the clock position.
        x: the states, shape (B, *event).
        probes, graph: as for :func:`value_and_divergence`; gradient mode is on where ``graph`` is.

    Returns:
        The drift, shape (B, *event), and the divergence, shape (B, 1), or one column for each probe, (B, K).
    """
    found = problem.divergence(time, x, probes)
    if found is None:
        return value_and_divergence(lambda y: problem.drift(time, y), x, probes, graph)
    drift, divergence = found
    return drift, divergence.reshape(len(x), -1)


def value_and_divergence(
    f: Callable[[Tensor], Tensor], x: Tensor, probes: Tensor | None = None, graph: bool = False
) -> tuple[Tensor, Tensor]:
    """``f(x)`` and its divergence at each row, in any grad mode.

    Args:
        f: a function of rows, each on its own, (B, *event) -> (B, *event).
        x: the rows, shape (B, *event).
        probes: shape (K, B, *event) for ``v . J v`` of K probes; None for the exact divergence.
        graph: whether both can be differentiated further, in x and in what f depends on.

    Returns:
        The value, shape (B, *event), and the divergence: shape (B, 1), or one column for each probe, (B, K).
    """
    with torch.inference_mode(False), torch.enable_grad():
        # An inference tensor can't be differentiated, a copy of it can.
        kept = graph and x.requires_grad
        point = x if kept else (x.clone() if x.is_inference() else x.detach()).requires_grad_()
        value = f(point)
        count = point[0].numel() if probes is None else len(probes)
        zero = torch.zeros(len(point), dtype=point.dtype, device=point.device)
        columns = [zero] * (1 if probes is None else count)
        if not value.requires_grad:
            return value, torch.stack(columns, 1)
        for k, probe in enumerate(_unit_vectors(point) if probes is None else probes):
            (product,) = torch.autograd.grad(
                value,
                point,
                probe.expand_as(value),
                retain_graph=graph or k + 1 < count,
                create_graph=graph,
                allow_unused=True,
            )
            if product is not None:
                column = 0 if probes is None else k
                columns[column] = columns[column] + flat(product * probe).sum(1)
        return value if graph else value.detach(), torch.stack(columns, 1)


def _unit_vectors(x: Tensor) -> Iterator[Tensor]:
    """The unit vectors of the event space one by one, each (1, *event): all at once would need d^2 numbers."""
    for k in range(x[0].numel()):
        unit = torch.zeros_like(x[:1])
        unit.view(-1)[k] = 1
        yield unit
