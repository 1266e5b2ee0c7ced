"""Whether this process works together with others now: they meet once, and one may turn to a work of its own."""

from __future__ import annotations

import atexit
import datetime
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
import torch.distributed

from si_core.contract.processes import Processes
from si_core.errors import UsageError, one_line

__all__ = ["alone", "failing_together", "is_alone", "join", "signals_explained", "together"]

distributed: Any = torch.distributed
"""Most of it has no types."""

TIMEOUT = "SI_PROCESS_TIMEOUT"
"""The variable of the environment with the seconds that one process waits for the others in an exchange."""

_SECONDS = 1800.0
"""Unless the variable says otherwise: one of them may sample, estimate or draw pictures while the others wait."""

_joined: Processes | None = None
_apart = 0


def together() -> Processes | None:
    """The processes that this one works with now; None where it works alone."""
    return None if _apart else _joined


def is_alone() -> bool:
    """Whether this process works by itself now, whatever their number."""
    return _apart > 0


@contextmanager
def alone() -> Iterator[None]:
    """Inside, this process works by itself: on a part of what is shared, or on what one process does for all."""
    global _apart
    _apart += 1
    try:
        yield
    finally:
        _apart -= 1


def failing_together(processes: Processes | None) -> AbstractContextManager[None]:
    """:meth:`Processes.failing_together`; nothing for a process that works alone."""
    return nullcontext() if processes is None else processes.failing_together()


def signals_explained(processes: Processes | None) -> AbstractContextManager[None]:
    """:meth:`Processes.signals_explained`; nothing for a process that works alone."""
    return nullcontext() if processes is None else processes.signals_explained()


def join(rank: int, world: int, device: torch.device) -> Processes:
    """Meet the other processes, once; later calls give the same.

    Raises:
        UsageError: they don't come together.
    """
    global _joined
    if _joined is None:
        seconds = _seconds()
        waited = datetime.timedelta(seconds=seconds)
        try:
            if not distributed.is_initialized():
                meeting, _, _ = next(iter(distributed.rendezvous("env://", rank, world, timeout=waited)))
                backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
                torch_store = distributed.PrefixStore("torch", meeting)
                distributed.init_process_group(backend, timeout=waited, world_size=world, rank=rank, store=torch_store)
                atexit.register(_leave)
                store = distributed.PrefixStore("si", meeting)
            else:
                store = distributed.PrefixStore("si", distributed.HashStore())
        except (RuntimeError, ValueError) as error:
            raise UsageError(
                "the processes don't come together",
                where=f"process {rank} of {world}",
                got=one_line(error, 500),
                fix="start all of them by one torchrun, or this one without it",
            ) from error
        _joined = Processes(rank, world, device, store)
    return _joined


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _seconds() -> float:
    text = os.environ.get(TIMEOUT, "").strip()
    try:
        seconds = float(text or _SECONDS)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e7:
        raise UsageError("seconds to wait for other processes", where=TIMEOUT, got=text, allowed="a number above 0")
    return seconds
