"""A run has one owner at a time: a second process is refused while it lives, and takes over when it is gone."""

from __future__ import annotations

import json
import os
import time

import pytest

RESUME = ("run", "r.yaml", "--out", "run", "--resume")


@pytest.mark.fault(57)
def test_a_live_run_refuses_a_second_process(si, tmp_path, finished, results):
    waiting = tmp_path / "waiting"
    first = si.start("run", "r.yaml", "--out", "run", moment=("wait_after_step", 8, str(waiting)))
    end = time.monotonic() + 30
    while not waiting.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    second = si(*RESUME)
    assert second.code == 4
    assert "another process owns this run" in second.err
    assert f"process {first.pid} on {os.uname().nodename}, since 20" in second.err
    assert "fix: wait for it, or stop that process" in second.err
    assert si(*RESUME, "--take-over").code == 4
    waiting.unlink()
    assert first.wait().code == 0
    assert results(tmp_path / "run") == results(finished)


@pytest.mark.fault(57)
def test_the_lock_of_a_dead_process_is_taken_with_a_word(si, tmp_path):
    si("run", "r.yaml", "--out", "run", moment=("signal_after_step", 8, "SIGKILL"))
    assert json.loads((tmp_path / "run" / ".lock").read_text())["host"] == os.uname().nodename
    done = si(*RESUME)
    assert done.code == 0
    assert "stale lock taken" in done.err
    assert (tmp_path / "run" / ".lock").read_bytes() == b""


@pytest.mark.fault(57)
def test_the_lock_of_another_machine_is_taken_only_when_told(si, tmp_path, finished, results):
    si("run", "r.yaml", "--out", "run", moment=("signal_after_step", 8, "SIGTERM"))
    record = {"host": "elsewhere", "pid": 4711, "since": "2020-01-01T00:00:00+00:00"}
    (tmp_path / "run" / ".lock").write_text(json.dumps(record))
    done = si(*RESUME)
    assert done.code == 4
    assert "process 4711 on elsewhere" in done.err
    assert "--take-over" in done.err
    done = si(*RESUME, "--take-over")
    assert done.code == 0
    assert "taken over from process 4711 on elsewhere" in done.err
    assert results(tmp_path / "run") == results(finished)


@pytest.mark.fault(56)
def test_two_that_start_in_one_folder_at_once_do_not_share_it(si, tmp_path, finished, results):
    children = [si.start("run", "r.yaml", "--out", "run") for _ in range(3)]
    done = [child.wait() for child in children]
    assert sorted(one.code for one in done) == [0, 4, 4]
    for one in done:
        assert one.code == 0 or "the folder is not empty" in one.err or "has just taken the folder" in one.err
    assert results(tmp_path / "run") == results(finished)
