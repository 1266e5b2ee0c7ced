"""Values at the ends of the unit interval of functions that can only be computed inside.

Coefficients such as ``(dt/du)/gamma`` are smooth up to the ends but read 0/0 there. Their value at an end is the
polynomial through values inside, extrapolated. Where that value moves when the nodes move closer, by much beside what
the function itself varies between the nodes, the function has a pole and the limit is infinite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor

from si_core.contract.answers import entrywise

__all__ = ["MarginLimits", "derivative", "end_limits", "forward_mode", "limit_nodes", "limit_of"]

_SPACING = 2.0**-9
_NODES = 6
# Weights of the polynomial through nodes 1..6 (in units of the spacing), evaluated at 0.
_WEIGHTS = (6.0, -15.0, 20.0, -15.0, 6.0, -1.0)
# The extrapolated value of sqrt(u) moves by 0.07 of its variation, that of log(u) by 0.28, of 1/sqrt(u) by 0.7.
_AGREEMENT = 0.15
_ROUNDING, _OWN_ROUNDING = 1e-9, 1e-7
_AMPLIFICATION = 64.0
"""The sum of the sizes of the weights: by how much extrapolation enlarges rounding."""


@contextmanager
def forward_mode() -> Iterator[None]:
    """Forward-mode differentiation also under inference mode, with the caller's gradient mode."""
    # Leaving inference mode turns gradients on, whatever the caller had asked for.
    enabled = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.set_grad_enabled(enabled):
        yield


def derivative(function: Callable[[Tensor], Tensor], t: Tensor) -> Tensor:
    """``d function/dt`` at t by forward-mode differentiation, same shape; one evaluation.

    The function acts on each entry of t by itself and may return a constant. Gradients of its parameters are kept.
    """

    def dense(s: Tensor) -> Tensor:
        return entrywise(function, s) + torch.zeros_like(s)

    with forward_mode():
        t = t.clone() if t.is_inference() else t
        tangent: Tensor = torch.func.jvp(dense, (t,), (torch.ones_like(t),))[1]
    return tangent


def end_limits(function: Callable[[Tensor], Tensor], u: Tensor) -> Tensor:
    """``function(u)``, with the limit from inside where u is 0 or 1 and the value there is not finite.

    Args:
        function: maps clock positions (N,) to values (N, *rest); smooth on (0, 1).
        u: clock positions in [0, 1], shape (N,).

    Returns:
        Values (N, *rest); infinity (with the sign found inside) where the function is unbounded.
    """
    at_end = {end: u == end for end in (0.0, 1.0)}
    reached = [end for end, there in at_end.items() if bool(there.any())]
    # One evaluation of everything: on so few positions it costs what it costs on one.
    everything = function(torch.cat([u, *(limit_nodes(end).to(u) for end in reached)]))
    values, *beside = torch.split(everything, [len(u), *(len(limit_nodes(end)) for end in reached)])
    for end, inside in zip(reached, beside, strict=True):
        chosen = at_end[end].reshape(-1, *(1 for _ in values.shape[1:])) & ~torch.isfinite(values)
        if bool(chosen.any()):
            values = torch.where(chosen, limit_of(inside), values)
    return values


@cache
def limit_nodes(end: float) -> Tensor:
    """The positions beside an end, 0 or 1, from which :func:`limit_of` finds the limit there; float64."""
    steps = torch.arange(1, _NODES + 1, dtype=torch.float64) * _SPACING
    steps = torch.cat([steps, steps / 2])
    return steps if end == 0.0 else 1 - steps


def limit_of(values: Tensor, error: Tensor | None = None) -> Tensor:
    """The limit at an end of a function with these values at :func:`limit_nodes`, shape (nodes, *rest) to (*rest).

    Args:
        values: shape (nodes, *rest).
        error: by how much rounding may have moved each value, where that is known.

    Returns:
        The limit; infinity, with the sign found inside, where the function is unbounded.
    """
    weights = torch.tensor(_WEIGHTS, dtype=values.dtype, device=values.device)
    coarse = torch.tensordot(weights, values[:_NODES], 1)
    fine = torch.tensordot(weights, values[_NODES:], 1)
    scale, variation = values.abs().amax(0), values.amax(0) - values.amin(0)
    # Rounding moves the extrapolated value too, by little beside the function and the largest computed with it.
    rounding = _OWN_ROUNDING * scale + _ROUNDING * (1 + scale.max())
    rounding = rounding + _AMPLIFICATION * torch.finfo(values.dtype).eps * scale
    if error is not None:
        rounding = rounding + _AMPLIFICATION * error.amax(0)
    bounded = (coarse - fine).abs() <= _AGREEMENT * variation + rounding
    return torch.where(bounded, fine, torch.copysign(torch.full_like(fine, torch.inf), values[_NODES] - values[0]))


class MarginLimits:
    """Like :func:`end_limits`, but where the function is unbounded at an end its value at distance ``margin`` is kept.

    What the function does at the ends is found once, here; a call then costs one evaluation.

    Args:
        function: maps clock positions (N,) to values (N, *rest); smooth on (0, 1).
        margin: how far from an end the last value is taken from.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], margin: float) -> None:
        self._function = function
        start, stop = end_limits(function, torch.tensor([0.0, 1.0], dtype=torch.float64))
        self.unbounded = (not bool(torch.isfinite(start).all()), not bool(torch.isfinite(stop).all()))
        """Whether the margin is needed at the start and at the stop."""
        self._span = (margin if self.unbounded[0] else 0.0, 1.0 - margin if self.unbounded[1] else 1.0)

    def __call__(self, u: Tensor) -> Tensor:
        """The values at clock positions u, shape (N, *rest), finite."""
        return end_limits(self._function, u.clamp(*self._span))
