"""Numbers 31 and 25: what a run keeps of a step that is not finite, how it goes on, and training of nothing is told."""

from __future__ import annotations

import json
import shutil
import signal

import pytest

from ..cli.conftest import status, stranger  # noqa: F401

RUN = ("run", "r.yaml", "--out", "run", "objectives=[spiky, denoiser]", "train.batch=8")
SPIKY = """
    from si_core import Regression

    class Spiky(Regression):
        '''The velocity's loss; not finite for batches of late times, which are known by their step.'''

        field = "velocity"

        def loss(self, draw, prediction):
            loss = super().loss(draw, prediction)
            late = prediction.requires_grad and float(draw.t.mean()) > 0.6
            return loss * (float("nan") if late else 1.0)
    """


@pytest.fixture
def site(stranger):  # noqa: F811
    return stranger("objective", "spiky", "Spiky", SPIKY)


@pytest.fixture
def stopped(si, site, tmp_path):
    """A run that a step has ended after the first checkpoint, of step 6, with the number of that step."""
    done = si(*RUN, site=site)
    assert done.code == 3, done.err
    record = json.loads((tmp_path / "run" / "nonfinite.json").read_text())
    assert record["step"] > 6, "the case is to have a checkpoint"
    return tmp_path / "run", record, done.err


@pytest.mark.fault(31)
def test_a_run_that_stops_says_which_step_and_term_and_keeps_its_checkpoint(stopped):
    run, record, said = stopped
    assert f"step {record['step']}: the loss of velocity is not finite" in said
    assert "train.on_nonfinite: skip" in said
    assert "nonfinite.json" in said
    assert record["terms"] == ["velocity"]
    assert record["losses"]["velocity"] == record["grad_norm"] == "nan"
    assert record["losses"]["denoiser"] > 0
    found = status(run)
    saved = (record["step"] - 1) // 6 * 6
    assert (found["state"], found["exit_code"], found["step"]) == ("failed", 3, saved)
    log = (run / "log.txt").read_text()
    for words in (f"step {record['step']}: ", "gradient norm nan", "times 0."):
        assert words in log
    assert (run / "checkpoints" / f"step-{saved:08d}" / "manifest.json").is_file()
    assert not (run / "model.safetensors").exists()


@pytest.mark.fault(31)
def test_it_goes_on_without_that_step_as_if_it_had_never_stopped(si, site, stopped, tmp_path, results):
    run, record, _ = stopped
    done = si(*RUN, "--resume", "train.on_nonfinite=skip", site=site)
    assert done.code == 0, done.err
    assert f"step {record['step']} is left out: the loss of velocity is not finite" in done.err
    assert f"step {record['step']} is left out" in (run / "log.txt").read_text()
    assert si("run", "r.yaml", "--out", "other", *RUN[4:], "train.on_nonfinite=skip", site=site).code == 0
    mine, other = results(run), results(tmp_path / "other")
    for name in ("samples.npy", "checkpoints/step-00000024/weights.safetensors"):
        assert mine[name] == other[name]
    # Before the stop nothing was to be left out, and nothing says so.
    before, after = ([json.loads(line) for line in each["metrics.jsonl"].splitlines()] for each in (mine, other))
    assert [{"left_out": 0, **one} for one in before] == after


@pytest.mark.fault(31, 39)
@pytest.mark.parametrize("step", [9, pytest.param(17, marks=pytest.mark.slow)])
def test_killed_in_between_it_leaves_out_the_same_steps(si, site, tmp_path, results, step):
    command = (*RUN, "train.on_nonfinite=skip")
    assert si(*command, site=site).code == 0
    straight = results(tmp_path / "run")
    assert sum(json.loads(line)["left_out"] for line in straight["metrics.jsonl"].splitlines()) > 1
    shutil.rmtree(tmp_path / "run")
    assert si(*command, site=site, moment=("signal_after_step", step, "SIGKILL")).code == -signal.SIGKILL
    assert si(*command, "--resume", site=site).code == 0
    assert results(tmp_path / "run") == straight


@pytest.mark.fault(31)
def test_a_limit_ends_the_run_with_its_steps(si, site, tmp_path):
    done = si(*RUN, "train.on_nonfinite={use: skip, limit: 1}", site=site)
    assert done.code == 3
    assert "as many were left out as may be: 1 in all" in done.err
    record = json.loads((tmp_path / "run" / "nonfinite.json").read_text())
    assert record["left_out"]["total"] == 1
    assert record["left_out"]["steps"][0] < record["step"]


@pytest.mark.fault(25)
def test_no_steps_are_told_of(si, tmp_path):
    done = si("run", "r.yaml", "--out", "run", "train.steps=0")
    assert done.code == 0
    assert "train.steps is 0: nothing is trained, and the weights are as they were drawn" in done.err
    assert "nothing is trained" in (tmp_path / "run" / "log.txt").read_text()
