"""What was made or opened last, as much of it as a bound allows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["Recent"]

T = TypeVar("T")


def _one(value: object) -> int:
    return 1


class Recent(Generic[T]):
    """Values by key, the least recently used forgotten first; for several threads.

    Args:
        most: the bound on the sizes of all that is kept; a larger value is made, given and not kept.
        size: of a value, such as its bytes; by default 1. A copy of what is kept has this, and keeps nothing.
    """

    def __init__(self, most: int, size: Callable[[T], int] = _one) -> None:
        self._most, self._size, self._used = most, size, 0
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._making: dict[Hashable, Future[T]] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> tuple[int, Callable[[T], int]]:
        return self._most, self._size

    def __setstate__(self, state: tuple[int, Callable[[T], int]]) -> None:
        Recent.__init__(self, *state)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of a key, made where it is not kept; who asks while another makes it waits for that one."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
            making = self._making.get(key)
            mine = self._making[key] = Future() if making is None else making
        if making is not None:
            return making.result()
        try:
            value = make()
            self._keep(key, value)
            mine.set_result(value)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._making[key]
        return value

    def _keep(self, key: Hashable, value: T) -> None:
        size = self._size(value)
        with self._lock:
            if size > self._most:
                return
            self._kept[key] = value, size
            self._used += size
            while self._used > self._most:
                self._used -= self._kept.popitem(last=False)[1][1]
