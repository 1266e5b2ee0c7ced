"""Running a plugin's code without letting it take the host down.

Everything that the core calls at discovery (imports, hooks) goes through :func:`contained`. This is the one place in
which what such code does to the process is caught, measured and attributed.
"""

from __future__ import annotations

import io
import logging
import os
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Generic, TypeVar

from si_core.discovery.deadline import Overdue, deadline
from si_core.discovery.host_state import host_state_restored, one_at_a_time
from si_core.discovery.interrupts import interrupts_noted
from si_core.errors import words_of

__all__ = ["LIMIT_VARIABLE", "Outcome", "cause_of", "contained", "remedy"]

T = TypeVar("T")
_log = logging.getLogger(__name__)

_CORE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PRINTED_LIMIT = 2000

LIMIT_VARIABLE = "SI_PLUGIN_SECONDS"
"""Environment variable: how long the entry module of a plugin may take to be imported, in seconds; 30 by default."""


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What became of a piece of plugin code.

    Args:
        value: what it returned; None if it failed.
        error: what it raised, ``SystemExit`` included; None if it succeeded.
        seconds: wall-clock time it took.
        printed: what it wrote to standard output, cut after 2000 characters.
    """

    value: T | None
    error: BaseException | None
    seconds: float
    printed: str


def contained(action: Callable[[], T], label: str, limit: float | None = None) -> Outcome[T]:
    """Call ``action`` and return what became of it.

    Standard output is captured: the host's own output (``--json``, a pipe) must not be mixed with a plugin's prints.
    What the whole process shares is as before afterwards; a change of it is put back with a warning.

    Args:
        action: code of a plugin.
        label: what is going on, such as ``"plugin 'cubic' of si-cubic is imported"``; noted on an interruption.
        limit: the seconds it may take; None for as long as it likes.

    Raises:
        KeyboardInterrupt: the user's, never the plugin's to swallow; one that the plugin's code raised is its failure.
    """
    printed = io.StringIO()
    value: T | None = None
    failure: BaseException | None = None
    started = time.perf_counter()
    with one_at_a_time, redirect_stdout(printed), host_state_restored(generators=True) as changed:
        try:
            with interrupts_noted() as came, deadline(limit):
                value = action()
        except KeyboardInterrupt as interrupt:
            if not came:  # no signal: the code raised it by itself
                failure = interrupt
            else:
                interrupt.add_note(
                    f"while {label} ({time.perf_counter() - started:.1f} s); --no-plugins leaves plugins out"
                )
                raise
        except BaseException as error:  # SystemExit, and whatever else is raised past Exception
            failure = error
    if changed:
        _log.warning("while %s, it changed %s; that is put back", label, ", ".join(changed))
    return Outcome(value, failure, time.perf_counter() - started, printed.getvalue()[:_PRINTED_LIMIT].strip())


def cause_of(error: BaseException) -> str:
    """Return one line that says what was raised and where in the plugin's code."""
    place = _place_of(error)
    if isinstance(error, SystemExit):
        text = f"called sys.exit({error.code!r})"
    elif isinstance(error, Overdue):
        text = str(error)
    else:
        message = words_of(error)
        text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return f"{text} ({place})" if place and place not in text else text


def remedy(error: BaseException, distribution: str) -> str:
    """Return what to do about an ``error`` that importing code of ``distribution`` raised."""
    if isinstance(error, Overdue):
        return f"set {LIMIT_VARIABLE} to more seconds if it is only slow, or pip uninstall {distribution}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"install what provides the module {error.name!r}, or pip install --force-reinstall {distribution}"
    return f"pip install --upgrade {distribution}, or pip uninstall {distribution}"


def _place_of(error: BaseException) -> str | None:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{os.path.basename(error.filename)}, line {error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith("<") and not _belongs_to_host(frame.filename):
            return f"{frame.filename}:{frame.lineno}"
    return None


def _belongs_to_host(filename: str) -> bool:
    folders = (_CORE, os.path.dirname(os.__file__) + os.sep + "importlib")
    return os.path.abspath(filename).startswith(folders) or f"{os.sep}pluggy{os.sep}" in filename
