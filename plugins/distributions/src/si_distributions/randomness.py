"""Draws from a generator, on the generator's device; the CPU where none is given."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["device_of", "indices", "normal", "uniform"]


def device_of(generator: torch.Generator | None) -> torch.device:
    """Where draws of this generator live."""
    return torch.device("cpu") if generator is None else generator.device


def normal(shape: tuple[int, ...], dtype: torch.dtype, generator: torch.Generator | None) -> Tensor:
    """Standard normal numbers."""
    return torch.randn(shape, dtype=dtype, device=device_of(generator), generator=generator)


def uniform(shape: tuple[int, ...], dtype: torch.dtype, generator: torch.Generator | None) -> Tensor:
    """Uniform numbers in [0, 1)."""
    return torch.rand(shape, dtype=dtype, device=device_of(generator), generator=generator)


def indices(n: int, size: int, generator: torch.Generator | None) -> Tensor:
    """n indices in [0, size), uniform with replacement, int64."""
    return torch.randint(size, (n,), device=device_of(generator), generator=generator)
