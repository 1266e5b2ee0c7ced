"""Bounds of the entries of an event: an interval, and the numbers without bounds that stand for its points.

    ``(a, b)``:    ``y = a + (b - a) sigmoid(u)``,    ``u = log(y - a) - log(b - y)``
    ``(a, inf)``:  ``y = a + exp(u)``,                ``u = log(y - a)``
    ``(-inf, b)``: ``y = b - exp(-u)``,               ``u = -log(b - y)``
    ``(-inf, inf)``: ``y = u``

Each grows with u. A density of u is one of y by ``log p(y) = log p(u) - log dy/du``, so what is learned without bounds
lies within them and integrates to 1 there. Of y uniform on an interval u is logistic, of variance ``pi^2/3``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from si_core.errors import DataError

__all__ = ["Bounds"]


@dataclass(frozen=True, eq=False)
class Bounds:
    """The interval of each entry.

    Args:
        lower: broadcasts to the event, minus infinity for none; kept in float64.
        upper: broadcasts to the event, infinity for none; kept in float64.

    Raises:
        DataError: no numbers, or bounds with nothing between them.
    """

    lower: Tensor
    upper: Tensor

    def __post_init__(self) -> None:
        lower, upper = (torch.as_tensor(end, dtype=torch.float64).detach().cpu() for end in (self.lower, self.upper))
        lower, upper = torch.broadcast_tensors(lower, upper)  # type: ignore[no-untyped-call]
        object.__setattr__(self, "lower", lower.contiguous())
        object.__setattr__(self, "upper", upper.contiguous())
        # Of an interval whose ends have no number between them nothing is left.
        empty = ~(torch.nextafter(lower, upper) < upper)
        if bool(empty.any()):
            got = f"({float(lower[empty][0]):g}, {float(upper[empty][0]):g})"
            raise DataError("bounds of an entry", got=got, allowed="a lower one below the upper one; infinite for none")

    def inside(self, y: Tensor) -> Tensor:
        """Which events (B, *shape) lie strictly within the bounds, shape (B,)."""
        lower, upper = self._on(y)
        return ((y > lower) & (y < upper)).flatten(1).all(1)

    def free(self, y: Tensor) -> Tensor:
        """u of points y strictly within the bounds, in the dtype of y."""
        lower, upper = self._on(y)
        above, below = (y - lower).log(), (upper - y).log()
        both, low, high = self._which(y)
        return torch.where(both, above - below, torch.where(low, above, torch.where(high, -below, y)))

    def bounded(self, u: Tensor) -> Tensor:
        """y of numbers u, in the dtype of u: strictly within the bounds, however far out u is."""
        lower, upper = self._on(u)
        both, low, high = self._which(u)
        # Where a bound is infinite its formula is not asked for, and must not make NaN.
        a, width = torch.where(lower.isinf(), 0, lower), torch.where(both, upper - lower, 1)
        b = torch.where(upper.isinf(), 0, upper)
        y = torch.where(
            both, a + width * u.sigmoid(), torch.where(low, a + u.exp(), torch.where(high, b - (-u).exp(), u))
        )
        return torch.minimum(torch.maximum(y, torch.nextafter(lower, upper)), torch.nextafter(upper, lower))

    def log_derivative(self, u: Tensor) -> Tensor:
        """``log dy/du``, entry by entry."""
        lower, upper = self._on(u)
        both, low, high = self._which(u)
        width = torch.where(both, upper - lower, 1)
        of_both = width.log() + F.logsigmoid(u) + F.logsigmoid(-u)
        return torch.where(both, of_both, torch.where(low, u, torch.where(high, -u, 0)))

    def _on(self, y: Tensor) -> tuple[Tensor, Tensor]:
        return self.lower.to(y), self.upper.to(y)

    def _which(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Which entries have both bounds, the lower one alone, the upper one alone."""
        low, high = (end.isfinite().to(y.device) for end in (self.lower, self.upper))
        return low & high, low & ~high, high & ~low

    def plain(self) -> dict[str, Any]:
        """The bounds as plain data, exact: None for an infinite one."""
        return {"lower": _plain(self.lower.tolist()), "upper": _plain(self.upper.tolist())}

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Bounds:
        """The bounds that :meth:`plain` wrote.

        Raises:
            DataError: as for the class.
            KeyError, TypeError, ValueError: it is none.
        """
        ends = (_numbers(plain["lower"], -torch.inf), _numbers(plain["upper"], torch.inf))
        return cls(*(torch.tensor(end, dtype=torch.float64) for end in ends))


def _plain(entry: Any) -> Any:
    if isinstance(entry, list):
        return [_plain(part) for part in entry]
    return None if abs(entry) == torch.inf else entry


def _numbers(entry: Any, none: float) -> Any:
    if isinstance(entry, Sequence) and not isinstance(entry, str):
        return [_numbers(part, none) for part in entry]
    return none if entry is None else entry
