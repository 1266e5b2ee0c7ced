"""A million samples and twenty thousand images, killed on the way: the same file, in memory that does not grow."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from si_core.cli.main import main

for plugin in ("si_distributions", "si_networks", "si_integrators", "si_interpolants", "si_objectives"):
    pytest.importorskip(plugin)

pytestmark = pytest.mark.slow

RECIPE = """\
target: {{use: gaussian, shape: {shape}}}
source: {{use: gaussian, shape: {shape}}}
interpolant: linear
latent: none
objectives: [velocity]
network: {{use: mlp, width: 8, depth: 1}}
train: {{steps: 1, batch: 8}}
sample: {{number: 4, batch: {batch}, integrator: {{use: euler, steps: {steps}}}, epsilon: 0}}
report: false
"""
MIB = 2**20


def start(*words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "si_core", "sample", "run", "--seed", "7", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})


def peak_of(child: subprocess.Popen[bytes]) -> int:
    """The most memory of a command that ends well, in bytes."""
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0
    return usage.ru_maxrss * 1024


def killed_on_the_way(child: subprocess.Popen[bytes], folder: Path, number: int) -> int:
    """The samples that were recorded when a command was killed."""
    end = time.monotonic() + 600
    while time.monotonic() < end:
        for path in folder.glob(".x.*.partial-*/progress.json"):
            done = json.loads(path.read_text())["samples"]
            if done >= number // 4:
                os.kill(child.pid, signal.SIGKILL)
                assert child.wait() == -signal.SIGKILL
                return done
        assert child.poll() is None, "it ended before it could be killed"
        time.sleep(0.05)
    raise AssertionError("it never came so far")


@pytest.mark.parametrize(
    ("shape", "batch", "steps", "number", "suffix"),
    [
        ("[2]", 2048, 12, 1_000_000, "npy"),
        ("[2]", 2048, 12, 1_000_000, "csv"),
        ("[1, 8, 8]", 256, 400, 20_000, "safetensors"),
        ("[3, 64, 64]", 256, 1, 20_000, "npy"),
    ],
)
def test_a_killed_request_ends_in_the_same_file_in_bounded_memory(
    tmp_path, monkeypatch, shape, batch, steps, number, suffix
):
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(RECIPE.format(shape=shape, batch=batch, steps=steps))
    assert main(["run", "r.yaml", "--out", "run"]) == 0
    least = peak_of(start("-n", str(2 * batch), "--out", f"few.{suffix}"))
    whole = ("-n", str(number), "--out", f"x.{suffix}")
    began = time.monotonic()
    most = peak_of(start(*whole))
    seconds = time.monotonic() - began
    one = Path(f"x.{suffix}")
    one.rename("whole")
    done = killed_on_the_way(start(*whole), tmp_path, number)
    assert not one.exists()
    again = peak_of(start(*whole))
    same = subprocess.run(["cmp", "whole", one.name]).returncode == 0
    size = one.stat().st_size
    print(
        f"\n{number} samples of {shape} as {suffix}, {size / MIB:.0f} MiB, {seconds:.0f} s: peak {most / MIB:.0f} MiB, "
        f"of two blocks {least / MIB:.0f} MiB; killed after {done}, gone on with a peak of {again / MIB:.0f} MiB"
    )
    assert same
    assert not list(tmp_path.glob(".x.*"))
    event = int(np.prod(json.loads(shape)))
    # Some blocks, buffers and pieces that are read: nothing that grows with the number.
    allowed = least + 8 * batch * event * 4 + 48 * MIB
    assert max(most, again) < allowed, (most / MIB, again / MIB, allowed / MIB)
