"""The process that checks: ``python -m si_authoring.checking.worker``.

It reads a job from standard input, a line of JSON, and writes one JSON object a line to what was its standard output:
each component as it begins, each check as it begins, each result as it comes. Whatever plugins print goes to standard
error. It is killed from outside when a check hangs, and may die of a plugin's crash: what was said before stands. It
ends with the process that started it, however that one ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from si_core import SIError

__all__ = ["main"]

Say = Callable[..., None]


def main() -> None:
    """Carry out the job on standard input."""
    job = json.loads(sys.stdin.readline())
    _end_when_closed(os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(event: str, **values: Any) -> None:
        out.write(json.dumps({"event": event, **values}, allow_nan=False) + "\n")
        out.flush()

    say("check", name="discovery")
    try:
        _work(job, say)
    except SIError as error:
        say("error", text=str(error), code=error.code)
    say("done")


def _end_when_closed(pipe: int) -> None:
    """End this process once nobody holds the other end of a pipe any more."""

    def wait() -> None:
        while os.read(pipe, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _work(job: dict[str, Any], say: Say) -> None:
    from si_authoring.checking.subjects import subjects_of

    subjects = subjects_of(job["name"], job.get("kind"), job.get("options"))
    for number, subject in enumerate(subjects):
        if number < job.get("after", 0):
            continue
        component, plugin = subject.found.component, subject.found.plugin
        say("component", kind=component.kind, name=component.name, plugin=plugin.label, target=component.target)
        _check(subject, say)


def _check(subject: Any, say: Say) -> None:
    from si_authoring.checking.subjects import component_of
    from si_authoring.testing.run import check_component
    from si_authoring.testing.suite import suite
    from si_core import UsageError

    kind = subject.found.component.kind
    say("check", name="construction")
    try:
        component = component_of(subject, suite(kind))
    except UsageError as error:
        # Without options a component may well need some; with them it is the component's to accept or refuse.
        say("unchecked", reason=str(error), fault=bool(subject.options))
        return
    except SIError as error:
        say("unchecked", reason=str(error), fault=True)
        return
    for result in check_component(kind, component, lambda name: say("check", name=name)):
        measured = result.measured
        numbers = (None, None) if measured is None else (measured.deviation, measured.allowed)
        say(
            "result",
            check=result.check,
            claim=result.claim,
            state=result.state,
            message=result.message,
            deviation=_number(numbers[0]),
            allowed=_number(numbers[1]),
            where="" if measured is None else measured.where,
            seconds=round(result.seconds, 3),
        )


def _number(value: float | None) -> float | str | None:
    """A number as JSON has it; infinities and the like as text."""
    if value is None or value - value == 0:
        return value
    return str(value)


if __name__ == "__main__":
    main()
