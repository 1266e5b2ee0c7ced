"""Interleaved timing: things that are compared are run in turn, so that what disturbs the machine disturbs all alike.

The figure for one thing is the median over many short repetitions, with the quartiles; the figure for a difference is
the median of the differences within a repetition, which a slow minute of the machine leaves alone.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

__all__ = ["Spread", "interleaved", "spread", "threads"]


@dataclass(frozen=True)
class Spread:
    """Median and quartiles, in seconds."""

    median: float
    lower: float
    upper: float


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles of measurements in seconds."""
    lower, median, upper = torch.tensor(values, dtype=torch.float64).quantile(
        torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
    )
    return Spread(float(median), float(lower), float(upper))


def interleaved(work: Mapping[str, Callable[[], object]], repetitions: int, warmup: int = 3) -> dict[str, list[float]]:
    """Seconds of each piece of work in each repetition, in the order of the repetitions.

    Args:
        work: what to run, by name; the order changes from one repetition to the next.
        repetitions: how often each is timed.
        warmup: how often each is run before.
    """
    names = list(work)
    for _ in range(warmup):
        for name in names:
            work[name]()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for repetition in range(repetitions):
            shift = repetition % len(names)
            for name in names[shift:] + names[:shift]:
                begin = time.perf_counter()
                work[name]()
                seconds[name].append(time.perf_counter() - begin)
    finally:
        if enabled:
            gc.enable()
    return seconds


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Run with this many threads inside a torch operation."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
