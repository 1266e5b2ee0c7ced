"""Objectives: losses whose minimiser is a field of the process.

The regression objectives (arXiv 2303.08797, section 3) have the form

    ``L[f] = E[ 1/2 |f(t, x_t)|^2 - <target, f(t, x_t)> ]``,   ``L[f] - min L = 1/2 E|f - field|^2``,

with the target given by the field's coefficients (:mod:`si_core.process.coefficients`); the expanded form has no
infinite constant.
"""

from __future__ import annotations

from abc import ABC
from typing import ClassVar, Literal, Protocol

from torch import Tensor

from si_core.contract.condition import Condition
from si_core.contract.data import Draw
from si_core.contract.expanded_square import expanded_square
from si_core.contract.process import Process, Structure
from si_core.contract.schedule import Coefficients, Schedule

__all__ = ["FIELDS", "LearnedField", "Objective", "Regression"]

FIELDS = ("velocity", "interpolant-velocity", "score", "denoiser", "source-denoiser", "target-denoiser")
"""The fields of a process, by the names of their objectives."""


class LearnedField(Protocol):
    """The learned field as a function, for objectives that call the network themselves."""

    def __call__(self, t: Tensor, x: Tensor, condition: Condition | None = None, s: Tensor | None = None) -> Tensor:
        """The field at (t, x), shape (B, *event); differentiable in t, s and x by forward and by reverse mode.

        It is the field and not the network's output: what is known beside the network is added.

        Args:
            t: times in [0, 1], shape (B,) or ().
            x: states, shape (B, *event).
            condition: by name, each (B, *shape); None for that of the draw.
            s: further times, shape (B,) or (), of objectives with ``two_times``: the field is then the mean velocity
                from t to s along the flow, ``(X_{t,s}(x) - x)/(s - t)``, and at s = t the velocity; None for s = t.
        """


class Objective(ABC):
    """A loss on a learned field.

    An author writes :meth:`loss`; or :meth:`loss_of`, for a loss that calls the network itself: more than once, or to
    differentiate it in t, s or x. Such a loss learns in time itself and not in a clock that slows down at the ends, so
    that derivatives in t and fields per unit of t go together.
    """

    field: ClassVar[str]
    """The field that minimises the loss: one of :data:`FIELDS`, or another whose :meth:`coefficients` it gives."""

    process_role: ClassVar[Literal["none", "minimises", "maximises"]] = "none"
    """What the learnable parts of a process do with the loss that networks minimise; both at once is a game."""

    two_times: ClassVar[bool] = False
    """Whether the field depends on a second time s, as the mean velocity between two times does; it is ``velocity``."""

    @property
    def calls_network(self) -> bool:
        """Whether the loss calls the network itself, rather than being given its prediction at the draw."""
        return self.two_times or type(self).loss_of is not Objective.loss_of

    def check(self, process: Process) -> None:  # noqa: B027 - by default every process that has the field will do
        """Refuse a process that the objective is not for; called before training.

        Raises:
            UsageError: it has not what the objective needs.
        """

    def coefficients(self, structure: Structure, s: Schedule) -> Coefficients:
        """The coefficients of the field per unit of the schedule's clock; see :mod:`si_core.process.coefficients`.

        Override it for a field that the process has no name for, such as the forward drift at a level of noise.

        Raises:
            UsageError: the process has no such field.
        """
        return structure.coefficients(self.field, s)

    def loss(self, draw: Draw, prediction: Tensor) -> Tensor:
        """The loss of each draw, shape (B,).

        Args:
            draw: a batch of draws.
            prediction: the field's prediction at ``(draw.t, draw.xt)``, shape (B, *event), in the draw's clock.
        """
        raise TypeError(f"objective {type(self).__name__} has neither `loss` nor `loss_of`")

    def loss_of(self, draw: Draw, field: LearnedField) -> Tensor:
        """The loss of each draw, shape (B,), by calls of the field.

        Args:
            draw: a batch of draws, per unit of time; with ``two_times`` its ``s`` are independent of its ``t``.
            field: the learned field.
        """
        return self.loss(draw, field(draw.t, draw.xt, draw.condition, draw.s))


class Regression(Objective):
    """``1/2 |f|^2 - <target, f>``, summed over the event: the minimiser is ``E[target | x_t]``."""

    def target(self, draw: Draw) -> Tensor:
        """What the field is the conditional expectation of, its coefficients times the draw: shape (B, *event).

        Raises:
            UsageError: the draw was made by hand, or the process has no such field.
        """
        structure, schedule = draw.made
        return draw.combined(self.coefficients(structure, schedule))

    def loss(self, draw: Draw, prediction: Tensor) -> Tensor:
        return expanded_square(prediction, self.target(draw))
