"""SIGKILL at random times, from the first file of a run to the last: resumed, it has the bits of one left alone."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time

import pytest

SETTINGS = ("train.checkpoint_every=1", "train.log_every=2")
SEED = 39


def _until(reached, seconds=30.0):
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.0005)


@pytest.mark.fault(39)
@pytest.mark.parametrize("kills", [2, pytest.param(200, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_at_any_time_ends_as_if_it_had_not_been(si, tmp_path, results, kills):
    whole = si.start("run", "r.yaml", *SETTINGS, "--out", "whole")
    _until((tmp_path / "whole").exists)
    begun = time.monotonic()
    assert whole.wait().code == 0
    seconds = time.monotonic() - begun
    files = {path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*")}
    wanted, times, killed = results(tmp_path / "whole"), random.Random(SEED), 0
    while killed < kills:
        run = tmp_path / f"run-{killed}"
        child = si.start("run", "r.yaml", *SETTINGS, "--out", run.name)
        _until(run.exists)
        time.sleep(times.uniform(0.0, seconds))
        # The process may be gone, but nobody has waited for it: its number is still its own.
        os.kill(child.pid, signal.SIGKILL)
        killed += child.wait().code == -signal.SIGKILL
        done = si("run", "r.yaml", *SETTINGS, "--out", run.name, "--resume")
        assert done.code == 0, done.err
        found = {path.relative_to(run) for path in run.rglob("*") if "tensorboard" not in path.parts}
        assert found == {path for path in files if "tensorboard" not in path.parts}
        assert results(run) == wanted, f"after {killed} kills"
        shutil.rmtree(run)
