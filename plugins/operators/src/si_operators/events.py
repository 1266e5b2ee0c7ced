"""What operators need of events: which axes are those of a picture, and arrays from files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from si_core import DataError, UsageError
from si_core.public.storage import load_array

__all__ = ["array_of", "digest", "known_shape", "sides"]


def sides(shape: tuple[int, ...], where: str) -> tuple[int, ...]:
    """The sides of the picture in an event: (H, W) of (H, W) and (C, H, W), (n,) of (n,); channels come first.

    Raises:
        UsageError: events that are numbers.
    """
    if not shape:
        raise UsageError("events are numbers, and have no sides", where=where, allowed="events (n,), (H, W), (C, H, W)")
    return tuple(shape) if len(shape) < 3 else tuple(shape[1:])


def known_shape(x: Tensor, shape: tuple[int, ...], what: str, where: str) -> Tensor:
    """x, whose rows must have a shape.

    Raises:
        UsageError: they have another.
    """
    if x.ndim == 0 or tuple(x.shape[1:]) != tuple(shape):
        raise UsageError(f"{what} have another shape", where=where, got=str(tuple(x.shape)), allowed=f"(B, *{shape})")
    return x


def array_of(path: Path, where: str) -> Tensor:
    """The numbers of a .npy file in float64.

    Raises:
        DataError: no such file, or no finite real numbers.
    """
    array = load_array(path, DataError, f"{where} needs an array that numpy.save wrote")
    if array.dtype.kind not in "biuf":
        raise DataError("real numbers are needed", where=str(path), got=str(array.dtype), allowed="numbers")
    found = torch.from_numpy(np.array(array, dtype=np.float64))
    if not bool(torch.isfinite(found).all()):
        raise DataError("all numbers must be finite", where=str(path), got="infinite or missing numbers")
    return found


def digest(values: Tensor) -> str:
    """SHA-256 of an array."""
    return hashlib.sha256(f"{tuple(values.shape)}".encode() + values.numpy().tobytes()).hexdigest()
