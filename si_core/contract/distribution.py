"""Distributions: densities and data sets, the two ends of a process."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from types import MappingProxyType
from typing import final

import torch
from torch import Tensor

from si_core.contract.answers import check_states, form_of, misbehaved
from si_core.contract.condition import Condition, ConditionSpec
from si_core.contract.frame import Frame
from si_core.contract.moments import Moments
from si_core.errors import UsageError

__all__ = ["Distribution"]


class Distribution(ABC):
    """Something to draw from, or with a density, or both.

    An author writes :meth:`sample`; :meth:`draw` instead, where draws have conditions; only :meth:`log_prob`, for an
    energy that nobody can draw from.

    A data set may live in other units than the model sees (standardised columns, scaled pixels): its :attr:`frame` says
    which, and ``log p_data = log p_model - frame.log_volume_at(x)``.

    One that holds data has a ``fingerprint``, a text that is equal for equal data: a model then keeps its frame, and
    asks for the data only where it needs them.
    """

    shape: tuple[int, ...]
    """The event shape, such as ``(2,)`` or ``(1, 8, 8)``."""

    conditions: Mapping[str, ConditionSpec] = MappingProxyType({})
    """What :meth:`draw` gives with its draws, by name: labels, observations of any shape, masks."""

    standard_normal: bool = False
    """Whether this is N(0, I): it makes a process one-sided."""

    point: Tensor | None = None
    """The constant, shape (*shape,), where this is the law of a constant: fields then know x0, and no ODE leaves it."""

    size: int | None = None
    """The number of rows of a finite data set, else None."""

    prefetch: int = 0
    """For how many steps training has draws made ahead, each in a thread beside it; 0 where a draw costs next to
    nothing. Worth it where rows are read from files: the same draws are then made, by so many threads at once, in which
    the other end and the coupling (:attr:`si_core.Coupling.from_ends`) are called as well.

    Options named ``workers`` and ``cache`` say how rows are read and change none: a run goes on with others."""

    @property
    def itself(self) -> Distribution:
        """The distribution that holds the data: this one, but where a loaded model keeps something in its place.

        Raises:
            MissingDataError: a loaded model whose data are gone, or are others than those of the training.
        """
        return self

    @property
    def frame(self) -> Frame:
        """The units, names and layout of events; by default data space is model space."""
        return Frame(self.shape)

    entropy: float | None = None
    """``-E log p(x)`` in model space, in nats, where it is known in closed form: no density has a larger mean logarithm
    at its draws than ``-entropy``."""

    breakpoints: tuple[tuple[float, ...], ...] | None = None
    """Of events (d,): for each entry the values in model space, rising, at which the density may jump, such as the
    edges of a box; None where it is smooth, or nothing is known. Cells of pictures and quadratures begin there."""

    @property
    def moments(self) -> Moments | None:
        """The size of its states in model space; None where it is not known.

        Methods are then held to it: steps that are too long for the noise, and states far outside of what the process
        ever has, are refused.
        """
        return None

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n independent draws in model space, shape (n, *shape), float32 unless made with another dtype.

        Raises:
            UsageError: it is an energy.
        """
        if type(self).draw is Distribution.draw:
            raise UsageError(
                f"{type(self).__name__} can't be drawn from: it has a density alone",
                fix="a coupling that draws pairs by that density, or another distribution",
            )
        return self.draw(n, generator)[0]

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Condition | None]:
        """n independent draws with their conditions, each (n, *shape); None for a distribution without."""
        return self.sample(n, generator), None

    @final
    def checked_draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Condition | None]:
        """What :meth:`draw` gives, for whoever uses it.

        Raises:
            PluginError: not n events, or no conditions beside them.
        """
        drawn = self.draw(n, generator)
        method = "sample" if type(self).draw is Distribution.draw else "draw"
        if not isinstance(drawn, tuple) or len(drawn) != 2:
            raise misbehaved(
                self, method, "a draw has conditions", got=form_of(drawn), allowed="(x, conditions or None)"
            )
        return check_states(self, method, drawn[0], n, self.shape), drawn[1]

    def of_step(self, step: int, n: int, key: int) -> Distribution:
        """What a step of training draws from: this law as it stands.

        A data set that goes through its rows in an order, each once in an epoch, gives itself at its place in that
        order: its draws are then the rows ``step * n ... step * n + n - 1`` of it, which depend on nothing that was
        drawn before. Whoever draws without a step is given independent rows. From a copy of itself it takes what stands
        in place of a method on the object alone, as while first calls are watched.

        Args:
            step: the number of the step, from 0.
            n: the draws of each step.
            key: names the order: another run, or the other end, has another.
        """
        return self

    def draw_conditions(self, n: int, generator: torch.Generator | None = None) -> Condition | None:
        """The conditions of n draws alone, each (n, *shape): by the counts of the labels, where the frame has them."""
        labels = self.frame.labels
        return self.draw(n, generator)[1] if labels is None else labels.draw(n, generator)

    @property
    def has_samples(self) -> bool:
        """Whether it can be drawn from."""
        own = type(self)
        return own.sample is not Distribution.sample or own.draw is not Distribution.draw

    @property
    def normalised(self) -> bool:
        """Whether :meth:`log_prob` integrates to 1; of an energy, which can't be drawn from, that is not known."""
        return self.has_density and self.has_samples

    def rows(self, index: Tensor) -> tuple[Tensor, Condition | None]:
        """The rows of a finite data set by index (n,), with their conditions; only where :attr:`size` is set."""
        raise TypeError(f"{type(self).__name__} is no finite data set: it has no rows to take")

    def log_prob(self, x: Tensor) -> Tensor:
        """``log p(x)`` in model space, shape (B,), in nats; only where :attr:`has_density`.

        Of an energy, up to a constant (:attr:`normalised`).
        """
        raise TypeError(f"{type(self).__name__} has no density")

    @property
    def has_density(self) -> bool:
        """Whether :meth:`log_prob` is there."""
        return type(self).log_prob is not Distribution.log_prob

    def encode(self, data: Tensor) -> Tensor:
        """Data space to model space by the :attr:`frame`, shape (B, *shape)."""
        return self.frame.encode(data)

    def decode(self, x: Tensor) -> Tensor:
        """Model space to data space by the :attr:`frame`."""
        return self.frame.decode(x)

    def held_out(self) -> tuple[Tensor, Condition | None] | None:
        """Rows in model space kept from training, with their conditions; None where draws are endless."""
        return None
