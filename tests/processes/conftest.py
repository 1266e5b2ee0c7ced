"""Commands and scripts under torchrun, with gloo on the processor."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

RECIPE = """\
source: gaussian
target: two-moons
latent: brownian
objectives: [velocity, denoiser]
network: {use: mlp, width: 8, depth: 1}
train: {steps: 12, batch: 31, log_every: 4, checkpoint_every: 4}
sample: {epsilon: 0.5, number: 150, batch: 32, integrator: {use: stochastic-heun, steps: 4}}
estimators: [{use: sliced-wasserstein}, {use: energy-distance}, {use: mmd}]
report: []
"""


@dataclass(frozen=True)
class Ended:
    """What is left of the processes: torchrun's exit code, and what all of them said."""

    code: int
    said: str


@dataclass(frozen=True)
class Torchrun:
    """Starts processes in a folder."""

    folder: Path

    def start(self, processes: int, *words: str, **environment: str) -> subprocess.Popen[str]:
        """``torchrun WORDS``, in a session of its own."""
        command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
        return subprocess.Popen(
            [*command, f"--master-port={_free_port()}", *words],
            cwd=self.folder,
            env=os.environ | {"OMP_NUM_THREADS": "1", "SI_PROCESS_TIMEOUT": "60"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def __call__(self, processes: int, *words: str, **environment: str) -> Ended:
        """The same, to its end."""
        started = self.start(processes, *words, **environment)
        said, _ = started.communicate(timeout=300)
        return Ended(started.returncode, said)


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture
def torchrun(tmp_path):
    """``torchrun(2, "-m", "si_core", "run", "r.yaml")`` in a folder with the recipe ``r.yaml``."""
    (tmp_path / "r.yaml").write_text(RECIPE)
    return Torchrun(tmp_path)
