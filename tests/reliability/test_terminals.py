"""Whoever reads what commands say may go away, be narrow or know no accents: no crash, and the work is done."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import threading

import pytest

COMMANDS = {
    "list": ("list",),
    "plugins": ("plugins",),
    "help": ("run", "--help"),
    "validate": ("validate", "r.yaml"),
    "run": ("run", "r.yaml", "train.steps=4", "--out", "new"),
    "sample": ("sample", "run", "-n", "4", "--out", "x.npy"),
    "estimate": ("estimate", "run", "energy-distance"),
    "export": ("export", "run", "model"),
}
MAKES = {"run": "new/samples.npy", "sample": "x.npy", "export": "model/model.safetensors"}
every_command = pytest.mark.parametrize("command", COMMANDS)
few_at_once = pytest.mark.parametrize(
    "command", [pytest.param(name, marks=[pytest.mark.slow] * (name not in ("list", "sample"))) for name in COMMANDS]
)


def done_well(done, tmp_path, command):
    assert "Traceback" not in done.out + done.err
    assert "internal error" not in done.err
    assert command not in MAKES or (tmp_path / MAKES[command]).exists()


@pytest.mark.fault(60)
@every_command
def test_a_reader_that_goes_away_at_once(si, run, tmp_path, command):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    child = si.start(*COMMANDS[command], out=str(pipe))
    os.close(os.open(pipe, os.O_RDONLY))
    done = child.wait()
    # Those that write files are done; those that only speak end as a process that SIGPIPE has killed.
    assert done.code in ((0,) if command in ("run", "sample") else (0, 141))
    assert done.err == ""
    done_well(done, tmp_path, command)


@pytest.mark.fault(60)
@pytest.mark.parametrize("columns", [20, pytest.param(1, marks=pytest.mark.slow)])
@few_at_once
def test_a_terminal_of_few_columns(si, run, tmp_path, command, columns):
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 3, columns, 0, 0))
    said = bytearray()

    def read():
        while True:
            try:
                said.extend(os.read(reader, 4096))
            except OSError:  # all that wrote to it have closed it
                return

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    done = si(*COMMANDS[command], out=os.ttyname(writer), COLUMNS="")
    os.close(writer)
    thread.join(10)
    os.close(reader)
    assert done.code == 0, done.err
    assert b"Traceback" not in said
    assert said
    done_well(done, tmp_path, command)


@pytest.mark.fault(60)
@few_at_once
def test_without_a_terminal_lines_are_plain(si, run, tmp_path, command):
    done = si(*COMMANDS[command], TERM="xterm-256color", FORCE_COLOR="1")
    assert (done.code, done.err) == (0, "")
    assert not set("\x1b\r\b") & set(done.out)
    done_well(done, tmp_path, command)
