"""Memory that a training step frees is there for the next one."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
from si_core.runs.freed_memory import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
layers = [torch.nn.Linear(2, 256), *(torch.nn.Sequential(torch.nn.SiLU(), torch.nn.Linear(256, 256)) for _ in range(4))]
network, x = torch.nn.Sequential(*layers), torch.randn(4096, 2)

def steps(number):
    for _ in range(number):
        network.zero_grad()
        network(x).square().mean().backward()

steps(5)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
steps(10)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
"""


def faults(how: str) -> float:
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries keep memory by rules of their own")
def test_freed_memory_is_not_faulted_in_anew():
    """A step whose layers are 4 MB each."""
    assert 3 * faults("kept") < faults("given back")
