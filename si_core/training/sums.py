"""Sums of what training measures, between two records of ``metrics.jsonl``."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Sums"]


@dataclass
class Sums:
    """Sums of the losses and of the gradient norm since the last record.

    Args:
        count: steps.
        losses: one for each objective; None before the first step.
        norm: of the gradient.
    """

    count: int = 0
    losses: list[float] | None = None
    norm: float = 0.0

    def add(self, losses: list[float], norm: float) -> None:
        """Add those of a step."""
        self.losses = losses if self.losses is None else [a + b for a, b in zip(self.losses, losses, strict=True)]
        self.count, self.norm = self.count + 1, self.norm + norm

    def means(self) -> tuple[list[float], float]:
        """Over the steps, one at least: of each loss, and of the norm."""
        return [total / self.count for total in self.losses or ()], self.norm / self.count

    def plain(self) -> dict[str, Any]:
        """As plain data of a checkpoint."""
        return asdict(self)

    @classmethod
    def of_plain(cls, plain: Any, losses: int) -> Sums:
        """What :meth:`plain` gave, of so many losses.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        count, sums, norm = plain["count"], plain["losses"], plain["norm"]
        if type(count) is not int or count < 0 or (count > 0) != (sums is not None):
            raise ValueError(f"sums of {count!r} steps")
        if sums is not None and len(sums) != losses:
            raise ValueError(f"{len(sums)} losses in place of {losses}")
        if not all(type(value) in (int, float) and math.isfinite(value) for value in [norm, *(sums or ())]):
            raise ValueError("sums that are no finite numbers")
        return cls(count, sums, norm)
