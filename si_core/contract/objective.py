"""Objectives: losses whose minimiser is a field of the process.

The regression objectives (arXiv 2303.08797, section 3) have the form

    ``L[f] = E[ 1/2 |f(t, x_t)|^2 - <target, f(t, x_t)> ]``,   ``L[f] - min L = 1/2 E|f - field|^2``,

with the target given by the field's row (:mod:`si_core.process.rows`); the expanded form has no infinite constant.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from si_core.contract.data import Draw

__all__ = ["FIELDS", "Objective", "Regression"]

FIELDS = ("velocity", "interpolant-velocity", "score", "denoiser", "source-denoiser", "target-denoiser")
"""The fields of a process, by the names of their objectives."""


class Objective(ABC):
    """A loss on a network's prediction."""

    field: ClassVar[str]
    """The field that minimises the loss: one of :data:`FIELDS`."""

    @abstractmethod
    def loss(self, draw: Draw, prediction: Tensor) -> Tensor:
        """The loss of each draw, shape (B,).

        Args:
            draw: a batch of draws.
            prediction: the field's prediction at ``(draw.t, draw.xt)``, shape (B, *event), in the draw's clock.
        """


class Regression(Objective):
    """``1/2 |f|^2 - <target, f>``, summed over the event: the minimiser is ``E[target | x_t]``."""

    def target(self, draw: Draw) -> Tensor:
        """What the field is the conditional expectation of, shape (B, *event)."""
        return draw.target(self.field)

    def loss(self, draw: Draw, prediction: Tensor) -> Tensor:
        return (prediction * (0.5 * prediction - self.target(draw))).flatten(1).sum(1)
