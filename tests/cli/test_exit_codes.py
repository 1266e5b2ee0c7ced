"""Every way to fail has its exit code, a message without traceback, and the traceback where it can be looked up."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from .conftest import status

OUT = ("--out", "run")


@pytest.mark.fault(1, 16, 21, 23)
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run"], 2, "required: RECIPE"),
        (["run", "r.yml"], 2, "did you mean 'r.yaml'"),
        (["run", "chekerboard"], 2, "did you mean 'checkerboard'"),
        (["run", "r.yaml", "train.step=3"], 2, "did you mean 'steps'"),
        (["run", "r.yaml", "train.steps=2.5"], 2, "train.steps"),
        (["run", "r.yaml", "latent=browian"], 2, "did you mean 'brownian'"),
        (["run", "r.yaml", "--device", "abacus"], 2, "--device: no such device here"),
        (["run", "r.yaml", "sample.integrator=rk4"], 2, "'rk4' solves ODEs"),
        (["run", "r.yaml", "estimators=[excess-loss]", "target=checkerboard"], 2, "exact fields"),
        (["run", "r.yaml", "target={use: array, path: none.csv}"], 3, "no such file"),
        (["run", "r.yaml", "target={use: array, path: nan.csv}"], 3, "row 1 (line 3)"),
        (["sample", "nowhere"], 4, "nowhere: no such run"),
        (["sample", "."], 4, "the folder is no run"),
    ],
)
def test_mistakes_leave_no_folder(si, tmp_path, words, code, message):
    (tmp_path / "nan.csv").write_text("x,y\n1,2\n,3\n")
    done = si(*words, *(OUT if words[0] == "run" else ()))
    assert done.code == code
    assert message in done.err
    assert done.err.startswith("si: error: ")
    assert "Traceback" not in done.err
    assert done.out == ""
    assert not (tmp_path / "run").exists()


@pytest.mark.fault(58)
@pytest.mark.parametrize(
    "words", [("run", "r.yaml", *OUT), ("sample", "RUN"), ("estimate", "RUN", "energy-distance"), ("report", "RUN")]
)
def test_one_of_several_processes_does_not_work_alone(si, tmp_path, finished, words):
    done = si(*(finished if word == "RUN" else word for word in words), WORLD_SIZE="4", RANK="1")
    assert done.code == 2
    said = "this process is one of several" if words[0] == "report" else "the processes don't come together"
    assert said in done.err
    assert "process 1 of 4" in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite_is_3_and_the_last_checkpoint_stays(si, tmp_path):
    done = si("run", "r.yaml", *OUT, moment=("weights_explode_after_step", 14))
    assert done.code == 3
    assert "step 15: the loss of velocity, denoiser is not finite" in done.err
    assert "fix: a smaller learning rate" in done.err
    assert "saved up to step 12, and the traceback is in run/log.txt" in done.err
    assert "go on with: si run run/resolved.yaml --resume --out run" in done.err
    found = status(tmp_path / "run")
    assert (found["state"], found["step"], found["exit_code"]) == ("failed", 12, 3)
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == [
        "step-00000006",
        "step-00000012",
    ]
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_what_broke_without_a_trace_in_it_is_resumed(si, tmp_path, finished, results):
    si("run", "r.yaml", *OUT, moment=("weights_explode_after_step", 14))
    assert si("run", "r.yaml", *OUT, "--resume").code == 0
    assert results(tmp_path / "run") == results(finished)


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("train_into", ["out of memory in training", "train.batch=16"]),
        ("sample_into", ["out of memory in sampling", "sample.batch=32"]),
        ("measure_into", ["out of memory in estimation", "`batch` or `samples`"]),
    ],
)
def test_want_of_memory_is_3_with_three_remedies(si, tmp_path, stage, words):
    done = si("run", "r.yaml", *OUT, moment=("out_of_memory_at", stage))
    assert done.code == 3
    for text in (*words, "372 parameters", "MiB of the process", "(1)", "(2)", "(3)"):
        assert text in done.err
    assert "Traceback" not in done.err


@pytest.mark.fault(37)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit needs Linux")
def test_a_batch_beyond_the_memory_of_the_machine_is_refused_as_such(si, tmp_path):
    # Ten million pairs are 240 MB of coordinates and 640 MB of hidden units.
    done = si("run", "r.yaml", "train.batch=10000000", *OUT, moment=("little_memory", 3 * 10**8))
    assert done.code == 3
    assert "out of memory in training" in done.err
    assert "batch 10000000" in done.err
    assert "train.batch=5000000" in done.err
    assert status(tmp_path / "run")["exit_code"] == 3


def test_a_bug_is_1_and_asks_for_a_report(si, tmp_path):
    done = si("run", "r.yaml", *OUT, moment=("bug_after_step", 7))
    assert done.code == 1
    assert "si: internal error: ZeroDivisionError: a bug in two lines" in done.err
    assert "fix: use --debug for the traceback and report it" in done.err
    assert "Traceback" not in done.err
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "Traceback" in log
    assert "ZeroDivisionError: a bug" in log
    assert status(tmp_path / "run")["exit_code"] == 1


@pytest.mark.parametrize("where", ["before", "after"])
def test_debug_shows_the_traceback(si, where):
    words = ["run", "r.yaml", *OUT]
    words = ["--debug", *words] if where == "before" else [*words, "--debug"]
    assert "Traceback" in si(*words, moment=("bug_after_step", 1)).err


def test_success_is_0_and_silent_on_standard_error(si):
    done = si("run", "r.yaml", "train.steps=2", *OUT)
    assert (done.code, done.err) == (0, "")


@pytest.mark.fault(39)
def test_sigkill_is_what_it_is(si):
    assert si("run", "r.yaml", *OUT, moment=("signal_after_step", 1, "SIGKILL")).code == -signal.SIGKILL
