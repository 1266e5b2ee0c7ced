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

__all__ = ["MarginLimits", "derivative", "end_limits", "forward_mode", "limit_nodes", "limits_of"]

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


def end_limits(function: Callable[[Tensor], Tensor], u: Tensor, known: Tensor | None = None) -> Tensor:
    """``function(u)``, with the limit from inside where u is 0 or 1 and the value there is not finite.

    Args:
        function: maps clock positions (N,) to values (N, *rest); smooth on (0, 1).
        u: clock positions in [0, 1], shape (N,).
        known: the limits at 0 and at 1, shape (2, *rest), where they were found before.

    Returns:
        Values (N, *rest); infinity (with the sign found inside) where the function is unbounded.
    """
    reached = [end for end in (0.0, 1.0) if bool((u == end).any())]
    if not reached:
        return function(u)
    # One evaluation of everything: on so few positions it costs what it costs on one.
    nodes = [limit_nodes(end).to(u) for end in reached] if known is None else []
    everything = function(torch.cat([u, *nodes]))
    values, inside = everything[: len(u)], everything[len(u) :]
    infinite = ~torch.isfinite(values)
    if not bool(infinite.any()):
        return values
    if known is None:
        limits = limits_of(inside.reshape(len(reached), 2 * _NODES, *values.shape[1:]))
    else:
        limits = known.to(values)[[int(end) for end in reached]]
    for end, limit in zip(reached, limits.unbind(), strict=True):
        there = (u == end).reshape(-1, *(1 for _ in values.shape[1:]))
        values = torch.where(there & infinite, limit, values)
    return values


@cache
def limit_nodes(end: float) -> Tensor:
    """The positions beside an end, 0 or 1, from which :func:`limits_of` finds the limit there; float64."""
    steps = torch.arange(1, _NODES + 1, dtype=torch.float64) * _SPACING
    steps = torch.cat([steps, steps / 2])
    return steps if end == 0.0 else 1 - steps


def limits_of(values: Tensor, error: Tensor | None = None) -> Tensor:
    """The limits at ends of a function with these values at their :func:`limit_nodes`.

    Args:
        values: shape (ends, nodes, *rest).
        error: by how much rounding may have moved each value, where that is known.

    Returns:
        The limits, shape (ends, *rest); infinity, with the sign found inside, where the function is unbounded.
    """
    shape, flat = values.shape[:1] + values.shape[2:], values.flatten(2) if values.ndim > 2 else values.unsqueeze(-1)
    weights = torch.tensor(_WEIGHTS, dtype=values.dtype, device=values.device)
    coarse, fine = (weights @ flat.reshape(len(flat), 2, _NODES, -1)).unbind(1)
    low, high = torch.aminmax(flat, dim=1)
    scale, variation = torch.maximum(high, -low), high - low
    # Rounding moves the extrapolated value too, by little beside the function and the largest computed with it.
    rounding = (_OWN_ROUNDING + _AMPLIFICATION * torch.finfo(values.dtype).eps) * scale
    rounding = rounding + _ROUNDING * (1 + scale.amax(1, keepdim=True))
    if error is not None:
        rounding = rounding + _AMPLIFICATION * error.amax(1).reshape(rounding.shape)
    bounded = (coarse - fine).abs() <= _AGREEMENT * variation + rounding
    infinity = torch.copysign(torch.full_like(fine, torch.inf), flat[:, _NODES] - flat[:, 0])
    return torch.where(bounded, fine, infinity).reshape(shape)


class MarginLimits:
    """Like :func:`end_limits`, but where the function is unbounded at an end its value at distance ``margin`` is kept.

    What the function does at the ends is found once, with the first values that are asked for; a call then costs one
    evaluation.

    Args:
        function: maps clock positions (N,) to values (N, *rest); smooth on (0, 1).
        margin: how far from an end the last value is taken from.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], margin: float) -> None:
        self._function, self._margin = function, margin
        self._span: tuple[float, float] | None = None

    def __call__(self, u: Tensor) -> Tensor:
        """The values at clock positions u, shape (N, *rest), finite."""
        if self._span is not None:
            return end_limits(self._function, u.clamp(*self._span))
        values = end_limits(self._function, torch.cat([u, u.new_tensor((0.0, 1.0))]))
        start, stop = torch.isfinite(values[len(u) :]).reshape(2, -1).all(1).tolist()
        self._span = (0.0 if start else self._margin, 1.0 if stop else 1.0 - self._margin)
        return values[: len(u)] if start and stop else self(u)
