"""Objectives: losses whose minimiser is a field of the process.

The regression objectives (arXiv 2303.08797, section 3) have the form

    ``L[f] = E[ 1/2 |f(t, x_t)|^2 - <target, f(t, x_t)> ]``,   ``L[f] - min L = 1/2 E|f - field|^2``,

with the target given by the field's row (:mod:`si_core.process.rows`); the expanded form has no infinite constant.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from torch import Tensor

from si_core.contract.data import Draw
from si_core.contract.expanded_square import expanded_square
from si_core.contract.process import Process
from si_core.contract.schedule import Row, Schedule
from si_core.errors import UsageError

__all__ = ["FIELDS", "Objective", "Regression"]

FIELDS = ("velocity", "interpolant-velocity", "score", "denoiser", "source-denoiser", "target-denoiser")
"""The fields of a process, by the names of their objectives."""


class Objective(ABC):
    """A loss on a network's prediction."""

    field: ClassVar[str]
    """The field that minimises the loss: one of :data:`FIELDS`, or a name of its own where :meth:`row` says its row."""

    process_role: ClassVar[Literal["none", "minimises", "maximises"]] = "none"
    """What the learnable parts of a process do with the loss that networks minimise; both at once is a game."""

    def row(self, process: Process, s: Schedule) -> Row:
        """The row of the field per unit of the schedule's clock; see :mod:`si_core.process.rows`.

        Override it for a field that the process has no name for, such as the forward drift at a level of noise.

        Raises:
            UsageError: the process has no such field.
        """
        return process.row(self.field, s)

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
        """What the field is the conditional expectation of, its row times the draw: shape (B, *event).

        Raises:
            UsageError: the draw knows no process, or the process no such field.
        """
        if draw.process is None or draw.schedule is None:
            raise UsageError(
                "this draw was made by hand, without its process", fix="make it with StochasticInterpolant.draw"
            )
        return draw.process.target_of(self.row(draw.process, draw.schedule), draw)

    def loss(self, draw: Draw, prediction: Tensor) -> Tensor:
        return expanded_square(prediction, self.target(draw))
