"""How fast this machine multiplies, measured: one layer of a network on a batch, as a step of training does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["product_seconds", "threads"]

_ROWS, _WIDTH = 1024, 256
_SECONDS, _LEAST = 0.1, 5
"""How long it is repeated, and how often at least; the fastest time is what the machine can do."""


def product_seconds(device: torch.device, dtype: torch.dtype = torch.float32) -> float:
    """Seconds for 1024 rows times a layer of 256, the best of many."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(_ROWS, _WIDTH, generator=generator).to(device, dtype)
    layer = torch.randn(_WIDTH, _WIDTH, generator=generator).to(device, dtype)
    best, until, done = float("inf"), time.perf_counter() + _SECONDS, 0
    while done < _LEAST or time.perf_counter() < until:
        begun = time.perf_counter()
        rows @ layer
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best, done = min(best, time.perf_counter() - begun), done + 1
    return best


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch work with so many threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
