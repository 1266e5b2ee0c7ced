"""The capture of a CUDA graph with a stand-in for the device: what is done in which order, and what is undone."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch

import si_core as si
from si_core.models.acceleration.cuda import CudaRecorder

DEVICE = torch.device("cuda", 0)
RESULT = si.Trajectory(torch.zeros(2), torch.zeros(2, 1), 1)


class Stream:
    def __init__(self, log: list[str], name: str) -> None:
        self.log, self.name = log, name

    def wait_stream(self, other: Stream) -> None:
        self.log.append(f"{self.name} waits for {other.name}")


class Graph:
    """Stands in for ``torch.cuda.CUDAGraph``; its end raises, as after a capture that broke."""

    def __init__(self, log: list[str], breaks: bool) -> None:
        self.log, self.breaks = log, breaks

    def register_generator_state(self, generator) -> None:
        self.log.append("register")

    def capture_begin(self, pool, capture_error_mode) -> None:
        self.log.append(f"begin in {pool}")

    def capture_end(self) -> None:
        self.log.append("end")
        if self.breaks:
            raise RuntimeError("operation failed due to a previous error during capture")

    def replay(self) -> None:
        self.log.append("replay")

    def reset(self) -> None:
        self.log.append("reset")


class Device:
    """Stands in for ``torch.cuda``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log: list[str] = []
        self.pools, self.mode, self.breaks = 0, "default", False
        self.main = Stream(self.log, "main")
        names = {
            "CUDAGraph": lambda: Graph(self.log, self.breaks),
            "Stream": lambda device: Stream(self.log, "side"),
            "graph_pool_handle": self.pool,
            "current_stream": lambda device: self.main,
            "synchronize": lambda device: self.log.append("synchronize"),
            "empty_cache": lambda: self.log.append("empty"),
            "device": lambda device: self.within(f"device {device}"),
            "stream": lambda stream: self.within(f"stream {stream.name}"),
            "get_sync_debug_mode": lambda: self.mode,
            "set_sync_debug_mode": lambda mode: setattr(self, "mode", mode),
        }
        for name, value in names.items():
            monkeypatch.setattr(torch.cuda, name, value)

    def pool(self) -> str:
        self.pools += 1
        return f"pool {self.pools}"

    @contextmanager
    def within(self, what: str):
        self.log.append(f"enter {what}")
        try:
            yield
        finally:
            self.log.append(f"leave {what}")


@pytest.fixture
def device(monkeypatch) -> Device:
    return Device(monkeypatch)


CAPTURE = [
    "register",
    "synchronize",
    "empty",
    "side waits for main",
    "enter device cuda:0",
    "enter stream side",
    "begin in pool 1",
    "work",
    "end",
    "leave stream side",
    "leave device cuda:0",
]


def test_a_capture_from_its_begin_to_its_end(device):
    recorder = CudaRecorder()
    repeat, result = recorder.record(lambda: device.log.append("work") or RESULT, DEVICE, torch.Generator())
    assert result is RESULT
    assert device.log == [*CAPTURE, "main waits for side"]
    device.log.clear()
    repeat.replay()
    repeat.close()
    assert device.log == ["replay", "synchronize", "reset"]
    recorder.record(lambda: RESULT, DEVICE, None)
    assert "begin in pool 1" in device.log, "graphs share their memory"
    assert "register" not in device.log, "an ODE draws nothing"


@pytest.mark.parametrize("breaks", [True, False])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_work_that_fails_ends_the_capture_and_leaves_the_stream(device, error, breaks):
    """The first error is the one that is told, whatever the end of the capture says to it."""

    def work():
        device.log.append("work")
        raise error("midway")

    recorder = CudaRecorder()
    device.breaks = breaks
    with pytest.raises(error, match="midway"):
        recorder.record(work, DEVICE, torch.Generator())
    assert device.log == CAPTURE


def test_a_capture_that_can_not_be_ended_spoils_its_pool_alone(device):
    recorder = CudaRecorder()
    device.breaks = True
    with pytest.raises(RuntimeError, match="previous error"):
        recorder.record(lambda: device.log.append("work") or RESULT, DEVICE, torch.Generator())
    assert device.log == CAPTURE
    assert len(recorder._failed) == 1, "the allocator still asks it"
    device.breaks = False
    recorder.record(lambda: RESULT, DEVICE, None)
    assert "begin in pool 2" in device.log


def test_waiting_is_refused_and_allowed_again(device):
    recorder = CudaRecorder()
    with pytest.raises(ValueError), recorder.watched():
        assert device.mode == "error"
        raise ValueError
    assert device.mode == "default"
    assert recorder.records(DEVICE)
    assert not recorder.records(torch.device("cpu"))
