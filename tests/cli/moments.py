"""What can happen to a command in the middle: each function is called in the command's process before it begins."""

from __future__ import annotations

import errno
import importlib
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def signal_after_step(step: int, name: str, times: int = 1) -> None:
    """The process gets a signal when it has done so many training steps, before the step is recorded or saved."""

    def send(trainer: Any) -> None:
        for _ in range(times):
            os.kill(os.getpid(), signal.Signals[name])

    _after_step(step, send)


def signal_at_point(point: str, count: int, name: str) -> None:
    """The process gets a signal when it comes to a named moment of a write for the ``count``-th time."""
    from si_core.storage.faults import set_fault_hook

    left = count

    def hook(at: str) -> None:
        nonlocal left
        if at == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.Signals[name])

    set_fault_hook(hook)


def signal_in_stage(stage: str, name: str) -> None:
    """The process gets a signal at the beginning of ``sample_into``, ``measure_into`` or ``write_report``."""
    from si_core.runs import carry_out

    begin = getattr(carry_out, stage)

    def begun(*arguments: Any, **settings: Any) -> Any:
        os.kill(os.getpid(), signal.Signals[name])
        return begin(*arguments, **settings)

    setattr(carry_out, stage, begun)


def signal_in_validation(count: int, name: str) -> None:
    """The process gets a signal while it measures the validation loss for the ``count``-th time."""
    from si_core.training.validation import Validation

    measure, left = Validation.record, count

    def measured(self: Validation, predictor: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.Signals[name])
        return measure(self, predictor)

    Validation.record = measured


def interrupted_at_every_point(stage: str) -> None:
    """Ctrl-C at the beginning of a stage, and then at every moment of every write."""
    from si_core.runs import carry_out
    from si_core.storage.faults import set_fault_hook

    def begun(*arguments: Any, **settings: Any) -> Any:
        set_fault_hook(lambda at: os.kill(os.getpid(), signal.SIGINT))
        os.kill(os.getpid(), signal.SIGINT)

    setattr(carry_out, stage, begun)


def folder_renamed_after_step(step: int, folder: str, name: str) -> None:
    """After so many steps somebody renames the run's folder."""
    _after_step(step, lambda trainer: os.rename(folder, name))


def folder_renamed_at_point(point: str, folder: str, name: str) -> None:
    """Somebody renames the run's folder at a named moment of a write, the first time that it comes."""
    from si_core.storage.faults import set_fault_hook

    def hook(at: str) -> None:
        if at == point and os.path.exists(folder):
            os.rename(folder, name)

    set_fault_hook(hook)


def open_fails(text: str, name: str) -> None:
    """Files whose path holds ``text`` can't be opened for writing any more: the error ``name`` of the system."""
    number, open_file = getattr(errno, name), os.open

    def opened(path: Any, flags: int, *rest: Any, **settings: Any) -> int:
        if text in os.fspath(path) and flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(number, os.strerror(number), path)
        return open_file(path, flags, *rest, **settings)

    os.open = opened


def no_room_after_step(step: int, size: int) -> None:
    """After so many steps no file may grow beyond ``size`` bytes, as on a full disk."""

    def limit(trainer: Any) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    _after_step(step, limit)


def folder_vanishes_after_step(step: int, folder: str) -> None:
    """After so many steps somebody removes the run's folder."""
    _after_step(step, lambda trainer: shutil.rmtree(folder))


def out_of_memory_at(stage: str) -> None:
    """A stage of a run asks for more memory than there is, as torch reports it."""
    from si_core.runs import carry_out

    def fails(*arguments: Any, **settings: Any) -> Any:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory: 9 bytes")

    setattr(carry_out, stage, fails)


def little_memory(more: int) -> None:
    """The process may take so many bytes more than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, resource.RLIM_INFINITY))


def little_of_all(more: int, seconds: float) -> None:
    """The process may take so many bytes more than it has now, and so many seconds of the processor's time."""
    little_memory(more)
    now = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(now + seconds) + 1, resource.RLIM_INFINITY))


def bug_after_step(step: int) -> None:
    """The core has a bug."""

    def fail(trainer: Any) -> None:
        raise ZeroDivisionError("a bug\nin two lines")

    _after_step(step, fail)


def masked(mask: int) -> None:
    """New files get the modes that this umask leaves."""
    os.umask(mask)


def wait_after_step(step: int, file: str) -> None:
    """After so many steps the process makes ``file`` and waits until somebody removes it."""

    def wait(trainer: Any) -> None:
        Path(file).touch()
        while Path(file).exists():
            time.sleep(0.005)

    _after_step(step, wait)


def weights_explode_after_step(step: int) -> None:
    """After so many steps the weights are so large that what they predict overflows."""
    import torch

    def explode(trainer: Any) -> None:
        with torch.no_grad():
            for parameter in trainer.parameters:
                parameter.mul_(1e38)

    _after_step(step, explode)


def _after_step(step: int, action: Callable[[Any], object]) -> None:
    from si_core.training.trainer import Trainer

    advance = Trainer.advance

    def advanced(self: Trainer) -> None:
        advance(self)
        if self.step == step:
            action(self)

    Trainer.advance = advanced


def signal_in_call(target: str, name: str, times: int = 1) -> None:
    """The process gets signals when it calls the function ``module:name`` or ``module:class.method``, and goes on."""
    module, _, path = target.partition(":")
    *owners, attribute = path.split(".")
    owner: Any = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    call = getattr(owner, attribute)

    def called(*arguments: Any, **settings: Any) -> Any:
        for _ in range(times):
            os.kill(os.getpid(), signal.Signals[name])
        return call(*arguments, **settings)

    setattr(owner, attribute, called)
