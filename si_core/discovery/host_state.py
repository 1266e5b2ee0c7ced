"""What all code of a process shares and a component must leave alone: signal handlers, torch's defaults, the folder.

So are the recursion limit and the variables of the environment that are ours (``SI_PLUGINS`` would switch off others).

Importing a component must leave the global generators of random numbers alone as well; making one may use them, for
networks draw their weights from there.

A component that changes one of them changes every other component, and silently: a default dtype of float64 makes other
networks than the recipe's. So the core looks before and after it runs a component's import or constructor, puts back
what was changed, and says whose doing it was.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["HostState", "host_state_restored", "one_at_a_time", "random_states", "same_random_state"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_VARIABLES = "SI_"
"""How the names of our variables of the environment begin; those of others are for plugins to set."""

one_at_a_time = threading.RLock()
"""Held by whoever borrows what all threads share, the global generators or standard output, until it is put back: of
two threads that borrow at once, the later would put back what the earlier had borrowed."""


class HostState:
    """The shared state as it is now, to be put back.

    Args:
        generators: whether the global generators of random numbers are part of it.
    """

    def __init__(self, *, generators: bool = False) -> None:
        self._handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        self._folder, self._settings = _folder(), _torch_settings()
        self._variables, self._depth = _variables(), sys.getrecursionlimit()
        self._numbers = random_states() if generators else {}

    def put_back(self) -> list[str]:
        """Put the state back; returns names of what was changed."""
        changed = [
            signal.Signals(number).name for number in _SIGNALS if _handler_put_back(number, self._handlers[number])
        ]
        if self._folder is not None and _folder() != self._folder:
            os.chdir(self._folder)
            changed.append("the current directory")
        changed += _variables_put_back(self._variables)
        if sys.getrecursionlimit() != self._depth:
            sys.setrecursionlimit(self._depth)
            changed.append("the recursion limit")
        changed += _torch_put_back(self._settings)
        changed += _generators_put_back(self._numbers)
        return changed


@contextmanager
def host_state_restored(*, generators: bool = False) -> Iterator[list[str]]:
    """Put the shared state back on leaving; yields a list that then names what was changed.

    Args:
        generators: as for :class:`HostState`.
    """
    state, changed = HostState(generators=generators), list[str]()
    try:
        yield changed
    finally:
        changed += state.put_back()


def random_states() -> dict[str, Any]:
    """The states of the global generators of the modules that are imported, by module."""
    states: dict[str, Any] = {"random": random.getstate()}
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy.random")
    if numpy is not None and hasattr(numpy, "get_state"):
        states["numpy"] = numpy.get_state()
    if torch is not None and hasattr(torch, "get_rng_state"):
        states["torch"] = torch.get_rng_state()
    return states


def same_random_state(one: Any, other: Any) -> bool:
    """Whether two states of one module's generator are equal."""
    return bool(_plain(one) == _plain(other))


def _plain(state: Any) -> Any:
    """What ``==`` compares whole: of tensors and arrays their bytes, of tuples the parts; of others what they print."""
    if isinstance(state, tuple):
        return tuple(part if isinstance(part, tuple) else _plain(part) for part in state)
    array = state.numpy() if hasattr(state, "numpy") else state
    return array.tobytes() if hasattr(array, "tobytes") else repr(state)


def _generators_put_back(before: dict[str, Any]) -> list[str]:
    now = random_states() if before else {}
    changed = [name for name, state in before.items() if not same_random_state(state, now[name])]
    setters: dict[str, Any] = {"random": random.setstate}
    if "numpy" in changed:
        setters["numpy"] = sys.modules["numpy.random"].set_state
    if "torch" in changed:
        setters["torch"] = sys.modules["torch"].set_rng_state
    for name in changed:
        setters[name](before[name])
    return [f"the global generator of {name}" for name in changed]


def _folder() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def _variables() -> dict[str, str]:
    return {name: os.environ[name] for name in os.environ if name.startswith(_VARIABLES)}


def _variables_put_back(before: dict[str, str]) -> list[str]:
    now = _variables()
    changed = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
    for name in changed:
        if name in before:
            os.environ[name] = before[name]
        else:
            del os.environ[name]
    return changed


def _handler_put_back(number: int, handler: Any) -> bool:
    # Python lets the main thread alone set handlers; None is one that Python did not install.
    if threading.current_thread() is not threading.main_thread() or handler is None:
        return False
    if signal.getsignal(number) is handler:
        return False
    signal.signal(number, handler)
    return True


def _torch_settings() -> dict[str, Any]:
    """Torch's defaults; those of a fresh process where it is not imported yet."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    return {
        "the default dtype": torch.get_default_dtype(),
        "the default device": torch.get_default_device(),
        "the grad mode": torch.is_grad_enabled(),
        "the number of threads": torch.get_num_threads(),
        "the precision of float32 products": torch.get_float32_matmul_precision(),
    }


def _torch_put_back(before: dict[str, Any]) -> list[str]:
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "set_default_dtype"):
        return []  # not imported, or its import failed
    before = before or {
        "the default dtype": torch.float32,
        "the default device": torch.device("cpu"),
        "the grad mode": True,
        "the precision of float32 products": "highest",
    }
    setters = {
        "the default dtype": torch.set_default_dtype,
        # The processor is where tensors go by default: no device has to be set for it.
        "the default device": lambda device: torch.set_default_device(None if device.type == "cpu" else device),
        "the grad mode": torch.set_grad_enabled,
        "the number of threads": torch.set_num_threads,
        "the precision of float32 products": torch.set_float32_matmul_precision,
    }
    now = _torch_settings()
    changed = [name for name, value in before.items() if now[name] != value]
    for name in changed:
        setters[name](before[name])
    return changed
