"""Checks of constructor options and call arguments, shared by the components.

A recipe's options are checked against the signature before they get here; these checks are for calls from Python and
for conditions that a type can't state.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from si_core import UsageError

__all__ = ["Precision", "Workers", "event_rows", "fraction", "numbers", "positive", "precision", "whole"]

Precision = Literal["float32", "float64"]
Workers = Annotated[int, Field(ge=0, le=64)]
"""Threads that read the rows of later steps: each holds those of one step."""

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


def precision(name: str, where: str) -> torch.dtype:
    """The torch dtype of draws named ``float32`` or ``float64``."""
    if name not in _DTYPES:
        raise UsageError("unknown dtype of draws", where=f"{where}: dtype", got=repr(name), allowed=", ".join(_DTYPES))
    return _DTYPES[name]


def positive(value: float, name: str, where: str) -> float:
    """A finite number > 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise UsageError("must be a positive number", where=f"{where}: {name}", got=repr(value), allowed="a number > 0")
    return float(value)


def fraction(value: float, name: str, where: str) -> float:
    """A number in [0, 1)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise UsageError("must be a fraction", where=f"{where}: {name}", got=repr(value), allowed="a number in [0, 1)")
    return float(value)


def whole(value: int, name: str, where: str, least: int) -> int:
    """A whole number >= least."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        allowed = f"a whole number >= {least}"
        raise UsageError("must be a whole number", where=f"{where}: {name}", got=repr(value), allowed=allowed)
    return value


def numbers(value: Any, name: str, where: str) -> Tensor:
    """Finite numbers as a float64 tensor on the CPU; nested lists must be rectangular."""
    try:
        found = torch.as_tensor(value, dtype=torch.float64, device="cpu").detach().clone()
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError(
            "not a rectangular list of numbers", where=f"{where}: {name}", got=_short(value), allowed="numbers"
        ) from error
    if not bool(torch.isfinite(found).all()):
        raise UsageError("all numbers must be finite", where=f"{where}: {name}", got=_short(value))
    return found


def event_rows(x: Tensor, shape: tuple[int, ...], where: str) -> Tensor:
    """x (B, *shape) flattened to (B, d)."""
    if x.ndim == 0 or tuple(x.shape[1:]) != shape or not x.is_floating_point():
        allowed = f"floating point, (B, {', '.join(map(str, shape))})"
        raise UsageError("points of another shape", where=where, got=f"{x.dtype} {tuple(x.shape)}", allowed=allowed)
    return x.flatten(1)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
