"""Observations that people give: numbers, or a file of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from si_core import DataError, UsageError
from si_core.public.storage import load_array

__all__ = ["read_observation"]


def read_observation(given: Any, where: str) -> Tensor:
    """An observation as it is given, float64 on the CPU.

    Args:
        given: a path of a .npy file, numbers, an array or a tensor.
        where: who asks, for errors.

    Raises:
        DataError: no file, or no finite real numbers.
        UsageError: what is no observation.
    """
    if isinstance(given, str | Path):
        where, given = str(given), load_array(given, DataError, "numpy.save(path, observation)")
    try:
        values = torch.as_tensor(given).detach()
        if values.is_complex():
            raise TypeError("no real numbers")
        values = values.to("cpu", torch.float64).clone()
    except (TypeError, ValueError, RuntimeError) as error:
        got = str(getattr(given, "dtype", type(given).__name__))
        raise UsageError("an observation is made of real numbers", where=where, got=got) from error
    if not values.numel() or not bool(torch.isfinite(values).all()):
        raise DataError("an observation is made of finite numbers", where=where, got=f"shape {tuple(values.shape)}")
    return values
