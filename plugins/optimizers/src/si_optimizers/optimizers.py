"""Adam, AdamW and SGD, fused: all parameters of a step in one kernel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from si_core import Optimizer, UsageError

__all__ = ["SGD", "Adam", "AdamW"]

Rate = Annotated[float, Field(gt=0)]
Decay = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class Adam(Optimizer):
    """Adam (arXiv:1412.6980).

    Args:
        lr: learning rate.
        betas: decay of the running mean and of the running square of the gradient.
        eps: added to the root of the running square.
        weight_decay: weight of the squared norm added to the loss.
    """

    kind: type[torch.optim.Optimizer] = torch.optim.Adam

    def __init__(
        self,
        lr: Rate = 1e-3,
        betas: tuple[Fraction, Fraction] = (0.9, 0.999),
        eps: Rate = 1e-8,
        weight_decay: Decay = 0.0,
    ) -> None:
        self.lr = lr
        self._settings = {"betas": tuple(betas), "eps": eps, "weight_decay": weight_decay}

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimizer of these parameters."""
        return self.kind(parameters, lr=self.lr, fused=True, **self._settings)  # type: ignore[call-arg]


class AdamW(Adam):
    """Adam with decoupled weight decay (arXiv:1711.05101).

    Args:
        lr: learning rate.
        betas: decay of the running mean and of the running square of the gradient.
        eps: added to the root of the running square.
        weight_decay: decay of the weights in units of the learning rate.
    """

    kind = torch.optim.AdamW

    def __init__(
        self,
        lr: Rate = 1e-3,
        betas: tuple[Fraction, Fraction] = (0.9, 0.999),
        eps: Rate = 1e-8,
        weight_decay: Decay = 0.01,
    ) -> None:
        super().__init__(lr, betas, eps, weight_decay)


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum.

    Args:
        lr: learning rate.
        momentum: fraction of the last step that is kept.
        nesterov: look ahead along the momentum.
        weight_decay: weight of the squared norm added to the loss.
    """

    def __init__(
        self, lr: Rate = 1e-2, momentum: Fraction = 0.0, nesterov: bool = False, weight_decay: Decay = 0.0
    ) -> None:
        if nesterov and momentum == 0:
            raise UsageError(
                "'nesterov' is without effect: it needs momentum > 0", fix="set momentum, or nesterov: false"
            )
        self.lr = lr
        self._settings = {"momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimizer of these parameters."""
        return torch.optim.SGD(parameters, lr=self.lr, fused=True, **self._settings)  # type: ignore[arg-type]
