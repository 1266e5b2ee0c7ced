"""Ctrl-C and SIGTERM: a checkpoint within one step, a word on how to go on, and the exit code of the signal."""

from __future__ import annotations

import shlex

import pytest

from .conftest import status

RUN = ("run", "r.yaml", "train.checkpoint_every=null", "--out", "run")
BOTH = pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])


def checkpoints(tmp_path):
    return sorted(path.name for path in tmp_path.glob("run/checkpoints/*"))


@pytest.mark.fault(54, 55)
@BOTH
@pytest.mark.parametrize("step", [1, 9, 24])
def test_training_saves_at_the_very_step(si, tmp_path, name, code, step):
    done = si(*RUN, moment=("signal_after_step", step, name))
    assert done.code == code
    assert checkpoints(tmp_path) == [f"step-{step:08d}"]
    found = status(tmp_path / "run")
    assert (found["state"], found["step"], found["exit_code"]) == ("interrupted", step, code)
    assert f"stopped by a signal after step {step}; saved" in done.err
    assert "Traceback" not in done.err


@pytest.mark.fault(53, 54, 55)
@BOTH
def test_what_it_says_to_type_goes_on_with_the_run(si, tmp_path, finished, results, name, code):
    done = si("run", "r.yaml", "--out", "my run/été", moment=("signal_after_step", 7, name))
    (line,) = [line for line in done.err.splitlines() if "go on with: " in line]
    words = shlex.split(line.partition("go on with: ")[2])
    assert words[0] == "si"
    assert si(*words[1:]).code == 0
    assert results(tmp_path / "my run" / "été") == results(finished)


@pytest.mark.fault(54, 55)
@BOTH
def test_a_signal_while_it_saves(si, tmp_path, name, code):
    moment = ("signal_at_point", "checkpoint: file half written", 2, name)
    done = si("run", "r.yaml", "--out", "run", moment=moment)
    assert done.code == code
    # The save goes on to its end, and the signal is obeyed after the next step.
    assert checkpoints(tmp_path) == ["step-00000006", "step-00000007"]


@pytest.mark.fault(54)
def test_the_second_interrupt_stops_at_once(si, tmp_path, finished, results):
    done = si("run", "r.yaml", "--out", "run", moment=("signal_after_step", 9, "SIGINT", 2))
    assert done.code == 130
    assert checkpoints(tmp_path) == ["step-00000006"]
    assert status(tmp_path / "run")["message"] == "stopped at once by a second signal"
    assert si("run", "r.yaml", "--out", "run", "--resume").code == 0
    assert results(tmp_path / "run") == results(finished)


@pytest.mark.fault(55)
def test_a_second_sigterm_does_not_hinder_the_save(si, tmp_path):
    assert si(*RUN, moment=("signal_after_step", 9, "SIGTERM", 3)).code == 143
    assert checkpoints(tmp_path) == ["step-00000009"]


@pytest.mark.fault(54, 55)
@BOTH
@pytest.mark.parametrize("stage", ["sample_into", "measure_into"])
def test_after_training_it_ends_at_once(si, tmp_path, finished, results, stage, name, code):
    done = si("run", "r.yaml", "--out", "run", moment=("signal_in_stage", stage, name))
    assert done.code == code
    assert status(tmp_path / "run")["state"] == "interrupted"
    assert status(tmp_path / "run")["step"] == 24
    assert not (tmp_path / "run" / "estimates.json").exists()
    assert si("run", "r.yaml", "--out", "run", "--resume").code == 0
    assert results(tmp_path / "run") == results(finished)


@pytest.mark.fault(54, 55)
@BOTH
def test_a_command_on_a_run_leaves_no_half_file(si, tmp_path, finished, name, code):
    done = si("sample", finished, "--out", "x.npy", moment=("signal_at_point", "atomic: written", 1, name))
    assert done.code == code
    assert "stopped by a signal" in done.err
    assert [path.name for path in tmp_path.iterdir() if "npy" in path.name] == []
