"""Optimizers: how a step of training follows from gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import nn

__all__ = ["Optimizer"]


class Optimizer(ABC):
    """Makes the optimizer of a training.

    ``lr`` is the learning rate, > 0; training sets that of each step in the parameter groups, by the schedule.
    """

    lr: float

    @abstractmethod
    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """A new optimizer of these parameters, in one group with ``lr`` as its learning rate.

        Its ``step()`` is called without a closure, and all that its next step depends on is in its ``state_dict()`` as
        tensors and plain values: so runs are resumed bit for bit.
        """
