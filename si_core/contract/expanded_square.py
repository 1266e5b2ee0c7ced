"""The expanded square ``1/2 |f|^2 - <target, f>`` of every regression loss, in as few kernels as it allows.

Its derivatives are ``f - target`` and ``-f``: recorded term by term, a batch is read and written twice as often. Of a
small one nobody feels that, but what a function of one's own costs to call.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["expanded_square"]

_SMALL = 2**16
"""Numbers of a batch that stays in the caches."""


def expanded_square(prediction: Tensor, target: Tensor) -> Tensor:
    """``1/2 |f|^2 - <target, f>`` summed over the event, shape (B,).

    It can be differentiated in both, any number of times.

    Args:
        prediction: f, shape (B, *event).
        target: what it regresses on, same shape.
    """
    if prediction.numel() < _SMALL:
        return (prediction * (0.5 * prediction - target)).flatten(1).sum(1)
    loss: Tensor = _ExpandedSquare.apply(prediction, target)  # type: ignore[no-untyped-call]
    return loss


class _ExpandedSquare(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(prediction: Tensor, target: Tensor) -> Tensor:
        twice = torch.sub(prediction, target, alpha=2).mul_(prediction)
        return twice.flatten(1).sum(1).mul_(0.5)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        prediction, target = ctx.saved_tensors
        gradient = gradients[0].reshape(-1, *(1 for _ in prediction.shape[1:]))
        of_prediction, of_target = ctx.needs_input_grad
        return (
            (prediction - target).mul_(gradient) if of_prediction else None,
            prediction * -gradient if of_target else None,
        )

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
        prediction, target = ctx.saved_tensors
        of_prediction, of_target = tangents
        change = torch.zeros_like(prediction)
        if of_prediction is not None:
            change = change + (prediction - target) * of_prediction
        if of_target is not None:
            change = change - prediction * of_target
        return change.flatten(1).sum(1)
