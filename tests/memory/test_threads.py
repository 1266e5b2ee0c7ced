"""Fits in threads are those of one thread, and leave the process as it was."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np, torch
import si_core as si

rows = np.random.default_rng(0).normal(size=(100, 2))
out, state = sys.stdout, torch.get_rng_state()

def fitted(seed):
    network = {"use": "mlp", "width": 8, "depth": 1}
    return si.fit(rows, seed=seed, steps=2, network=network, progress=False).sample(3, seed=seed)

with ThreadPoolExecutor(4) as threads:
    # The plugins are imported here, by all threads at once.
    together = list(threads.map(fitted, range(8)))
assert sys.stdout is out, "standard output was taken away"
assert torch.equal(torch.get_rng_state(), state), "the global generator moved"
for seed, samples in enumerate(together):
    assert np.array_equal(fitted(seed), samples), f"seed {seed}"
print("as alone")
"""


def test_threads_that_fit_at_once_disturb_neither_each_other_nor_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout.strip()) == (0, "as alone"), done.stderr[-2000:]
    assert "changed" not in done.stderr
