"""Options that several kinds of guidance have."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from si_core import UsageError

__all__ = ["Fraction", "Steer", "checked_fraction", "finite"]

Fraction = Annotated[float, Field(ge=0, le=1)]
"""From 0 to 1."""

Steer = Annotated[float, Field(ge=-1e3, le=1e3)]
"""How much of its part of the tilt a velocity has."""


def checked_fraction(value: float, name: str, where: str) -> float:
    """A number from 0 to 1.

    Raises:
        UsageError: another one.
    """
    if not 0 <= value <= 1:
        raise UsageError(f"{name} is a fraction", where=where, got=repr(value), allowed="0 to 1")
    return float(value)


def finite(value: float, name: str, where: str, above: float = -math.inf) -> float:
    """A finite number above another.

    Raises:
        UsageError: another one.
    """
    if not (math.isfinite(value) and value > above):
        allowed = "a finite number" if above == -math.inf else f"a finite number above {above:g}"
        raise UsageError(name, where=where, got=repr(value), allowed=allowed)
    return float(value)
