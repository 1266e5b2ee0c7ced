"""Clocks that stand, jump back or have another zone: names are unique, and the newest is told by steps and names."""

from __future__ import annotations

import json
import os
import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from si_core.runs.directory import RunDirectory
from si_core.runs.resume import newest_run
from si_core.storage.checkpoint import newest_verified, save_checkpoint

from ..cli.conftest import status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOURS = {"stands": 0, "jumps back": -5, "goes on": 1, "is set back by years": -24 * 4000}


class Clock:
    """A stand-in for ``datetime.datetime`` whose time is set."""

    strptime = datetime.strptime

    def __init__(self, now):
        self.time = now

    def now(self, zone):
        return self.time.astimezone(zone)


@pytest.mark.fault(61)
@pytest.mark.parametrize("hours", HOURS.values(), ids=HOURS)
def test_the_newest_run_is_the_one_made_last(tmp_path, monkeypatch, hours):
    clock, made = Clock(NOON), []
    monkeypatch.setattr("si_core.runs.new_directory.datetime", clock)
    for _ in range(6):
        made.append(RunDirectory.create("r", tmp_path))
        made[-1].resolved.write_text("")
        assert newest_run("r", tmp_path) == made[-1]
        clock.time += timedelta(hours=hours)
    names = [run.path.name for run in made]
    assert names == sorted(set(names))
    assert names[0].startswith("20260301-120000-")


@pytest.mark.fault(61)
@pytest.mark.parametrize(
    "name", ["99991231-235959-ffffff", "20261399-000000-000000", "20260301-120000-nothex", "notes"]
)
def test_names_that_others_have_put_there_hinder_no_run(tmp_path, monkeypatch, name):
    monkeypatch.setattr("si_core.runs.new_directory.datetime", Clock(NOON))
    (tmp_path / "r" / name).mkdir(parents=True)
    assert RunDirectory.create("r", tmp_path).path.name.startswith("20260301-120000-")


@pytest.mark.fault(61)
def test_the_newest_checkpoint_is_that_of_the_highest_step_whatever_their_times_say(tmp_path):
    for step in (1, 2, 3):
        path = save_checkpoint(tmp_path, step, {}, {})
        for file in [*path.iterdir(), path]:
            os.utime(file, (10**9 - step, 10**9 - step))
    assert newest_verified(tmp_path, pytest.fail).name == "step-00000003"


@pytest.mark.fault(61)
def test_a_run_goes_on_under_an_earlier_clock_and_in_another_zone(si, tmp_path, finished, results):
    run = ("run", "r.yaml", "--out", "run")
    assert si(*run, moment=("signal_after_step", 8, "SIGTERM"), TZ="Pacific/Kiritimati").code == 143
    for file in (tmp_path / "run").rglob("*"):
        os.utime(file, (4 * 10**9, 4 * 10**9))
    text = (tmp_path / "run" / "STATUS.json").read_text(encoding="utf-8")
    later = json.loads(text) | {"started": "2096-01-01T00:00:00+00:00", "updated": "2096-01-01T00:00:00+00:00"}
    (tmp_path / "run" / "STATUS.json").write_text(json.dumps(later), encoding="utf-8")
    assert si(*run, "--resume", TZ="America/Adak").code == 0
    assert results(tmp_path / "run") == results(finished)
    assert status(tmp_path / "run")["updated"][:10] == time.strftime("%Y-%m-%d", time.gmtime())


@pytest.mark.fault(61)
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Adak"])
def test_times_are_told_in_utc(si, tmp_path, zone):
    assert si("run", "r.yaml", "train.steps=2", TZ=zone).code == 0
    (folder,) = (tmp_path / "runs" / "r").iterdir()
    now = datetime.now(UTC)
    assert abs(datetime.strptime(folder.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC) - now) < timedelta(minutes=5)
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", (folder / "log.txt").read_text(encoding="utf-8"))
    assert status(folder)["started"].endswith("+00:00")
