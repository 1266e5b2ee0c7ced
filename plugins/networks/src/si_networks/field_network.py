"""What every network of fields is: given ``(t, x)`` and conditions, one field of the event shape for each head."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from si_core import Condition, ConditionSpec, UsageError, check_condition

__all__ = ["FieldNetwork"]


class FieldNetwork(nn.Module, ABC):
    """A network that holds what it is given to what it was built for; a subclass writes :meth:`outputs`.

    Args:
        shape: the event shape.
        heads: the number of fields predicted, or None for one without an axis of heads.
        conditions: what it is given beside, by name.
    """

    name: ClassVar[str]
    """Of the network, for errors."""

    def __init__(
        self, shape: tuple[int, ...], heads: int | None, conditions: Mapping[str, ConditionSpec] | None
    ) -> None:
        super().__init__()
        self.shape, self.heads, self.conditions = tuple(shape), heads, dict(conditions or {})

    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None, s: Tensor | None = None) -> Tensor:
        """The fields at ``(t, x)``.

        Args:
            t: times in [0, 1], shape (B,), or () for one time of all states.
            x: states, shape (B, *event).
            condition: by name, shape (B, *shape), or (1, *shape) for one value of all states. A label of -1 and values
                of NaN stand for a condition that is left out, which is learned where training leaves it out.
            s: second times, shaped as t, of a network of two times; None for s = t.

        Returns:
            shape (B, *event), or (B, heads, *event) where ``heads`` was given.

        Raises:
            UsageError: states or times of another shape, or conditions that are missing, unknown or misshaped.
        """
        self.check(x, condition)
        return self.events(self.outputs(t, x, condition, s))

    @abstractmethod
    def outputs(self, t: Tensor, x: Tensor, condition: Condition | None, s: Tensor | None) -> Tensor:
        """What :meth:`forward` gives, as (B, heads * size), or in any shape of that order; what is given is checked."""

    def check(self, x: Tensor, condition: Condition | None) -> None:
        """Refuse states and conditions of another shape than the network was built for.

        Raises:
            UsageError: with what is due.
        """
        if x.ndim == 0 or x.shape[1:] != self.shape:
            raise UsageError(
                "states of another shape than the network was built for",
                where=self.name,
                got=f"x {tuple(x.shape)}",
                allowed=f"(B, {', '.join(map(str, self.shape))})",
            )
        if self.conditions or condition:
            check_condition(self.conditions, condition, len(x), self.name)

    def events(self, output: Tensor) -> Tensor:
        """Outputs as (B, *event), or (B, heads, *event) where there is an axis of heads."""
        return output.reshape(len(output), *(() if self.heads is None else (self.heads,)), *self.shape)
