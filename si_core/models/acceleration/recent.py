"""A small cache that keeps what was used last."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

__all__ = ["Closable", "Recent"]


class Closable(Protocol):
    """What holds memory beyond its own."""

    def close(self) -> None:
        """Give it back."""


Value = TypeVar("Value", bound=Closable)


class Recent(Generic[Value]):
    """At most ``most`` values by key; the one that was used the longest ago goes first, and is closed.

    Args:
        most: how many are kept, at least 1.
    """

    def __init__(self, most: int) -> None:
        self._most, self._values = most, dict[Hashable, Value]()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made where there is none."""
        value = self._values.pop(key, None)
        if value is None:
            while len(self._values) >= self._most:
                self._values.pop(next(iter(self._values))).close()
            value = make()
        self._values[key] = value
        return value

    def close(self) -> None:
        """Close and forget all."""
        while self._values:
            self._values.popitem()[1].close()
