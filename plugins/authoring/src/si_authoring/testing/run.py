"""Running the checks of a component, one after another, whatever each comes to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from si_authoring.testing.check import Check, Measured, NotApplicable, Violation
from si_authoring.testing.suite import suite
from si_core.public.discovery import cause_of, host_state_restored

__all__ = ["Result", "check_component", "run_check"]

State = Literal["holds", "violated", "not applicable"]


@dataclass(frozen=True)
class Result:
    """What became of a check.

    Args:
        check: its name.
        claim: what must hold.
        state: ``holds``, ``violated`` or ``not applicable``.
        message: what is wrong, or why the claim says nothing.
        measured: the largest deviation, where there is a number.
        seconds: the time it took.
    """

    check: str
    claim: str
    state: State
    message: str = ""
    measured: Measured | None = None
    seconds: float = 0.0


def run_check(check: Check, component: Any) -> Result:
    """Run one check; what the component raises is a violation."""
    started = time.perf_counter()
    state: State = "holds"
    message, measured = "", None
    try:
        with host_state_restored():
            measured = check.run(component)
    except NotApplicable as reason:
        state, message = "not applicable", str(reason)
    except Violation as violation:
        state, message, measured = "violated", violation.problem, violation.measured
    except (Exception, SystemExit) as error:
        state, message = "violated", f"it raised {cause_of(error)}"
    return Result(check.name, check.claim, state, message, measured, time.perf_counter() - started)


def check_component(kind: str, component: Any, announce: Callable[[str], None] = lambda name: None) -> Iterator[Result]:
    """The results of all checks of a kind, as they come.

    Args:
        kind: the kind of the component.
        component: an instance; for a network a function that makes one, of its shape and so on.
        announce: called with the name of each check before it runs.

    Raises:
        UsageError: there is no such kind.
    """
    for each in suite(kind).checks:
        announce(each.name)
        yield run_check(each, component)
