"""A run that was interrupted ends with the bits of one that was not, whatever interrupted it and however often."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from si_core.storage.faults import FAULT_POINTS

from .conftest import status

RUN = ("run", "r.yaml", "--out", "run")
KILLED = -signal.SIGKILL


@pytest.fixture
def resumed(si, tmp_path, finished, results):
    """Resume the run of this test, and compare it with one that nobody interrupted."""

    def check(**settings):
        done = si(*RUN, "--resume", **settings)
        assert done.code == 0, done.err
        assert results(tmp_path / "run") == results(finished)
        assert status(tmp_path / "run")["state"] == "finished"
        assert not [path for path in (tmp_path / "run").rglob("*") if ".tmp-" in path.name]
        return done

    return check


# Before the first checkpoint (of step 6), at its step, between two, and at the last step.
@pytest.mark.fault(39, 48, 51)
@pytest.mark.parametrize("step", [1, 6, 7, 17, 24])
def test_killed_in_training(si, resumed, step):
    assert si(*RUN, moment=("signal_after_step", step, "SIGKILL")).code == KILLED
    done = resumed()
    last = 6 * ((step - 1) // 6)
    assert ("starting again at step 0" if last == 0 else f"resumed from step {last}") in done.out
    assert "continues bit for bit" in done.out


WRITES = [name for name in FAULT_POINTS if name.startswith("atomic")]


# Files in the order of their writing: both recipes, STATUS, environment, STATUS after each of four checkpoints, the
# model (9th), samples, estimates (none, then one), STATUS (13th). All are written by one function: its points are all
# met with the model, those of other files in turn, and the rest is slow.
@pytest.mark.fault(39)
@pytest.mark.parametrize(
    ("point", "count"),
    [
        pytest.param(point, count, marks=[pytest.mark.slow] * (count != 9 and (i + j) % len(WRITES) != 0))
        for i, point in enumerate(WRITES)
        for j, count in enumerate([1, 2, 3, 9, 13])
    ],
)
def test_killed_in_the_write_of_a_file(si, resumed, point, count):
    assert si(*RUN, moment=("signal_at_point", point, count, "SIGKILL")).code == KILLED
    resumed()


# A run saves each step once, so it never sets an old checkpoint of the same step aside.
@pytest.mark.fault(39)
@pytest.mark.parametrize(
    ("point", "count"),
    [
        pytest.param(point, count, marks=[pytest.mark.slow] * ((i + count) % 4 == 0))
        for i, point in enumerate(name for name in FAULT_POINTS if name.startswith("checkpoint") and "old" not in name)
        for count in (1, 3)
    ],
)
def test_killed_in_a_save(si, resumed, point, count):
    assert si(*RUN, moment=("signal_at_point", point, count, "SIGKILL")).code == KILLED
    resumed()


@pytest.mark.fault(39)
@pytest.mark.parametrize("point", [name for name in FAULT_POINTS if name.startswith("prune")])
def test_killed_while_an_old_checkpoint_is_removed(si, resumed, point):
    # The fourth checkpoint is the first after which one has to go.
    assert si(*RUN, moment=("signal_at_point", point, 4 if point.endswith("verified") else 1, "SIGKILL")).code == KILLED
    resumed()


@pytest.mark.fault(48)
def test_interrupted_many_times_by_everything(si, resumed):
    for flags, step, name, code in (
        ([], 3, "SIGKILL", KILLED),
        (["--resume"], 8, "SIGINT", 130),
        (["--resume"], 10, "SIGKILL", KILLED),
        (["--resume"], 13, "SIGTERM", 143),
        (["--resume"], 14, "SIGKILL", KILLED),
    ):
        assert si(*RUN, *flags, moment=("signal_after_step", step, name)).code == code
    assert "resumed from step 13" in resumed().out


@pytest.mark.fault(39)
def test_killed_at_random_times(si, resumed, tmp_path):
    delays = random.Random(11)
    killed = 0
    for _ in range(8):
        flags = ["--resume"] if (tmp_path / "run").exists() else []
        child = si.start(*RUN, *flags)
        # Before there is a folder there is nothing to resume; how long that takes depends on the machine.
        until = time.monotonic() + 30
        while not (tmp_path / "run" / "resolved.yaml").exists() and time.monotonic() < until:
            time.sleep(0.005)
        time.sleep(delays.uniform(0.01, 0.1))
        # The process may be gone, but nobody has waited for it: its number is still its own.
        os.kill(child.pid, signal.SIGKILL)
        killed += child.wait().code == KILLED
    assert killed
    resumed()


@pytest.mark.fault(48)
@pytest.mark.parametrize("stage", ["sample_into", "measure_into"])
def test_killed_after_training(si, resumed, stage):
    assert si(*RUN, moment=("signal_in_stage", stage, "SIGKILL")).code == KILLED
    done = resumed()
    assert "resumed from step 24" in done.out
    assert "steps/s" not in done.out


@pytest.mark.fault(48)
@pytest.mark.parametrize(
    "setting",
    [
        (
            "train.optimizer={use: sgd, momentum: 0.9, nesterov: true}",
            "train.ema=null",
            "train.times={use: importance}",
        ),
        ("train.optimizer={use: adamw}", "train.schedule={use: step, every: 5}"),
        ("network.shared=false", "train.antithetic=true"),
    ],
)
def test_every_way_of_training_keeps_its_state(si, tmp_path, results, setting):
    """Where a component's state is not in the checkpoint, it is here that it shows."""
    assert si("run", "r.yaml", *setting, "--out", "whole").code == 0
    for flags, step in (([], 7), (["--resume"], 15)):
        assert si(*RUN, *setting, *flags, moment=("signal_after_step", step, "SIGTERM")).code == 143
    assert si(*RUN, *setting, "--resume").code == 0
    assert results(tmp_path / "run") == results(tmp_path / "whole")


def test_how_often_it_saves_does_not_enter_the_numbers(si, tmp_path, finished, results):
    assert si(*RUN, "train.checkpoint_every=null").code == 0
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-00000024"]
    assert results(tmp_path / "run") == results(finished)
