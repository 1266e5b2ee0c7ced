"""Status, environment, log and strict JSON."""

import json
import math
import re

import pytest
import torch

from si_core.errors import StorageError
from si_core.runs.environment import differences, environment
from si_core.runs.log import Console, RunLog
from si_core.runs.status import Status, read_status, write_status
from si_core.storage.strict_json import format_json, parse_json


class Kept:
    """A console that keeps what it is told."""

    def __init__(self):
        self.said = []

    def line(self, text):
        self.said.append(("line", text))

    def warn(self, text):
        self.said.append(("warn", text))

    def progress(self, step, steps, text=""):
        self.said.append(("progress", step))


def test_status_round_trips_and_keeps_the_start(tmp_path):
    path = tmp_path / "STATUS.json"
    first = write_status(path, Status("running"))
    assert read_status(path) == first
    last = write_status(path, Status("interrupted", 7, first.started, exit_code=130, message="Ctrl-C ünd so"))
    assert read_status(path) == last
    assert last.started == first.started <= last.updated
    assert json.loads(path.read_text())["state"] == "interrupted"


@pytest.mark.parametrize("text", ["", "[]", '{"state": "running"}', "\xff"])
def test_a_broken_status_is_an_error(tmp_path, text):
    path = tmp_path / "STATUS.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(StorageError, match=re.escape(str(path))):
        read_status(path)


def test_an_unknown_state_and_a_missing_file_are_errors(tmp_path):
    path = tmp_path / "STATUS.json"
    with pytest.raises(StorageError, match="does not exist"):
        read_status(path)
    write_status(path, Status("running"))
    path.write_text(path.read_text().replace("running", "dancing"))
    with pytest.raises(StorageError, match="unknown state"):
        read_status(path)


def test_environment_names_versions_and_is_json():
    found = environment(["Safetensors", "no-such-distribution"])
    assert json.loads(json.dumps(found)) == found
    assert found["torch"]["version"] == torch.__version__
    assert found["torch"]["threads"] == torch.get_num_threads()
    assert found["distributions"]["safetensors"]
    assert found["distributions"]["no-such-distribution"] is None
    assert {"si-core", "torch", "numpy", "pyyaml"} <= set(found["distributions"])
    assert "pytest" not in found["distributions"]
    assert differences(found, environment(["safetensors", "no-such-distribution"])) == []


def test_differences_are_named():
    old = {"python": "3.11", "torch": {"version": "2.12", "threads": 2}}
    new = {"python": "3.11", "torch": {"version": "2.13", "threads": 2}, "machine": "x86_64"}
    assert differences(old, new) == ["machine: absent -> x86_64", "torch.version: 2.12 -> 2.13"]


def test_the_log_has_times_and_shows_the_lines(tmp_path):
    shown = Kept()
    log = RunLog(tmp_path / "log.txt", shown)
    log.line("begin")
    log.warn("two\nlines \x1b[31m\udcff")
    log.progress(1, 2)
    try:
        math.log(-1)
    except ValueError as error:
        log.error(error)
    log.close()
    log.line("after")
    text = (tmp_path / "log.txt").read_text()
    lines = text.splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z begin", lines[0])
    assert lines[1].endswith("Z warning: two")
    assert lines[2] == "    lines \\x1b[31m\\udcff"
    assert "math.log(-1)" in text
    assert "after" not in text
    assert [kind for kind, _ in shown.said] == ["line", "warn", "progress", "line"]
    assert isinstance(log, Console)
    assert isinstance(shown, Console)


def test_a_log_that_fails_warns_once_and_goes_on(tmp_path):
    shown = Kept()
    log = RunLog(tmp_path / "gone" / "log.txt", shown)
    log.line("one")
    log.line("two")
    assert [kind for kind, _ in shown.said] == ["warn", "line", "line"]


@pytest.mark.parametrize("value", [{1: 2}, (1, 2), {"x": math.nan}, {"x": math.inf}, {"x": torch.ones(2)}, {"x": {1}}])
def test_what_json_does_not_hold_is_refused(value):
    with pytest.raises(StorageError, match="here"):
        format_json(value, "here")


@pytest.mark.parametrize("data", [b'{"a": 1, "a": 2}', b"NaN", b"-Infinity", b"[" * 100_000, b"\xff", b"", b"9" * 5000])
def test_what_is_not_strict_json_is_refused(data):
    with pytest.raises(StorageError, match="here: not valid JSON"):
        parse_json(data, "here")
    with pytest.raises(StorageError, match="too much"):
        parse_json(data + b" " * 6000, "here", limit=1000)
