"""What autograd holds for the backward pass, in bytes: the activations of a step, at most at once."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

import torch
from torch import Tensor

__all__ = ["SavedTensors"]


class SavedTensors:
    """Inside, counts the memory of the tensors that autograd saves, each storage once, and never that of parameters.

    A tensor counts until autograd lets go of it, so what is made anew (checkpointed layers, micro-batches) is not added
    up. What layers use beside, and free within a forward or a backward, is not seen.

    Args:
        parameters: those that are there anyway.

    Attributes:
        most: bytes that were held at once.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self._own = {parameter.untyped_storage().data_ptr() for parameter in parameters}
        self._held: dict[int, int] = {}
        self._bytes = self.most = 0
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, lambda held: held.tensor)

    def __enter__(self) -> SavedTensors:
        self._hooks.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._hooks.__exit__(kind, error, traceback)

    def _pack(self, tensor: Tensor) -> _Held:
        storage = tensor.untyped_storage()
        place, size = storage.data_ptr(), storage.nbytes()
        if place in self._own:
            size = 0
        if not self._held.get(place):
            self._bytes += size
            self.most = max(self.most, self._bytes)
        self._held[place] = self._held.get(place, 0) + 1
        return _Held(self, tensor, place, size)

    def _let_go(self, place: int, size: int) -> None:
        self._held[place] -= 1
        if not self._held[place]:
            del self._held[place]
            self._bytes -= size


class _Held:
    """A saved tensor; while it lives its storage does, so that its place is nobody else's."""

    def __init__(self, counter: SavedTensors, tensor: Tensor, place: int, size: int) -> None:
        self.tensor, self._counter, self._place, self._size = tensor, counter, place, size

    def __del__(self) -> None:
        self._counter._let_go(self._place, self._size)
