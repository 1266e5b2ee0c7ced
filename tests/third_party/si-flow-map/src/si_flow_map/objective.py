"""The flow map between any two times, learned from pairs and from itself.

``X_{t,s}(x) = x + (s - t) v(t, x, s)`` follows the flow, ``d/ds X_{t,s}(x) = b(s, X_{t,s}(x))``, and the mean velocity
of no time is the velocity, ``v(t, x, t) = b(t, x)``. So b is learned as usual where s = t, and elsewhere it teaches the
map (Boffi, Albergo, Vanden-Eijnden, arXiv 2505.18825); no gradient goes through the teacher.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from si_core import Draw, LearnedField, Objective, UsageError

__all__ = ["FlowMap"]


class FlowMap(Objective):
    """``1/2 |v(t, x_t, t)|^2 - <target, v> + 1/2 |d/ds X_{t,s}(x_t) - v(s, X_{t,s}(x_t), s)|^2``.

    Args:
        weight: of the last term.
    """

    field: ClassVar[str] = "velocity"
    two_times: ClassVar[bool] = True

    def __init__(self, weight: Annotated[float, Field(gt=0)] = 1.0) -> None:
        self.weight = weight

    def loss_of(self, draw: Draw, field: LearnedField) -> Tensor:
        t, s, x = draw.t, draw.s, draw.xt
        if s is None:
            raise UsageError("a flow map needs a second time", fix="draws of training have it")
        velocity = field(t, x)

        def carried(s: Tensor) -> Tensor:
            return x + (s - t).reshape(-1, *(1 for _ in x.shape[1:])) * field(t, x, s=s)

        end, derivative = torch.func.jvp(carried, (s,), (torch.ones_like(s),))
        taught = (derivative - field(s, end.detach()).detach()).square()
        return (velocity * (velocity / 2 - draw.target("velocity")) + self.weight / 2 * taught).flatten(1).sum(1)
