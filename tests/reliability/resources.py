"""What a process holds: memory, open files, threads, temporary files, tensors; counted by Linux."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

__all__ = ["Held", "Measured", "counts", "held", "measured"]

OWN = Path("/proc/self")
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True)
class Held:
    """At one moment, after a collection of garbage.

    Args:
        memory: resident, in KiB.
        files: open descriptors.
        threads: those of Python and of libraries.
        temporary: names in the folder of temporary files.
        tensors: that are alive.
    """

    memory: float
    files: int
    threads: int
    temporary: int
    tensors: int


def held() -> Held:
    """What this process holds now."""
    gc.collect()
    memory = int((OWN / "statm").read_text().split()[1]) * _PAGE / 1024
    temporary = len(os.listdir(tempfile.gettempdir()))
    tensors = sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())
    files, threads = len(os.listdir(OWN / "fd")), len(os.listdir(OWN / "task"))
    return Held(memory, files, max(threads, threading.active_count()), temporary, tensors)


def counts(state: Held) -> tuple[int, int, int, int]:
    """All that is counted, without memory."""
    return state.files, state.threads, state.temporary, state.tensors


@dataclass(frozen=True)
class Measured:
    """What was held while something was done again and again.

    Args:
        calls: how often.
        quarters: medians of what was held, of each quarter of the calls.
    """

    calls: int
    quarters: tuple[Held, ...]

    @property
    def per_call(self) -> float:
        """KiB that memory grows by in a call of the second half: a median is that of the middle of its quarter."""
        return (self.quarters[3].memory - self.quarters[2].memory) / max(self.calls / 4, 1)

    def __str__(self) -> str:
        memory = " ".join(f"{quarter.memory / 1024:.1f}" for quarter in self.quarters)
        first, last = counts(self.quarters[0]), counts(self.quarters[3])
        return f"{self.calls} calls, {memory} MiB, {self.per_call:+.3f} KiB a call; {first} -> {last}"


def measured(act: Callable[[int], object], seconds: float, every: int = 5, fewest: int = 40) -> Measured:
    """Do something again and again.

    Args:
        act: what, given the number of the call.
        seconds: for how long.
        every: after how many calls to look.
        fewest: calls, however long they take.
    """
    found: list[Held] = []
    began, number = time.monotonic(), 0
    while number < fewest or time.monotonic() - began < seconds:
        act(number)
        number += 1
        if number % every == 0:
            found.append(held())
    size = max(len(found) // 4, 1)
    parts = [found[i * size : (i + 1) * size] or found[-1:] for i in range(4)]
    return Measured(number, tuple(map(_median, parts)))


def _median(states: list[Held]) -> Held:
    return Held(**{name: median(getattr(state, name) for state in states) for name in Held.__dataclass_fields__})
