"""When a run may be resumed, and what is said when it may not; a refusal changes nothing but the log."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from .conftest import status

RESUME = ("run", "r.yaml", "--out", "run", "--resume")


@pytest.fixture
def run(tmp_path, finished):
    """A copy of the finished run, as ``run`` in the test's folder."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def halved(si, tmp_path):
    """A run that was killed after its step 15, with checkpoints of steps 6 and 12."""
    assert si("run", "r.yaml", "--out", "run", moment=("signal_after_step", 15, "SIGKILL")).code == -signal.SIGKILL
    return tmp_path / "run"


def contents(run):
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in run.rglob("*")
        if path.is_file() and path.name not in ("log.txt", ".lock")
    }


@pytest.mark.fault(51)
def test_a_finished_run_is_left_as_it_is(si, run):
    before = contents(run)
    done = si(*RESUME)
    assert (done.code, done.err) == (0, "")
    assert "this run is finished; nothing to resume" in done.out
    assert contents(run) == before


def test_what_is_missing_of_a_finished_run_is_made_again(si, run, finished, results):
    (run / "samples.npy").unlink()
    assert si(*RESUME).code == 0
    assert results(run) == results(finished)


@pytest.mark.fault(49)
def test_a_changed_recipe_is_refused_with_old_and_new_values(si, halved):
    before = contents(halved)
    done = si(*RESUME, "train.batch=16", "latent.scale=2", "sample.number=3")
    assert done.code == 2
    assert "train.batch: 32 -> 16" in done.err
    assert "latent.scale: 1.0 -> 2.0" in done.err
    assert "sample.number" not in done.err
    assert "--force" in done.err
    assert contents(halved) == before


@pytest.mark.fault(49)
def test_what_does_not_enter_training_may_change(si, halved, tmp_path, finished):
    done = si(*RESUME, "sample.number=10", "train.keep=2", "train.checkpoint_every=5", "title=Another", "estimators=[]")
    assert done.code == 0
    assert "changed in what the steps done do not depend on" in done.out
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (halved / name).read_bytes() == (finished / name).read_bytes()
    assert json.loads((halved / "estimates.json").read_text()) == []
    assert "Another" in (halved / "resolved.yaml").read_text()


def test_a_finished_run_samples_anew_when_that_is_what_changed(si, run, finished):
    assert si(*RESUME, "sample.number=10", "sample.epsilon=1.0").code == 0
    assert (run / "model.safetensors").read_bytes() == (finished / "model.safetensors").read_bytes()
    assert len((run / "samples.npy").read_bytes()) < len((finished / "samples.npy").read_bytes())


@pytest.mark.fault(49)
def test_force_goes_on_and_is_recorded(si, halved):
    done = si(*RESUME, "train.steps=30", "--force")
    assert done.code == 0
    assert "resumed by force with a changed recipe: train.steps: 24 -> 30" in done.err
    assert "resumed by force" in (halved / "log.txt").read_text()
    assert status(halved)["step"] == 30
    assert "steps: 30" in (halved / "resolved.yaml").read_text()


def test_not_even_by_force_less_than_is_trained(si, run):
    before = contents(run)
    done = si(*RESUME, "train.steps=10", "--force")
    assert done.code == 2
    assert "trained further than the recipe asks for" in done.err
    assert contents(run) == before


@pytest.mark.fault(43)
def test_a_damaged_checkpoint_is_set_aside_and_the_older_one_serves(si, halved, finished, results):
    damaged = halved / "checkpoints" / "step-00000012" / "weights.safetensors"
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    done = si(*RESUME)
    assert done.code == 0
    assert "checkpoint skipped" in done.err
    assert str(damaged.relative_to(halved)) in done.err
    assert "wrong checksum" in done.err
    assert "resumed from step 6" in done.out
    (aside,) = halved.glob("checkpoints/damaged-step-00000012-*")
    shutil.rmtree(aside)
    assert results(halved) == results(finished)


@pytest.mark.fault(44)
def test_when_none_is_good_it_does_not_start_again_in_silence(si, halved):
    for path in halved.glob("checkpoints/*/manifest.json"):
        path.unlink()
    done = si(*RESUME)
    assert done.code == 4
    assert "none of the checkpoints is good" in done.err
    assert "fix: start a new run" in done.err
    assert status(halved)["state"] == "running"
    assert len(list(halved.glob("checkpoints/damaged-*"))) == 2


def test_a_run_killed_before_its_recipe_was_written_starts(si, tmp_path, finished, results):
    moment = ("signal_at_point", "atomic: opened", 1, "SIGKILL")
    assert si("run", "r.yaml", "--out", "run", moment=moment).code == -signal.SIGKILL
    done = si(*RESUME)
    assert done.code == 0
    assert "the run there was stopped before it began; starting it" in done.out
    assert results(tmp_path / "run") == results(finished)


@pytest.mark.fault(51)
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--resume", "--out", "nowhere"], 4, "nowhere: no such run"),
        (["--resume", "--out", "r.yaml"], 4, "r.yaml: a run is a folder"),
        (["--resume", "--out", "empty"], 4, "empty: the folder is no run"),
        (["--resume"], 4, "there is no run of 'r' to resume"),
        (["--force"], 2, "add --resume to --force"),
        (["--take-over"], 2, "add --resume to --take-over"),
        (["--allow-data-change"], 2, "add --resume to --allow-data-change"),
        (["--out", "run"], 4, "run: the folder is not empty"),
    ],
)
def test_other_refusals(si, run, tmp_path, words, code, message):
    (tmp_path / "empty").mkdir()
    before = contents(run)
    done = si("run", "r.yaml", *words)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert "Traceback" not in done.err
    assert contents(run) == before


@pytest.mark.fault(50)
def test_another_environment_is_named(si, halved):
    recorded = json.loads((halved / "environment.json").read_text())
    recorded["distributions"]["numpy"] = "1.0.0"
    recorded["distributions"]["si-old"] = "3.0"
    (halved / "environment.json").write_text(json.dumps(recorded))
    done = si(*RESUME)
    assert done.code == 0
    assert "equal in law but not bit for bit, as this differs: distributions.numpy: 1.0.0 -> " in done.err
    assert "si-old" not in done.err
