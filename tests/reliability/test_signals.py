"""SIGINT and SIGTERM in every command, once and again: exit 130 or 143, nothing half written, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from ..cli.conftest import status

CODES = {"SIGINT": 130, "SIGTERM": 143}
# Where in its work each command is met: in the middle of what it computes, and in the middle of a file.
MIDDLE = "signal_in_call"
WRITING = "signal_at_point"
MEETINGS = {
    "sample": (("sample", "run", "--out", "x.npy"), MIDDLE, "si_core.models.model:Model.sample"),
    "sample, table": (("sample", "run", "--out", "x.csv"), WRITING, "atomic: written"),
    "estimate": (("estimate", "run", "energy-distance"), MIDDLE, "si_core.models.model:Model.sample"),
    "report": (("report", "run"), WRITING, "atomic: written"),
    "export": (("export", "run", "model"), WRITING, "folder: filled"),
    "validate": (("validate", "r.yaml"), MIDDLE, "si_core.recipes.loader:load_recipe"),
    "check": (("check", "brownian"), MIDDLE, "si_authoring.checking.supervisor:_Worker.components"),
    "list": (("list",), MIDDLE, "si_core.cli.list:installed_plugins"),
    "loading": (("sample", "run"), MIDDLE, "si_core.runs.loading:load_trained"),
}


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".said-" not in path.name}


@pytest.mark.fault(54, 55)
@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("SIGINT", 3),
        ("SIGTERM", 1),
        pytest.param("SIGINT", 1, marks=pytest.mark.slow),
        pytest.param("SIGTERM", 3, marks=pytest.mark.slow),
    ],
)
def test_a_command_that_is_stopped_leaves_all_as_it_was(si, run, tmp_path, name, times):
    before = contents(tmp_path)
    for words, moment, where in MEETINGS.values():
        settings = (where, name, times) if moment == MIDDLE else (where, 1, name)  # a point of a write has one signal
        done = si(*words, moment=(moment, *settings))
        assert done.code == CODES[name], (words, done)
        assert "Traceback" not in done.err
        assert done.err.startswith("si: ")
        after = contents(tmp_path)
        assert after.keys() == before.keys(), (words, after.keys() ^ before.keys())
        assert after == before, words
        assert status(run)["state"] == "finished"


@pytest.mark.fault(54, 55)
@pytest.mark.parametrize(("name", "code"), [*CODES.items(), ("SIGKILL", -signal.SIGKILL)])
def test_a_check_that_is_stopped_stops_its_worker(si, tmp_path, stranger, name, code):
    site = stranger("latent", "strange", "Strange", "import time\ntime.sleep(100)\n")
    child = si.start("check", "strange", "--timeout", "90", site=site, PYTHONPATH=str(site))
    end = time.monotonic() + 30
    while not (workers := children_of(child.pid)):
        assert time.monotonic() < end
        time.sleep(0.01)
    os.kill(child.pid, signal.Signals[name])
    assert child.wait().code == code
    while [worker for worker in workers if alive(worker)]:
        assert time.monotonic() < end, "the worker goes on"
        time.sleep(0.01)


def alive(pid):
    """Whether a process goes on; one that has ended and that nobody has asked about does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


@pytest.mark.fault(54, 55)
@pytest.mark.parametrize("name", CODES)
def test_signals_at_the_very_end_give_no_traceback(run, name):
    """A program of its own: the interpreter's end is where a signal shows that comes after the command's."""
    program = (
        "import atexit, os, signal, sys\n"
        f"again = lambda: os.kill(os.getpid(), signal.{name})\n"
        "atexit.register(again)\n"
        "import si_core.cli.main as main\n"
        "main._run = lambda words: (again(), 0)[1]\n"
        "sys.exit(main.main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program, "list"], capture_output=True, text=True, timeout=60)
    assert done.returncode in (CODES[name], -signal.Signals[name])  # a shell says 130 or 143 of both
    assert done.stderr == f"si: {'interrupted' if name == 'SIGINT' else 'terminated'}\n"


@pytest.mark.fault(54)
def test_handlers_are_those_of_the_caller_afterwards():
    from si_core.cli.main import main

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert main(["list", "latent"]) == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    ours = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert main(["list", "latent"]) == 0
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, ours)
