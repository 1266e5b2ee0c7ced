"""A million samples: their rate in that of the bare network at the same calls, and the growth of memory.

The model is of the size of the checkerboard's: 2 dimensions, the reference network (untrained, for what is learned
costs nothing), the library's default method with 8 calls a sample. Chunks of samples and as many bare calls, on blocks
of the same size, run in turn. Memory is the peak of a process that draws a tenth of the samples, then all of them, with
a network that costs nothing; the samples themselves are 8 bytes each.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

import si_core as si
from si_core.models.blocks import BLOCK

from .defaults import default_method, within
from .figures import Figure, Goal, Line, factor, microseconds
from .networks import Free, reference
from .problems import learned_fields, points_of
from .timing import Effort, Spread, ratio, spread

__all__ = ["many_lines", "peak_growth"]

SAMPLES, CHUNKS, CALLS = 1_000_000, 16, 8
RATE = 0.95
"""The least rate, in that of the bare network."""

GROWTH = 3.0
"""The most that the peak of memory may grow from a tenth of the samples to all, in sizes of the samples themselves."""


def model_of(network: torch.nn.Module) -> si.Model:
    """The model that is sampled."""
    fields = learned_fields(network, 2)
    integrator = within(CALLS, *default_method(False), si.Transport(fields), points_of(2, 2))
    return si.Model(fields.process, fields, integrator)


def many_lines(effort: Effort) -> Iterator[Line]:
    """Sample a million times by chunks, and in another process for the memory."""
    network = reference(2)
    model = model_of(network)
    blocks = max(1, SAMPLES // CHUNKS // BLOCK)
    x, times, seeds = points_of(BLOCK, 2), torch.linspace(0, 1, CALLS).unbind(), iter(range(10**9))

    @torch.inference_mode()
    def calls() -> None:
        for _ in range(blocks):
            for t in times:
                network(t, x)

    work = {"calls": calls, "ours": lambda: si.sample(model, blocks * BLOCK, seed=next(seeds))}
    seconds = Effort(min(effort.repetitions, CHUNKS), effort.processor).compare(work, blocks * BLOCK, 60.0)
    own = spread(seconds["ours"])
    yield Line(
        f"{SAMPLES:,} samples, {CALLS} calls each",
        "ours",
        (
            microseconds("us / sample", own),
            Figure("samples / s", Spread(1 / own.median, 1 / own.upper, 1 / own.lower), "1/s"),
            factor("rate / bare", ratio(seconds["calls"], seconds["ours"]), RATE, at_least=True),
        ),
    )
    growth = peak_growth()
    yield Line(
        f"{SAMPLES:,} samples, memory",
        "ours",
        (Figure("peak growth / size", Spread(growth, growth, growth), "1", Goal(GROWTH)),),
    )


def peak_growth() -> float:
    """The growth of the peak memory of a process from a tenth of the samples to all, in sizes of the samples."""
    done = subprocess.run(
        [sys.executable, "-m", f"{__package__}.many_samples"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    return float(done.stdout)


def _measure_peak() -> float:
    model = model_of(Free())
    si.sample(model, SAMPLES // 10)
    before = _peak()
    samples = si.sample(model, SAMPLES)
    return (_peak() - before) / (samples.numel() * samples.element_size())


def _peak() -> int:
    """The largest size of this process so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Of the address space: what is resident is less where the system reclaims what is not in use.
        fields = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines() if ":" in line)
        return 1024 * int(fields["VmPeak"].split()[0])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    print(_measure_peak())
