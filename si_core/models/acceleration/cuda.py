"""CUDA graphs: all kernels of a loop as one object, which is launched at once.

The kernels are those that the loop launches, with the same arguments, so that a replay gives the same numbers; that of
a random draw reads seed and offset from memory, which a replay sets from the state of the registered generator.

A capture that fails leaves torch's allocator in a state of its own (:meth:`record` says how it is contained), so what
would make it fail is found before, by running the work where torch refuses to wait for the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch

from si_core.contract.data import Trajectory
from si_core.models.acceleration.recorder import Repeat

__all__ = ["CudaRecorder"]


class _CudaRepeat:
    def __init__(self, graph: torch.cuda.CUDAGraph, device: torch.device) -> None:
        self._graph, self._device = graph, device

    def replay(self) -> None:
        self._graph.replay()

    def close(self) -> None:
        # Its memory may be given to others now: a replay under way must be over.
        torch.cuda.synchronize(self._device)
        self._graph.reset()


class CudaRecorder:
    """Records into CUDA graphs. Graphs of a device share their memory: one of them is replayed at a time."""

    def __init__(self) -> None:
        self._streams: dict[torch.device, torch.cuda.Stream] = {}
        self._pools: dict[torch.device, Any] = {}
        self._failed: list[torch.cuda.CUDAGraph] = []

    def records(self, device: torch.device) -> bool:
        """Whether it is a CUDA device."""
        return device.type == "cuda"

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Refuse to wait for the device."""
        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(before)

    def record(
        self, work: Callable[[], Trajectory], device: torch.device, generator: torch.Generator | None
    ) -> tuple[Repeat, Trajectory]:
        """Capture a graph; see :meth:`Recorder.record`."""
        graph = torch.cuda.CUDAGraph()
        if generator is not None:
            graph.register_generator_state(generator)
        if device not in self._streams:
            self._streams[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        if device not in self._pools:
            self._pools[device] = torch.cuda.graph_pool_handle()
        stream, current = self._streams[device], torch.cuda.current_stream(device)
        # While it captures the allocator can't take back what it has cached.
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
        stream.wait_stream(current)
        try:
            # torch.cuda.graph does not leave its stream where the end of the capture raises; these two do.
            with torch.cuda.device(device), torch.cuda.stream(stream):
                graph.capture_begin(pool=self._pools[device], capture_error_mode="thread_local")
                try:
                    result = work()
                except BaseException:
                    with suppress(RuntimeError):
                        graph.capture_end()
                    raise
                graph.capture_end()
        except BaseException:
            # The allocator still asks the failed graph and believes its pool in use: keep the one, leave the other.
            self._failed.append(graph)
            del self._pools[device]
            raise
        current.wait_stream(stream)
        return _CudaRepeat(graph, device), result
