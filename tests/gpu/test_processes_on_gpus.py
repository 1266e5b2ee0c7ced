"""On several GPUs: processes that exchange by NCCL share a run, with weights whole and spread."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import si_core as si
from si_core.models.sampling import draw_samples

DEVICES = torch.cuda.device_count()

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(DEVICES < 2, reason="fewer than two CUDA devices"),
]

RECIPE = """\
source: gaussian
target: digits
network: {use: unet, preset: tiny}
train: {steps: 20, batch: 64, log_every: 5, checkpoint_every: 10}
sample: {number: 200, batch: 64}
estimators: [{use: sliced-wasserstein}, {use: energy-distance}]
report: []
"""


@pytest.mark.parametrize("shard", ["false", "true"])
def test_a_run_is_shared(tmp_path, shard):
    (tmp_path / "r.yaml").write_text(RECIPE)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={DEVICES}"]
    command += ["-m", "si_core", "run", "r.yaml", f"train.shard={shard}", "--device", "cuda", "--out", "run"]
    subprocess.run(command, cwd=tmp_path, check=True, env=os.environ | {"SI_PROCESS_TIMEOUT": "120"}, timeout=300)
    alone = si.train(si.load_recipe(tmp_path / "r.yaml"), "cuda")
    model = si.load_model(tmp_path / "run", "cuda")
    assert np.array_equal(np.load(tmp_path / "run" / "samples.npy"), draw_samples(model, 200, model.recipe.seed).x)
    shared = [json.loads(line)["loss"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert np.isfinite(shared).all()
    # Equal steps up to rounding: of one model's worth of Adam steps, far below the size of a sample.
    gap = (si.sample(alone, 64) - si.sample(model, 64)).abs().mean()
    assert float(gap) < 0.05
