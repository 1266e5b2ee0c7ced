"""On a terminal nothing is broken within a word, whatever its width, and `--quiet` and `--verbose` are heard."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import re

import pytest

from si_core.cli import console as consoles
from si_core.cli.console import LineConsole, TerminalConsole, open_console
from si_core.cli.folding import folded
from si_core.cli.main import main
from si_core.cli.verbosity import speaking
from si_core.discovery.commands import all_commands
from si_core.runs.records import LogRecords


class Terminal(io.StringIO):
    """Standard output and error as a terminal of so many columns, while it is entered."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns, self._streams = columns, contextlib.ExitStack()

    def isatty(self) -> bool:
        return True

    def __enter__(self) -> Terminal:
        self._streams.enter_context(contextlib.redirect_stdout(self))
        self._streams.enter_context(contextlib.redirect_stderr(self))
        return self

    def __exit__(self, *error: object) -> None:
        self._streams.close()

    def told(self, *words: str) -> tuple[int, str]:
        """The exit code of a command, and what it says."""
        with self:
            code = main(words)
        return code, self.getvalue()


@pytest.fixture(params=[60, 120])
def terminal(request, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(request.param))  # of which argparse and rich hear
    return Terminal(request.param)


def too_long(text: str, columns: int) -> list[str]:
    """Lines that a terminal would break; those with a word or a command that must stay whole are none."""
    lines = [line for line in text.split("\n") if len(line) > columns]
    return [line for line in lines if not line.startswith("  fix: ") and max(map(len, line.split())) < columns / 2]


@pytest.mark.parametrize("name", all_commands())
def test_help_fits(name, terminal):
    code, text = terminal.told(name, "--help")
    assert code == 0
    assert "for every command" in text
    assert not too_long(text, terminal.columns)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--help", "COMMAND"),
        ("--version", "torch"),
        ("list", "brownian"),
        ("list integrator", "heun"),
        ("plugins", "si-recipes"),
        ("recipes", "checkerboard"),
        ("show latent brownian", "scale"),
        ("show train", "optimizer"),
    ],
)
def test_what_is_listed_fits(words, expected, terminal):
    code, text = terminal.told(*words.split())
    assert code == 0
    assert expected in text
    assert not too_long(text, terminal.columns)


@pytest.mark.parametrize("words", ["run chekerboard", "validate checkerboard train.stps=3", "lsit", "run -x"])
def test_errors_fit_and_keep_their_words(words, terminal):
    code, text = terminal.told(*words.split())
    assert code == 2
    assert "fix: " in text
    assert not too_long(text, terminal.columns)


@pytest.mark.parametrize("width", [20, 33, 60])
def test_folding_keeps_every_word(width):
    text = "  some words and /a/path/that/is/longer/than/the/terminal/is/wide and more of them"
    lines = folded(text, width, "  ")
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= max(width, 22) or len(line.split()) == 1 for line in lines)


def test_a_pipe_gets_whole_lines(capsys):
    assert main(["recipes"]) == 0
    rows = [line for line in capsys.readouterr().out.split("\n") if "si-recipes" in line]
    assert all(re.match(r"\S+ +si-recipes +\S", line) for line in rows)


def test_progress_is_one_line_with_losses_rate_and_time(terminal):
    with terminal, TerminalConsole() as console:
        for step in range(1000, 1004):
            console.progress(step, 4000, "velocity -0.1643  denoiser -0.1393  held out 0.2345  and so on" * 2)
        rendered = console._progress.get_renderable()
        lines = console._progress.console.render_lines(rendered, pad=False)
    assert len(lines) == 1
    text = "".join(segment.text for segment in lines[0])
    assert "1003/4000" in text
    assert "velocity -0" in text
    assert len(text) <= terminal.columns


def test_a_resumed_run_counts_its_own_steps(terminal):
    with terminal, TerminalConsole() as console:
        console.progress(1000, 4000, "")
        assert console._progress.tasks[0].completed == 1000
        assert not console._progress.tasks[0].speed


def spoken(*flags: str) -> argparse.Namespace:
    level = {"--quiet": -1, "--verbose": 1}
    return argparse.Namespace(**({"verbosity": level[flags[0]]} if flags else {}))


def test_quiet_leaves_warnings(capsys):
    with speaking(spoken("--quiet")), open_console() as console:
        console.line("a line")
        console.warn("a warning")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "warning: a warning\n")
    assert isinstance(console, LineConsole)


@pytest.mark.parametrize(("flags", "heard"), [((), False), (("--verbose",), True), (("--quiet",), False)])
def test_verbose_hears_our_loggers_alone(flags, heard, capsys):
    ours, theirs = logging.getLogger("si_core.test"), logging.getLogger("somebody.else")
    console = consoles.LineConsole()
    with speaking(spoken(*flags)), LogRecords(console) as records:
        records.direct(console)
        ours.info("columns in use")
        theirs.info("chatter")
    assert capsys.readouterr().out == ("columns in use\n" if heard else "")
    assert logging.getLogger("si_core").level == logging.NOTSET


@pytest.mark.parametrize("words", ["-q list latent", "list latent -q", "list latent --quiet", "-v list latent"])
def test_results_are_printed_either_way(words, capsys):
    assert main(words.split()) == 0
    assert "brownian" in capsys.readouterr().out


def test_versions_of_all_that_matters(capsys):
    assert main(["--version"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("si-core ")
    for name in ("torch", "numpy", "si-recipes", "system", "processor"):
        assert re.search(rf"^{name} +\S", text, re.MULTILINE), name
