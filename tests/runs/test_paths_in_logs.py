"""Texts that a run keeps tell paths from where people stand, and leave everything else as it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import si_core
from si_core.runs.log import RunLog
from si_core.runs.private_paths import without_private_paths
from si_core.runs.status import Status, read_status, write_status


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "here" / "run").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "here"


def test_known_starts_are_left_out(here, tmp_path):
    cases = {
        f"{here}/data/my file.csv: no such file": "data/my file.csv: no such file",
        f"reads '{here}/a.csv' and {here}/b.csv": "reads 'a.csv' and b.csv",
        f"in {here}, at {here}:3": "in ., at .:3",
        f"wrote {here}/run/samples.npy": "wrote ./samples.npy",
        f"go on with: si run {here}/run/resolved.yaml --out {here}/run": "go on with: si run ./resolved.yaml --out .",
        f"{tmp_path}/home/x": "~/x",
        f'File "{os.path.dirname(os.__file__)}/json/decoder.py", line 3': 'File "json/decoder.py", line 3',
        f'File "{Path(si_core.__file__).parents[1]}/si_core/cli/main.py"': 'File "si_core/cli/main.py"',
        'File "/srv/who/knows.py", line 3': 'File "knows.py", line 3',
        f"[Errno 2] No such file: '{sys.prefix}/share/x'": "[Errno 2] No such file: '<python>/share/x'",
    }
    for text, expected in cases.items():
        assert without_private_paths(text, here / "run") == expected


@pytest.mark.parametrize(
    "text", ["", "a/b.csv", "1 / 2", "/", "{here}wards/a", "{here}.bak", "/mnt{here}/a", "../{here}", "mean\\1 \\g<0>"]
)
def test_what_only_looks_alike_stays(here, text):
    text = text.format(here=here)
    assert without_private_paths(text, here / "run") == text


def test_a_folder_elsewhere_is_told_from_itself(here, tmp_path):
    out = tmp_path / "scratch" / "run\\1"
    assert without_private_paths(f"done: {out}; report: {out}/report.html", out) == "done: .; report: ./report.html"


def test_logs_and_status_keep_no_private_paths(here):
    log = RunLog(here / "run" / "log.txt")
    log.line(f"reads {here}/a.csv")
    log.warn(f"{here}/a.csv: 3 rows dropped")
    try:
        (here / "gone").read_text()
    except OSError as error:
        log.error(error)
    log.close()
    write_status(here / "run" / "STATUS.json", Status("failed", message=f"{here}/a.csv: damaged"))
    assert read_status(here / "run" / "STATUS.json").message == "a.csv: damaged"
    kept = (here / "run" / "log.txt").read_text()
    assert "reads a.csv" in kept
    assert "warning: a.csv: 3 rows" in kept
    assert "No such file or directory: 'gone'" in kept
    assert str(here) not in kept
    assert str(Path(__file__).parents[2]) not in kept
    assert sys.prefix not in kept
