"""Checks of constructor options and call arguments, shared by the components.

A recipe's options are checked against the signature before they get here; these checks are for calls from Python.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from si_core import DataError, UsageError

__all__ = ["choice", "flat", "interval", "needs_generator", "points", "positive", "whole"]


def whole(value: int, name: str, where: str, least: int = 1) -> int:
    """A whole number >= least."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        allowed = f"a whole number >= {least}"
        raise UsageError("must be a whole number", where=f"{where}: {name}", got=repr(value), allowed=allowed)
    return value


def positive(value: float, name: str, where: str) -> float:
    """A finite number > 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise UsageError("must be a positive number", where=f"{where}: {name}", got=repr(value), allowed="a number > 0")
    return float(value)


def choice(value: str, allowed: Sequence[str], name: str, where: str) -> str:
    """One of the allowed words."""
    if value not in allowed:
        raise UsageError("no such choice", where=f"{where}: {name}", got=repr(value), allowed=", ".join(allowed))
    return value


def interval(value: Sequence[float], name: str, where: str) -> tuple[float, float]:
    """Two times ``0 <= start < stop <= 1``."""
    numbers = [t for t in value if isinstance(t, int | float) and not isinstance(t, bool)]
    if len(numbers) != 2 or len(value) != 2 or not 0 <= numbers[0] < numbers[1] <= 1:
        allowed = "two times 0 <= start < stop <= 1"
        raise UsageError("must be a span of times", where=f"{where}: {name}", got=repr(value), allowed=allowed)
    return float(numbers[0]), float(numbers[1])


def points(x: Tensor, shape: tuple[int, ...], where: str, least: int = 1) -> Tensor:
    """x, of shape (B, *shape) with B >= least, in float32 or float64.

    Raises:
        DataError: points of another shape, too few of them, or no floating-point numbers.
    """
    formed = x.ndim > 0 and tuple(x.shape[1:]) == shape and x.is_floating_point()
    if not formed or len(x) < least:
        raise DataError(
            "points that can't be measured" + (": there are too few" if formed else ""),
            where=where,
            got=f"{x.dtype} {tuple(x.shape)}",
            allowed=f"floating point (B, {', '.join(map(str, shape))}) with B >= {least}",
            fix="hold out more rows of the data (its held_out), or give points by `si estimate RUN ... --data FILE`"
            if formed
            else None,
        )
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def flat(x: Tensor) -> Tensor:
    """Events as rows: (B, *event) -> (B, d), with d = 1 for events of shape ()."""
    return x.reshape(len(x), -1)


def needs_generator(generator: torch.Generator | None, where: str) -> torch.Generator:
    """The generator, which must be given."""
    if generator is None:
        raise UsageError(
            "a source of randomness is needed", where=where, fix="pass generator=torch.Generator().manual_seed(0)"
        )
    return generator
