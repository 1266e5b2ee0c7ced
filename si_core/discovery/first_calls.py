"""Components that change what the whole process shares whenever they are called: found at their first calls.

To look before and after every call would cost more than many a call does. So the first calls are looked at: of the
first draw, the first outputs, the first step, the first samples. Who changes something there is named, and from then on
put right after each of its calls. For the others a call is what it was.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from si_core.discovery.host_state import host_state_restored
from si_core.errors import owned

__all__ = ["first_calls_watched"]

_log = logging.getLogger(__name__)
_CALLS = 8
"""Calls of one method that are looked at; a path of an integrator has more."""


@contextmanager
def first_calls_watched(calls: Iterable[tuple[object, str]]) -> Iterator[None]:
    """Look at what these methods change of the process's state at their first calls inside.

    Global generators of random numbers are left as they are: put back after each call, they would give a component that
    wrongly draws from them the same numbers again and again.

    Args:
        calls: components with names of methods; what is no plain method of a component is passed over.
    """
    with ExitStack() as stack:
        for component, method in calls:
            function = inspect.getattr_static(type(component), method, None)
            if inspect.isfunction(function) and method not in getattr(component, "__dict__", {method: None}):
                stack.enter_context(_watched(component, method, function))
        yield


@contextmanager
def _watched(component: Any, method: str, function: Callable[..., Any]) -> Iterator[None]:
    found, calls = list[str](), 0

    def watched(*arguments: Any, **settings: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > _CALLS and not found:
            return function(component, *arguments, **settings)
        changed: list[str] = []
        try:
            with host_state_restored() as changed:
                return function(component, *arguments, **settings)
        finally:
            found.extend(changed)

    object.__setattr__(component, method, watched)
    try:
        yield
    finally:
        # Only while it is watched, and for good where that is needed, is the method an attribute of the object.
        if found:
            object.__setattr__(component, method, functools.partial(_put_right, function, component))
            what = ", ".join(dict.fromkeys(found))
            _log.warning("%s changed %s; that is put back after each of its calls", owned(component, method), what)
        else:
            with suppress(AttributeError):  # another thread that watched it as well was the first to end
                object.__delattr__(component, method)


def _put_right(function: Callable[..., Any], component: Any, *arguments: Any, **settings: Any) -> Any:
    # A partial of this is copied with its component, and is then the copy's.
    with host_state_restored():
        return function(component, *arguments, **settings)
