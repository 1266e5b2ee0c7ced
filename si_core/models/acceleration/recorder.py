"""Recorders: what records work of a device and repeats it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import torch

from si_core.contract.data import Trajectory

__all__ = ["Recorder", "Repeat"]


class Repeat(Protocol):
    """Recorded work."""

    def replay(self) -> None:
        """Do the work again on the same memory; the generator goes on as if the work had drawn from it."""

    def close(self) -> None:
        """Give back what the recording holds."""


class Recorder(Protocol):
    """Records work of a device; that of CUDA is :class:`~si_core.models.acceleration.cuda.CudaRecorder`."""

    def records(self, device: torch.device) -> bool:
        """Whether work of this device can be recorded at all."""

    def watched(self) -> AbstractContextManager[None]:
        """A context in which work that waits for the device, and so can't be recorded, raises a RuntimeError."""

    def record(
        self, work: Callable[[], Trajectory], device: torch.device, generator: torch.Generator | None
    ) -> tuple[Repeat, Trajectory]:
        """Record some work.

        Args:
            work: what to record; it draws from the generator alone.
            device: where it is done.
            generator: the generator that replays draw from; its state is undefined afterwards.

        Returns:
            The recording, and the result of the work, whose memory each replay fills anew.

        Raises:
            RuntimeError: the work can't be recorded; the current stream is as before.
        """
