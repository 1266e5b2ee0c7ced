"""Devices and threads: what there is, and what a product of matrices costs with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import torch

from si_core.cli.examining.cores import load, usable_cores
from si_core.cli.examining.finding import Finding
from si_core.cli.examining.speed import product_seconds, threads
from si_core.cli.version import machine_lines
from si_core.storage.machine import in_time, in_units

__all__ = ["compute"]

_WORTH = 1.25
"""A ratio of times below which a change is not worth a word: measurements scatter by a tenth and more."""

_COSTLY = ("CUDA_LAUNCH_BLOCKING", "TORCH_LOGS", "PYTHONTRACEMALLOC", "PYTHONDEVMODE", "TORCH_SHOW_DISPATCH_TRACE")
"""Variables for finding faults that slow everything down."""


def compute() -> Iterator[Finding]:
    """All of it; takes about a second."""
    yield from _threads()
    yield from _precision()
    yield from _devices()
    for name in _COSTLY:
        if os.environ.get(name, "0") not in ("", "0"):
            text = f"is set to {os.environ[name]!r}, which slows every operation down"
            yield Finding("compute", name, "slow", text, f"unset {name}")
    if sys.gettrace() is not None:
        text = "a debugger or a measurement of coverage follows every line"
        yield Finding("compute", "tracing", "slow", text, "run without it")


def _threads() -> Iterator[Finding]:
    cores, set_, now = usable_cores(), os.environ.get("OMP_NUM_THREADS"), torch.get_num_threads()
    with threads(1):
        one = product_seconds(torch.device("cpu"))
    with threads(cores):
        every = one if cores == 1 else product_seconds(torch.device("cpu"))
    told = "is not set" if set_ is None else f"is {set_}"
    text = f"torch uses {now} for {cores} usable cores; OMP_NUM_THREADS {told}"
    if now > cores:
        yield Finding("compute", "threads", "slow", f"{text}: they wait for each other", f"OMP_NUM_THREADS={cores}")
    elif now < cores and one / every > _WORTH:
        fix = "unset OMP_NUM_THREADS" if set_ else f"OMP_NUM_THREADS={cores}"
        yield Finding("compute", "threads", "slow", f"{text}: with {cores} it is {one / every:.1f} times as fast", fix)
    else:
        yield Finding("compute", "threads", "ok", text)
    text = f"1024 rows by 256 x 256 take {in_time(one)} with 1 thread, {in_time(every)} with {cores}"
    if cores > 1 and every / one > _WORTH and now > 1:
        fix = "OMP_NUM_THREADS=1, or end what else uses the cores"
        yield Finding("compute", "product", "slow", f"{text}: more threads are slower here", fix)
    else:
        yield Finding("compute", "product", "ok", text)
    waiting = load()
    if waiting is not None:
        text = f"{waiting:.1f} processes wanted {cores} core{'s' * (cores > 1)} over the last minute"
        busy = waiting > _WORTH * cores
        fix = "wait for the others, or end them; times measured now are too long" if busy else ""
        yield Finding("compute", "load", "slow" if busy else "ok", text, fix)


def _precision() -> Iterator[Finding]:
    """What other precisions cost on the processor, of which recipes may ask."""
    cpu = torch.device("cpu")
    with threads(1):  # cores that others use as well would be measured otherwise
        full, double, half = (product_seconds(cpu, each) for each in (torch.float32, torch.float64, torch.bfloat16))
    double, half = double / full, half / full
    text = f"float64 takes {double:.1f} times as long as float32"
    yield Finding("compute", "float64", "ok", f"{text}: what `dtype: float64` of data costs the networks")
    text = f"bfloat16 takes {half:.2g} times as long as float32"
    if half > 1:
        fix = "leave train.precision and sample.precision at full on this processor"
        yield Finding("compute", "bfloat16", "note", text, fix)
    else:
        yield Finding("compute", "bfloat16", "ok", text)


def _devices() -> Iterator[Finding]:
    driver = [name for device, name in machine_lines() if device.startswith("cuda")]
    if not torch.cuda.is_available():
        if driver:
            why = "torch is built without CUDA" if torch.version.cuda is None else "torch can't use it"
            fix = "install a torch for its driver (pytorch.org), or let the process see it (CUDA_VISIBLE_DEVICES)"
            yield Finding("compute", "cuda", "slow", f"{', '.join(driver)} is there, but {why}", fix)
        else:
            yield Finding("compute", "cuda", "ok", "no device; everything runs on the processor")
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        yield _cuda(torch.device("cuda", number))
    if hasattr(torch.backends, "mps") and torch.backends.mps.is_available():
        yield Finding("compute", "mps", "note", "is there; si is tried on cpu and cuda alone", "--device cpu")


def _cuda(device: torch.device) -> Finding:
    name = torch.cuda.get_device_name(device)
    try:
        free, whole = torch.cuda.mem_get_info(device)
        seconds = product_seconds(device)
    except RuntimeError as error:
        fix = "look at nvidia-smi: another program may have taken all of it"
        return Finding("compute", str(device), "wrong", f"{name} refuses work: {' '.join(str(error).split())}", fix, 3)
    text = f"{name}, {in_units(free)} of {in_units(whole)} free; the product takes {in_time(seconds)}"
    if free < whole / 10:
        return Finding("compute", str(device), "note", text, "nvidia-smi says who has its memory")
    return Finding("compute", str(device), "ok", f"{text}; --device {device}")
