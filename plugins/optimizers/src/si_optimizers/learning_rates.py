"""Learning rates over the steps: a linear warm-up from zero, then a function of the steps that remain.

In step n of N, counted from 0, with W steps of warm-up the factor is ``(n + 1) / W`` while n < W; after that, with
``d = n - W`` steps done,

- ``constant``: 1;
- ``cosine``: ``final + (1 - final) (1 + cos(pi d / (N - W))) / 2`` (arXiv:1608.03983, without restarts);
- ``step``: ``factor ** floor(d / every)``;
- ``inverse-square-root``: ``1 / sqrt(max(d / reference, 1))`` (arXiv:2312.02696).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated

from pydantic import Field

from si_core import Largest, LearningRate

__all__ = ["Constant", "Cosine", "InverseSquareRoot", "Step"]

Steps = Annotated[int, Field(ge=0, le=Largest.EVENTS)]


class _WarmedUp(LearningRate):
    """A learning rate that grows linearly from zero for some steps, and then follows a function of its own."""

    def __init__(self, warmup: Steps = 0) -> None:
        self.warmup = warmup

    def factor(self, step: int, steps: int) -> float:
        """What the optimizer's learning rate is multiplied by in a step."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        return self.after(step - self.warmup, max(steps - self.warmup, 1))

    @abstractmethod
    def after(self, done: int, whole: int) -> float:
        """The factor when ``done`` of the ``whole`` steps after the warm-up are done."""


class Constant(_WarmedUp):
    """The learning rate as it is, after a linear warm-up.

    Args:
        warmup: steps of linear growth from zero.
    """

    def after(self, done: int, whole: int) -> float:
        """Always 1."""
        return 1.0


class Cosine(_WarmedUp):
    """Half a cosine from the learning rate down to ``final`` times it at the last step (arXiv:1608.03983).

    Args:
        warmup: steps of linear growth from zero.
        final: fraction of the learning rate left at the end.
    """

    def __init__(self, warmup: Steps = 0, final: Annotated[float, Field(ge=0, le=1)] = 0.0) -> None:
        super().__init__(warmup)
        self.final = final

    def after(self, done: int, whole: int) -> float:
        """Half a cosine over the steps."""
        wave = 0.5 * (1 + math.cos(math.pi * min(done / whole, 1.0)))
        return self.final + (1 - self.final) * wave


class Step(_WarmedUp):
    """The learning rate times ``factor`` after each ``every`` steps.

    Args:
        warmup: steps of linear growth from zero.
        every: steps between two changes.
        factor: what the learning rate is multiplied by.
    """

    def __init__(
        self,
        warmup: Steps = 0,
        every: Annotated[int, Field(ge=1, le=Largest.EVENTS)] = 1000,
        factor: Annotated[float, Field(gt=0, le=1)] = 0.5,
    ) -> None:
        super().__init__(warmup)
        self.every, self.by = every, factor

    def after(self, done: int, whole: int) -> float:
        """A power of the factor."""
        return float(self.by ** (done // self.every))


class InverseSquareRoot(_WarmedUp):
    """The learning rate for some steps, then one that falls like the inverse square root of the steps done.

    It knows no end: a run of more steps goes the same way (arXiv:2312.02696, there with a warm-up that
    counts among the steps done).

    Args:
        warmup: steps of linear growth from zero.
        reference: steps after the warm-up until it begins to fall.
    """

    def __init__(self, warmup: Steps = 0, reference: Annotated[int, Field(ge=1, le=Largest.EVENTS)] = 1000) -> None:
        super().__init__(warmup)
        self.reference = reference

    def after(self, done: int, whole: int) -> float:
        """1, and later the root of ``reference / done``."""
        return 1.0 if done <= self.reference else math.sqrt(self.reference / done)
