"""Derivatives of a log-tilt ``r(t, x)``, also under inference mode and without gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from si_core.contract.combine import spread
from si_core.errors import UsageError

__all__ = ["along", "gradient", "laplacian"]

Tilt = Callable[[Tensor, Tensor], Tensor]

_STEP = 1e-3
"""Of the central difference: its error is of the order of the square."""


@contextmanager
def _differentiable(x: Tensor) -> Iterator[bool]:
    """Gradients within; says whether the caller differentiates by x."""
    recorded = torch.is_grad_enabled() and not torch.is_inference_mode_enabled() and x.requires_grad
    with torch.inference_mode(False), torch.enable_grad():
        yield recorded


def _leaf(x: Tensor, recorded: bool) -> Tensor:
    # A copy: tensors of inference mode can't be differentiated by.
    if recorded:
        return x
    return x.clone().detach().requires_grad_()


def _slope(value: Tensor, x: Tensor, create_graph: bool) -> Tensor:
    if not value.requires_grad:
        raise UsageError(
            "a log-tilt can't be differentiated by the states",
            allowed="operations of torch on x, without no_grad, detach or numpy",
        )
    found = torch.autograd.grad(value.sum(), x, create_graph=create_graph, allow_unused=True)[0]
    return torch.zeros_like(x) if found is None else found


def gradient(tilt: Tilt, t: Tensor, x: Tensor) -> Tensor:
    """``grad r``, shape of x; to be differentiated further where the caller differentiates by x."""
    with _differentiable(x) as recorded:
        x = _leaf(x, recorded)
        return _slope(tilt(t.clone(), x), x, recorded)


def laplacian(tilt: Tilt, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """``grad r``, shape of x, and ``div grad r``, (B,) in float64, by a backward pass for each number of a state."""
    with _differentiable(x) as recorded:
        x = _leaf(x, recorded)
        slope = _slope(tilt(t.clone(), x), x, True)
        flat, total = slope.reshape(len(x), -1), x.new_zeros(len(x), dtype=torch.float64)
        for i in range(flat.shape[1] if slope.requires_grad else 0):
            second = torch.autograd.grad(
                flat[:, i].sum(), x, retain_graph=True, create_graph=recorded, allow_unused=True
            )[0]
            if second is not None:
                total = total + second.reshape(len(x), -1)[:, i].double()
        return (slope, total) if recorded else (slope.detach(), total.detach())


def along(tilt: Tilt, t: Tensor, x: Tensor, rate: Tensor, velocity: Tensor) -> Tensor:
    """``rate d_t r + velocity . grad r``, shape (B,), float64: the change of r along a motion, per unit of a clock.

    A central difference: r may depend on time in ways that nothing differentiates, such as through the weights by which
    fields are completed.

    Args:
        tilt: r.
        t: times inside (0, 1), () or (B,).
        x: the states.
        rate: ``dt/du``, shape (1,) or (B,).
        velocity: ``dx/du``.
    """
    per_clock = rate.to(device=x.device, dtype=torch.float64).reshape(t.shape)
    room = torch.minimum(t, 1 - t).double()
    # In time itself: the clock's own step may be long where the clock is slow.
    step = torch.minimum(torch.full_like(room, _STEP), 0.5 * room)
    ahead, behind = (t.double() + step).to(t.dtype), (t.double() - step).to(t.dtype)
    length = ahead.double() - behind.double()
    shift = velocity / spread(per_clock.reshape(-1), x)
    values = [
        tilt(time, x + spread((time.double() - t.double()).reshape(-1), x) * shift).double() for time in (ahead, behind)
    ]
    return per_clock * (values[0] - values[1]) / length
