"""Processes that work together on one thing, as torchrun starts them.

What they do is the same function of recipe and seed whatever their number; they share its work, and process 0 alone
writes. A failure of one ends all: whoever fails says so, once, and leaves the cause where the others find it when they
miss it in the next exchange. Whoever is gone without a word is named by those who are left.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed
from torch import Tensor

from si_core.contract.left_words import LeftWords
from si_core.errors import NumericsError, SIError, one_line

__all__ = ["LostProcess", "Processes"]

Value = TypeVar("Value")

distributed: Any = torch.distributed
"""Most of it has no types."""

_GRACE = 3.0
"""Seconds that processes wait for the word of one that failed."""


_OF_EXCHANGES = ("gloo", "NCCL", "c10d", "ProcessGroup", "Connection closed")
"""Words of errors in exchanges that torch carries out by itself, as for weights that are spread over the processes."""


class LostProcess(NumericsError):
    """Another of the processes has ended, and so does this one.

    Attributes:
        told: whether another process says why, so that this one need not.
    """

    told: bool = False


class Processes:
    """The processes that work together, seen from one of them.

    Args:
        rank: the number of this one, from 0.
        world: how many they are.
        device: where the tensors of this one are.
        store: where they leave words for each other.
    """

    def __init__(self, rank: int, world: int, device: torch.device, store: Any) -> None:
        self.rank, self.world, self.device, self._words = rank, world, device, LeftWords(store)
        self._names = [f"process {index} of {world}" for index in range(world)]
        self._places = self.exchange((socket.gethostname(), os.getpid()))
        self._names = [f"{self._names[index]}, pid {pid} on {host}" for index, (host, pid) in enumerate(self._places)]

    @property
    def leads(self) -> bool:
        """Whether this is process 0, which writes, and speaks for all."""
        return self.rank == 0

    @property
    def names(self) -> tuple[str, ...]:
        """The processes in messages, by rank: number, pid and host."""
        return tuple(self._names)

    def add_up(self, values: Tensor) -> Tensor:
        """The sums over all processes, in place of the values of this one; the same bits on each.

        Raises:
            LostProcess: one of them has ended.
        """
        self._together(lambda: distributed.all_reduce(values))
        return values

    def exchange(self, value: Value) -> list[Value]:
        """The values of all processes, by rank.

        Raises:
            LostProcess: one of them has ended.
        """
        values: list[Any] = [None] * self.world
        self._together(lambda: distributed.all_gather_object(values, value))
        return values

    def of_leader(self, value: Value) -> Value:
        """The value of process 0; those of the others are not looked at.

        Raises:
            LostProcess: one of them has ended.
        """
        values: list[Any] = [value if self.leads else None]
        self._together(lambda: distributed.broadcast_object_list(values, src=0, device=torch.device("cpu")))
        return values[0]  # type: ignore[no-any-return]

    def copy_of_leader(self, values: Tensor) -> Tensor:
        """The numbers of process 0's tensor, in place of those of this one.

        Raises:
            LostProcess: one of them has ended.
        """
        self._together(lambda: distributed.broadcast(values, src=0))
        return values

    def meet(self) -> None:
        """Wait until all are here.

        Raises:
            LostProcess: one of them has ended.
        """
        self.exchange(None)

    @contextmanager
    def failing_together(self) -> Iterator[None]:
        """Inside, an error of this process ends the others, and is told once.

        Raises:
            LostProcess: another one failed, with its words.
        """
        self._words.here(self.rank)
        try:
            yield
        except LostProcess:
            raise
        except KeyboardInterrupt as interrupt:
            if hasattr(interrupt, "told"):
                raise
            with self.signals_explained():
                raise
        except BaseException as error:
            if isinstance(error, RuntimeError) and any(word in str(error) for word in _OF_EXCHANGES):
                raise self._missing() from error
            said = str(error) if isinstance(error, SIError) else one_line(error)
            first = self._words.leave(f"{self._names[self.rank]}: {said}")
            error.told = not first  # type: ignore[attr-defined]
            if first:
                error.add_note(f"this was {self._names[self.rank]}; it ends the others as well")
            raise
        else:
            self._words.leaves(self.rank)

    @contextmanager
    def signals_explained(self) -> Iterator[None]:
        """Inside, a signal that torchrun sends as another process has ended becomes the error of that.

        Raises:
            LostProcess: another process failed, or is gone.
            KeyboardInterrupt: the signal meant all of them.
        """
        try:
            yield
        except KeyboardInterrupt as interrupt:
            try:
                lost = self._reason_of_signal()
            except KeyboardInterrupt:  # another one, within a second: whoever sends it wants an end
                lost = None
            if lost is not None:
                raise lost from None
            interrupt.told = not self.leads  # type: ignore[attr-defined]
            raise

    def _together(self, collective: Callable[[], object]) -> None:
        """Carry out an exchange with the others."""
        try:
            collective()
        except RuntimeError as error:  # of every backend, where a connection is closed or nobody answers in time
            raise self._missing() from error

    def _missing(self) -> LostProcess:
        """What is known of whoever was missed."""
        self._words.leaves(self.rank)
        cause = self._words.cause(_GRACE)
        if cause is not None:
            return self._lost(cause, told=True)
        return self._silent([rank for rank in range(self.world) if self._unseen(rank)])

    def _reason_of_signal(self) -> LostProcess | None:
        """What ended another process, where a signal came for that."""
        self._words.leaves(self.rank)
        cause = self._words.cause(0.5)
        if cause is not None:
            return self._lost(cause, told=True)
        vanished = self._vanished()
        return self._silent(vanished) if vanished else None

    def _unseen(self, rank: int) -> bool:
        """Whether another process has not said that it leaves."""
        return rank != self.rank and not self._words.has_left(rank)

    def _vanished(self) -> list[int]:
        """The processes of this machine that are gone and have said nothing, as one does that the system kills."""
        host, _ = self._places[self.rank]
        return [
            rank
            for rank, (where, pid) in enumerate(self._places)
            if where == host and _gone(pid) and self._unseen(rank)
        ]

    def _silent(self, ranks: list[int]) -> LostProcess:
        """The error of processes that left no word."""
        gone = "; ".join(self._names[rank] for rank in ranks) or "a process"
        silent = f"{gone}: gone, or without an answer, and left no word"
        first = self._words.leave(silent)
        return self._lost(silent, told=not first)

    def _lost(self, cause: str, told: bool) -> LostProcess:
        lost = LostProcess(
            f"another of the {self.world} processes has ended, so all do",
            where=cause,
            fix="mend what ended it (for want of memory: smaller batches, more processes), then go on: "
            "`si run --resume`, or the same `si sample`",
        )
        lost.told = told
        return lost


def _gone(pid: int) -> bool:
    """Whether there is no process of this number on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
