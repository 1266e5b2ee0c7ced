"""Operators: linear maps of events, ``y = A x``: what of an event is measured, seen or kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from si_core import Condition, ConditionSpec

__all__ = ["Operator"]


class Operator(ABC):
    """A linear map A of events, one for all or another one for each.

    An author writes :meth:`apply`; the rest follows, more slowly. Events are in whatever space the caller's are:
    ``y = A x`` is linear, without a constant.
    """

    random: bool = False
    """Whether each event has an operator of its own: :meth:`drawn` then makes those that can be applied."""

    fingerprint: str | None = None
    """A text that is equal for equal contents of the file that it was read from; None where there is none."""

    @abstractmethod
    def apply(self, x: Tensor) -> Tensor:
        """``A x`` of each event, (B, *event) -> (B, *out), in the dtype and on the device of x, differentiable in x.

        Raises:
            UsageError: events of a shape that it is not for; a random operator that was not drawn.
        """

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of ``A x`` for events of a shape.

        Raises:
            UsageError: events of a shape that it is not for.
        """
        return tuple(self.apply(torch.zeros(1, *shape)).shape[1:])

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """``A^T y``, (B, *out) -> (B, *shape): ``<A x, y> = <x, A^T y>``."""
        _, pulled = torch.func.vjp(self.apply, y.new_zeros(len(y), *shape))
        found: Tensor = pulled(y)[0]
        return found

    def fill(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """A linear picture of ``y = A x`` of the shape of an event, (B, *out) -> (B, *shape), that says no more than y.

        Such as zeros where nothing is seen, or pixels repeated. Where :attr:`consistent`, ``A fill(A x) = A x``.
        """
        return self.adjoint(y, shape)

    consistent: bool = False
    """Whether ``A fill(A x) = A x``: what is filled in changes nothing of what was measured."""

    def drawn(self, n: int, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Operator:
        """The operator of n events of a shape, drawn where it is random; by default this one, for all alike.

        Raises:
            UsageError: events of a shape that it is not for.
        """
        return self

    def conditions(self, shape: tuple[int, ...]) -> Mapping[str, ConditionSpec]:
        """What networks are given to tell operators apart, by name; nothing where it is the same for all events."""
        return MappingProxyType({})

    def values(self) -> Condition:
        """The values of :meth:`conditions` of a drawn operator, each (n, *shape)."""
        return {}

    def of_values(self, condition: Condition) -> Operator:
        """The operator that values of :meth:`conditions` tell of, (n, *shape), such as masks; the inverse of
        :meth:`values`. Further names are passed over.

        Raises:
            UsageError: values that tell of none.
        """
        return self
