"""Data on file: training broken off in the middle of an epoch has the bits of one that was not, for any number of
workers, and 4 GB are trained on in less than 1 GB of memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from si_core.cli.main import main
from si_core.training.trainer import Trainer

pytest.importorskip("si_recipes")
torch_files = pytest.importorskip("safetensors.numpy")

RECIPE = """\
seed: 4
source: gaussian
target: {use: USE, path: DATA, order: shuffled, held_out: 0.1, labels: labels.npy, MORE}
interpolant: linear
latent: none
objectives: [velocity]
network: {use: mlp, width: 8, depth: 1}
train: {steps: 20, batch: BATCH, checkpoint_every: 6, log_every: 5}
sample: {number: 8, batch: 8, epsilon: 0, condition: 1, integrator: {use: euler, steps: 2}}
report: false
"""
USES = {
    "array": ("x.npy", "storage: file"),
    "shards": ("parts", "window: 2"),
    "images": ("pictures", "storage: file, cache: 0"),
}


class Broken(Exception):
    """What breaks a training off."""


def written(folder: Path, rows: np.ndarray) -> None:
    image = pytest.importorskip("PIL.Image")
    np.save(folder / "x.npy", rows)
    np.save(folder / "labels.npy", np.arange(len(rows)) % 3)
    (folder / "parts").mkdir()
    for k, part in enumerate(np.array_split(rows, 4)):
        np.savez_compressed(folder / "parts" / f"{k}.npz", part)
    for k in range(len(rows)):
        (folder / "pictures" / str(k % 3)).mkdir(parents=True, exist_ok=True)
        pixels = (rows[k, 0] * 20 % 256).astype(np.uint8)
        image.fromarray(pixels).save(folder / "pictures" / str(k % 3) / f"{k:03}.png")


def results(run: Path) -> dict[str, bytes]:
    """All that must be equal: tensors of the model, samples and metrics; not the recipe, which names the workers."""
    weights = torch_files.load_file(run / "model.safetensors")
    found = {name: values.tobytes() for name, values in weights.items()}
    return found | {name: (run / name).read_bytes() for name in ("samples.npy", "metrics.jsonl")}


@pytest.mark.fault(30, 48)
@pytest.mark.parametrize("use", ["shards", *(pytest.param(use, marks=pytest.mark.slow) for use in ("array", "images"))])
def test_broken_off_in_mid_epoch_it_goes_on_to_the_same_bits_whatever_the_workers(use, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, np.random.default_rng(0).normal(3, 2, (70, 1, 4, 4)).astype("f2"))
    path, more = USES[use]
    text = RECIPE.replace("USE", use).replace("DATA", path).replace("MORE", more).replace("BATCH", "9")
    Path("r.yaml").write_text(text.replace("labels: labels.npy, ", "") if use == "images" else text)
    advance = Trainer.advance

    def breaking(trainer: Trainer) -> None:
        if trainer.step == 16:
            raise Broken
        advance(trainer)

    found = []
    for workers in (0, 2):
        arguments = ["run", "r.yaml", "--out", f"run-{workers}", f"target.workers={workers}"]
        if workers:
            # An epoch has 7 steps: the checkpoint of step 12 lies within the second.
            monkeypatch.setattr(Trainer, "advance", breaking)
            assert main(arguments) != 0
            monkeypatch.setattr(Trainer, "advance", advance)
            # How rows are read may be another when training goes on.
            others = ["target.workers=1", *(["target.cache=1"] if use != "array" else [])]
            arguments = [*arguments[:-1], *others, "--resume"]
        assert main(arguments) == 0
        found.append(results(tmp_path / f"run-{workers}"))
    assert found[0] == found[1]


MEASURED = """
import os, signal, sys, threading, time
from si_core.cli.main import main
from si_core.training.trainer import Trainer

step, advance = int(sys.argv[1]), Trainer.advance

def killed(trainer):
    advance(trainer)
    if trainer.step == step:
        os.kill(os.getpid(), signal.SIGKILL)

Trainer.advance = killed
code = main(sys.argv[2:])
lines = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print("peak", int(lines["VmHWM"].split()[0]) // 1024)
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from Linux")
@pytest.mark.parametrize("use", ["array", "shards"])
def test_4_gb_are_trained_on_in_less_than_1_gb_and_killed_in_mid_epoch_to_the_same_bits(use, tmp_path):
    shape, blocks = (8192, 4, 32, 32), 64
    block = np.random.default_rng(0).normal(0.3, 4, shape).astype("f2")
    (tmp_path / "parts").mkdir()
    files = ["x.npy"] if use == "array" else [f"parts/{k}.npy" for k in range(8)]
    for k, name in enumerate(files):
        each = blocks // len(files)
        out = np.lib.format.open_memmap(tmp_path / name, "w+", "f2", (each * shape[0], *shape[1:]))
        for i in range(each):
            out[i * shape[0] : (i + 1) * shape[0]] = block * np.float16(1 + (k * each + i) / blocks)
        del out
    np.save(tmp_path / "labels.npy", np.arange(blocks * shape[0]) % 1000)
    assert sum((tmp_path / name).stat().st_size for name in files) > 2**32
    text = (
        RECIPE.replace("USE", use).replace("DATA", USES[use][0]).replace("BATCH", "256").replace("MORE", USES[use][1])
    )
    (tmp_path / "r.yaml").write_text(text)

    def run(step: int, *arguments: str) -> tuple[int, int]:
        command = [sys.executable, "-c", MEASURED, str(step), "run", "r.yaml", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"COLUMNS": "99"})
        peak = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("peak ")]
        return done.returncode, peak[0] if peak else 0

    found = []
    for workers in (0, 1, 2):
        settings = ("--out", f"run-{workers}", f"target.workers={workers}")
        if workers:
            assert run(16, *settings)[0] == -signal.SIGKILL
            settings = (*settings[:2], f"target.workers={3 - workers}", "--resume")
        code, peak = run(-1, *settings)
        assert code == 0
        assert peak < 1000, f"{peak} MiB with {workers} workers"
        found.append(results(tmp_path / f"run-{workers}"))
    assert found[0] == found[1] == found[2]
