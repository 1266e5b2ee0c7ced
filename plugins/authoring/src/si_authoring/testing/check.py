"""Checks: properties that every component of a kind has, each with a name, a claim, and what was measured.

A check is a function of the component whose docstring states the claim. It returns what it measured, or raises
:class:`Violation` in words that name the mistake, or :class:`NotApplicable` where the claim says nothing of it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["Check", "Deviations", "Measured", "NotApplicable", "Violation", "check"]


@dataclass(frozen=True)
class Measured:
    """The largest deviation from what is claimed.

    Args:
        deviation: how far off.
        allowed: how far off it may be, from theory.
        where: the inputs at which it was largest.
    """

    deviation: float
    allowed: float
    where: str = ""


class Violation(Exception):
    """The component breaks a claim.

    Args:
        problem: what is wrong, in words that name the mistake.
        measured: the largest deviation, where a number says it.
    """

    def __init__(self, problem: str, measured: Measured | None = None) -> None:
        super().__init__(problem)
        self.problem, self.measured = problem, measured


class NotApplicable(Exception):
    """The claim says nothing of this component, or can't be looked at here; the message says why."""


@dataclass(frozen=True)
class Check:
    """A property of every component of a kind.

    Args:
        name: lower-case words joined by hyphens.
        claim: what must hold, in one sentence.
        run: takes the component and returns what was measured, or None where there is no number to it.
    """

    name: str
    claim: str
    run: Callable[[Any], Measured | None]


def check(function: Callable[[Any], Measured | None]) -> Check:
    """Make a check of a function: named as it is, and claiming the first paragraph of its docstring."""
    claim = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
    return Check(function.__name__.replace("_", "-"), claim, function)


class Deviations:
    """Comparisons of one check, of which the worst beside what is allowed is kept.

    Args:
        problem: what a deviation that is too large means, in words that name the mistake.
    """

    def __init__(self, problem: str) -> None:
        self._problem = problem
        self._worst: Measured | None = None

    def close(self, got: Tensor | float, expected: Tensor | float, allowed: float, where: str = "") -> None:
        """Compare entry by entry; a value that is not finite is infinitely far off.

        Args:
            got: what the component gives.
            expected: what it should give, of a shape that broadcasts.
            allowed: the largest absolute difference.
            where: the inputs.
        """
        difference = (torch.as_tensor(got) - torch.as_tensor(expected)).abs().double()
        if difference.numel() == 0:
            return
        finite = torch.where(torch.isfinite(difference), difference, torch.inf)
        self.add(Measured(float(finite.max()), allowed, where))

    def add(self, measured: Measured) -> None:
        """Keep a comparison if it is the worst."""
        if self._worst is None or _badness(measured) > _badness(self._worst):
            self._worst = measured

    def result(self) -> Measured | None:
        """The worst comparison, None if there was none.

        Raises:
            Violation: it deviates by more than is allowed.
        """
        worst = self._worst
        if worst is not None and not worst.deviation <= worst.allowed:
            raise Violation(self._problem, worst)
        return worst


def _badness(measured: Measured) -> float:
    if math.isnan(measured.deviation):
        return math.inf
    return measured.deviation / max(measured.allowed, 1e-300)
