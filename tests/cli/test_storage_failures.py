"""A disk that is full, a folder that is gone: said at once with code 4, and what was saved before is as it was."""

from __future__ import annotations

import pytest

from .conftest import status

RUN = ("run", "r.yaml", "--out", "run")


def checkpoints(tmp_path):
    return sorted(path.name for path in tmp_path.glob("run/checkpoints/*"))


@pytest.mark.fault(41)
def test_no_room_for_a_checkpoint(si, tmp_path, finished, results):
    # The largest file of a checkpoint is the optimizer's, of about 4 kB.
    done = si(*RUN, moment=("no_room_after_step", 8, 3000))
    assert done.code == 4
    assert "the disk is full or a quota or limit on file sizes is reached" in done.err
    assert "step-00000012" in done.err
    assert "bytes needed" in done.err
    assert "bytes free" in done.err
    assert checkpoints(tmp_path) == ["step-00000006"]
    found = status(tmp_path / "run")
    assert (found["state"], found["step"], found["exit_code"]) == ("failed", 6, 4)
    assert si(*RUN, "--resume").code == 0
    assert results(tmp_path / "run") == results(finished)


@pytest.mark.fault(41)
def test_no_room_for_anything(si, tmp_path, finished, results):
    # Not for a line of metrics, nor for STATUS.json, which goes on to say that the run does, nor for what it says.
    assert si(*RUN, moment=("no_room_after_step", 7, 0)).code == 4
    assert status(tmp_path / "run")["state"] == "running"
    assert checkpoints(tmp_path) == ["step-00000006"]
    assert si(*RUN, "--resume").code == 0
    assert results(tmp_path / "run") == results(finished)


@pytest.mark.fault(42)
@pytest.mark.parametrize(
    ("file", "named", "saved"),
    [
        ("model.safetensors", "run/model.safetensors", 24),
        ("samples.npy", "run/samples.npy", 24),
        ("estimates.json", "run/estimates.json", 24),
        ("optimizer.safetensors", "run/checkpoints/step-00000006", 0),
        ("manifest.json", "run/checkpoints/step-00000006", 0),
        ("environment.json", "run/environment.json", 0),
    ],
)
def test_a_file_that_cannot_be_written(si, tmp_path, finished, results, file, named, saved):
    done = si(*RUN, moment=("open_fails", file, "EROFS"))
    assert done.code == 4
    assert "no permission, or the disk is read-only" in done.err
    assert f"error: {named}: no permission" in done.err
    assert "Traceback" not in done.err
    assert status(tmp_path / "run")["state"] == "failed"
    assert status(tmp_path / "run")["step"] == saved
    assert not [path for path in (tmp_path / "run").rglob("*") if ".tmp-" in path.name]
    assert si(*RUN, "--resume").code == 0
    assert results(tmp_path / "run") == results(finished)


def test_a_status_that_cannot_be_written_ends_the_run_before_it_begins(si, tmp_path):
    done = si(*RUN, moment=("open_fails", "STATUS", "EACCES"))
    assert done.code == 4
    assert checkpoints(tmp_path) == []


def test_a_log_that_cannot_be_written_is_a_warning(si, tmp_path, finished, results):
    si(*RUN, moment=("signal_after_step", 8, "SIGTERM"))
    (tmp_path / "run" / "log.txt").unlink()
    (tmp_path / "run" / "log.txt").mkdir()
    done = si(*RUN, "--resume")
    assert done.code == 0
    assert done.err.count("the log can't be written") == 1
    assert results(tmp_path / "run") == results(finished)


@pytest.mark.fault(42)
def test_a_folder_that_vanishes_is_not_made_again_in_silence(si, tmp_path):
    done = si(*RUN, moment=("folder_vanishes_after_step", 8, "run"))
    assert done.code == 4
    assert "the folder of the run is gone" in done.err
    assert "at step 12" in done.err
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize("out", ["r.yaml", "r.yaml/below", "x" * 300, "\0"])
def test_a_folder_that_cannot_be_made(si, tmp_path, out):
    done = si("run", "r.yaml", "--out", out)
    assert done.code == 4
    assert "Traceback" not in done.err
    assert "internal error" not in done.err
