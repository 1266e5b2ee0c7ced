"""Every way of training, interrupted in every way, ends with the bits of a training that nobody interrupted."""

from __future__ import annotations

import json
import math
import signal

import pytest

from ..cli.conftest import status

RUN = ("run", "r.yaml", "--out", "run")
KILLED = -signal.SIGKILL
CODES = {"SIGKILL": KILLED, "SIGINT": 130, "SIGTERM": 143}

# Of 24 steps with a record every 4 and a checkpoint every 6.
PLANS = {
    "killed once": [("signal_after_step", 9, "SIGKILL")],
    "twice between two checkpoints": [("signal_after_step", 8, "SIGTERM"), ("signal_after_step", 10, "SIGKILL")],
    "twice from one checkpoint": [("signal_after_step", 8, "SIGKILL"), ("signal_after_step", 10, "SIGKILL")],
    # The end of a round is at step 12, where a checkpoint and a record are due as well.
    "before the end of a round is saved": [("signal_after_step", 12, "SIGKILL")],
    "at the end of a round": [("signal_after_step", 12, "SIGTERM")],
    "after the end of a round": [("signal_after_step", 13, "SIGTERM"), ("signal_after_step", 17, "SIGKILL")],
    "in the save": [("signal_at_point", "checkpoint: file written", 3, "SIGTERM")],
    "in sampling": [("signal_in_stage", "sample_into", "SIGTERM")],
    "in estimation": [("signal_in_stage", "measure_into", "SIGKILL")],
}
TOGETHER = [plan[-1] for plan in (PLANS["at the end of a round"], PLANS["after the end of a round"])]
TOGETHER = [("signal_after_step", 8, "SIGKILL"), *TOGETHER, ("signal_in_stage", "measure_into", "SIGTERM")]

CLASSES = ("target={use: array, path: trees.csv, label: species, held_out: 0.2}", "train.condition_dropout=0.3")
MARKOVIAN = (
    "coupling={use: markovian, epsilon: 0.5, pairs: 64, steps: 2}",
    "train.rounds=2",
    "train.precondition=false",
)
SINGLE = {
    "an average": ("train.ema=0.5",),
    "no average": ("train.ema=null",),
    "a constant rate": ("train.schedule={use: constant, warmup: 9}",),
    "a falling rate": ("train.schedule={use: cosine, warmup: 2}",),
    "a rate in steps": ("train.schedule={use: step, every: 5}",),
    "importance times": ("train.times={use: importance, bins: 8, warmup: 5}",),
    "logit-normal times": ("train.times={use: logit-normal, mean: 0.5}",),
    "antithetic pairs": ("train.antithetic=true",),
    "classes left out": CLASSES,
    "two rounds": MARKOVIAN,
    "momentum": ("train.optimizer={use: sgd, momentum: 0.9}",),
    "early stopping": (*CLASSES, "callbacks=[{use: early-stopping, patience: 50}]"),
}
COMBINED = {
    "rounds, a falling rate, an average, antithetic": (
        *MARKOVIAN,
        *SINGLE["a falling rate"],
        *SINGLE["an average"],
        *SINGLE["antithetic pairs"],
    ),
    "classes left out, importance times, a rate in steps, early stopping": (
        *SINGLE["early stopping"],
        *SINGLE["importance times"],
        *SINGLE["a rate in steps"],
    ),
    "momentum, a constant rate, no average": (
        *SINGLE["momentum"],
        *SINGLE["a constant rate"],
        *SINGLE["no average"],
    ),
}


@pytest.fixture
def ends_alike(si, tmp_path, results):
    """Whether a run with these settings ends with the same bits after it was interrupted at these moments."""

    rows = [f"{math.sin(i):.6f},{math.cos(3 * i):.6f},{('oak', 'elm')[i % 2]}" for i in range(60)]
    (tmp_path / "trees.csv").write_text("\n".join(["height,girth,species", *rows]), encoding="utf-8")

    def check(settings, moments):
        assert si("run", "r.yaml", *settings, "--out", "whole").code == 0
        flags = []
        for moment in moments:
            done = si(*RUN, *settings, *flags, moment=moment)
            assert done.code == CODES[moment[-1]], done.err
            flags = ["--resume"]
        done = si(*RUN, *settings, *flags)
        assert done.code == 0, done.err
        assert "continues bit for bit" in done.out
        assert results(tmp_path / "run") == results(tmp_path / "whole")
        assert status(tmp_path / "run")["state"] == "finished"
        assert not [path for path in (tmp_path / "run").rglob("*") if ".tmp-" in path.name]

    return check


@pytest.mark.fault(48)
@pytest.mark.parametrize("settings", COMBINED)
def test_all_tensors_and_records_are_those_of_an_uninterrupted_run(ends_alike, settings):
    ends_alike(COMBINED[settings], TOGETHER)


@pytest.mark.fault(48)
@pytest.mark.parametrize("name", ["SIGKILL", pytest.param("SIGTERM", marks=pytest.mark.slow)])
def test_a_signal_while_the_validation_loss_is_measured(ends_alike, name):
    ends_alike(SINGLE["early stopping"], [("signal_in_validation", 2, name), ("signal_in_validation", 2, name)])


@pytest.mark.fault(50)
@pytest.mark.parametrize("key", ["device", "torch.version"])
def test_what_differs_where_a_run_goes_on_is_named_with_what_to_expect(si, tmp_path, key):
    assert si(*RUN, moment=("signal_after_step", 8, "SIGTERM")).code == 143
    path = tmp_path / "run" / "environment.json"
    recorded = json.loads(path.read_text(encoding="utf-8"))
    *above, last = key.split(".")
    (recorded[above[0]] if above else recorded)[last] = "another"
    path.write_text(json.dumps(recorded), encoding="utf-8")
    done = si(*RUN, "--resume")
    assert done.code == 0
    assert f"equal in law but not bit for bit, as this differs: {key}: another -> " in done.err


@pytest.mark.slow
@pytest.mark.fault(48)
@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("settings", SINGLE)
def test_every_way_of_training_in_every_way_of_ending(ends_alike, settings, plan):
    ends_alike(SINGLE[settings], PLANS[plan])
