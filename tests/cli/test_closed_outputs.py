"""Outputs that are closed, full, narrow or no terminal: a run goes on, and nothing ends in a traceback."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
import time

import pytest

# Several times the tenth of a second between two drawings of the bar.
LONG = ("run", "r.yaml", "train.steps=600", "train.checkpoint_every=null", "--out", "run")
SI = [sys.executable, "-m", "si_core"]


class Screen:
    """A terminal: ``name`` is what a command writes to, ``text`` what it has written."""

    def __init__(self):
        self.reader, self._writer = pty.openpty()
        self.name, self.text = os.ttyname(self._writer), ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while True:
            try:
                data = os.read(self.reader, 4096)
            except OSError:  # all that wrote to it have closed it
                return
            self.text += data.decode(errors="replace")

    def close(self):
        """No one holds the terminal any more; returns what was written."""
        os.close(self._writer)
        self._thread.join(10)
        os.close(self.reader)
        return self.text


@pytest.fixture
def screen():
    return Screen()


@pytest.mark.fault(60)
def test_off_a_terminal_there_is_a_line_for_each_event(si):
    done = si("run", "r.yaml", "--out", "run")
    assert "\x1b" not in done.out + done.err
    assert "\r" not in done.out + done.err
    lines = done.out.splitlines()
    assert lines[0] == "run: run"
    assert any(line.startswith("step 24/24  velocity ") for line in lines)
    assert lines[-1].startswith("done in ")


def test_on_a_terminal_there_is_a_bar(si, screen):
    assert si(*LONG, out=screen.name).code == 0
    text = screen.close()
    assert "/600" in text
    assert "━" in text
    assert "\x1b[" in text
    assert "done in" in text


@pytest.mark.fault(60)
def test_a_dumb_terminal_gets_lines(si, screen):
    assert si(*LONG, out=screen.name, TERM="dumb").code == 0
    text = screen.close()
    assert "\x1b" not in text
    assert "━" not in text
    assert "done in" in text


@pytest.mark.fault(60)
def test_a_narrow_terminal_is_no_error(si, screen):
    assert si(*LONG, out=screen.name, COLUMNS="12").code == 0
    assert "done in" in screen.close().replace("\r\n", "")


@pytest.mark.fault(60)
def test_a_run_outlives_its_terminal(si, tmp_path, finished, results):
    reader, writer = pty.openpty()
    waiting = tmp_path / "waiting"
    child = si.start(
        "run", "r.yaml", "--out", "run", out=os.ttyname(writer), moment=("wait_after_step", 8, str(waiting))
    )
    end = time.monotonic() + 30
    while not waiting.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    os.close(reader)
    os.close(writer)
    waiting.unlink()
    assert child.wait().code == 0
    assert results(tmp_path / "run") == results(finished)


@pytest.mark.fault(60)
@pytest.mark.parametrize("taken", [1, 2])
def test_a_run_outlives_the_reader_of_its_lines(si, tmp_path, finished, results, taken):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    child = si.start("run", "r.yaml", "--out", "run", out=str(pipe))
    with pipe.open() as reader:
        for _ in range(taken):
            assert reader.readline()
    assert child.wait().code == 0
    assert results(tmp_path / "run") == results(finished)
    assert "done in" in (tmp_path / "run" / "log.txt").read_text()


def test_outputs_that_take_nothing(si, tmp_path, finished, results):
    assert si("run", "r.yaml", "--out", "run", out="/dev/full").code == 0
    assert results(tmp_path / "run") == results(finished)
    done = si("list", out="/dev/full")
    assert done.code == 4
    assert done.err.startswith("si: error: standard output: No space left on device")


def shell(command, tmp_path, **settings):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **settings}
    command = command.replace("SI", " ".join(SI))
    return subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, check=False)


@pytest.mark.fault(60)
@pytest.mark.parametrize("command", ["SI list | head -1", "SI recipes | head -1", "SI schema | head -1"])
def test_head_of_a_listing(tmp_path, command):
    done = shell(command, tmp_path)
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""


@pytest.mark.fault(60)
def test_the_interpreter_says_nothing_of_closed_outputs(si, tmp_path):
    # The last flush of an interpreter is where a closed pipe shows, so this is a process with an end of its own.
    done = shell("SI run r.yaml train.steps=2 --out run | head -1; exec 1>&- 2>&-; SI sample run --out x.npy", tmp_path)
    assert done.stdout == b"run: run\n"
    assert done.stderr == b""
    assert (tmp_path / "x.npy").exists()


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}


@pytest.mark.fault(60)
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"LC_ALL": "C"}, "été".encode(), id="C", marks=pytest.mark.slow),
        pytest.param(ASCII, b"\\udcc3\\udca9t\\udcc3\\udca9", id="ascii"),
    ],
)
def test_an_encoding_without_accents(si, tmp_path, settings, said):
    done = shell("SI run r.yaml train.steps=2 --out été", tmp_path, **settings)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"run: " + said + b"\n")
    assert (tmp_path / "été" / "samples.npy").exists()
    assert "done in" in (tmp_path / "été" / "log.txt").read_text(encoding="utf-8")
