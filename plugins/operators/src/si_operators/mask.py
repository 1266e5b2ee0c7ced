"""Masks: some entries of an event are seen, the others are not (inpainting)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from si_core import Condition, ConditionSpec, UsageError
from si_operators.events import array_of, digest, known_shape, sides
from si_operators.operator import Operator

__all__ = ["Mask"]

_WHERE = "operator mask"
_HIDDEN = ("box", "random-box", "pixels", "columns", "given")


class Mask(Operator):
    """``A = diag(m)``, m = 1 where an entry is seen and 0 where it is hidden; y has the shape of the event.

    All channels of a pixel (C, H, W) are seen or hidden together. A mask that is drawn for each event is the condition
    ``mask``, (1, H, W) for events (C, H, W), else of the shape of the event; one that is the same for all is none.

    Args:
        hidden: box, in the middle; random-box, a box anywhere; pixels, each by itself; columns, each line along the
            last axis but one by itself; given, by the file. A box has the proportions of the picture.
        fraction: of the picture that is hidden: the area of a box to the nearest pixel, and the probability of pixels
            and columns.
        path: a .npy file of ones where entries are seen and zeros where they are hidden, of the shape of an event or of
            its sides (H, W).

    Raises:
        UsageError: options out of range, or a file without `hidden: given` and the reverse.
        DataError: a file of other numbers than zeros and ones.
    """

    consistent = True

    def __init__(
        self,
        hidden: Literal["box", "random-box", "pixels", "columns", "given"] = "box",
        fraction: Annotated[float, Field(gt=0, lt=1)] = 0.25,
        path: Path | None = None,
    ) -> None:
        if hidden not in _HIDDEN:
            raise UsageError("unknown region", where=f"{_WHERE}: hidden", got=repr(hidden), allowed=", ".join(_HIDDEN))
        if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 < fraction < 1:
            raise UsageError("must be a part", where=f"{_WHERE}: fraction", got=repr(fraction), allowed="0 < x < 1")
        if (path is None) == (hidden == "given"):
            fix = "path: mask.npy" if path is None else "hidden: given, or no path"
            raise UsageError("a given mask, and it alone, has a file", where=f"{_WHERE}: path", got=path, fix=fix)
        self.hidden, self.fraction, self.path = hidden, float(fraction), path
        self.random = hidden not in ("box", "given")
        self._given = None if path is None else _zeros_and_ones(path)
        self.fingerprint = None if self._given is None else digest(self._given)
        self._drawn: Tensor | None = None

    def apply(self, x: Tensor) -> Tensor:
        shape = tuple(x.shape[1:])
        seen = self._fixed(shape) if self._drawn is None else self._drawn
        if self._drawn is not None and (len(seen) not in (1, len(x)) or seen.shape[1:] != _mask_shape(shape)):
            due = f"{len(seen)} of shape {tuple(seen.shape[1:])}"
            raise UsageError("masks of other events", where=_WHERE, got=f"events {tuple(x.shape)}", allowed=due)
        return torch.where(seen.to(x.device), x, x.new_zeros(()))

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if self.random:
            sides(shape, _WHERE)
        else:
            self._fixed(shape)
        return tuple(shape)

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        return self.apply(known_shape(y, shape, "masked events", _WHERE))

    def drawn(self, n: int, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Mask:
        self.out_shape(shape)
        if not self.random:
            return self
        size, device = sides(shape, _WHERE), "cpu" if generator is None else generator.device
        if self.hidden == "random-box":
            draw = torch.rand(n, len(size), generator=generator, device=device, dtype=torch.float64)
            seen = _outside_of_boxes(size, self.fraction, draw)
        else:
            each = (*((1,) * (len(size) - 1)), size[-1]) if self.hidden == "columns" else size
            draw = torch.rand(n, *each, generator=generator, device=device, dtype=torch.float64)
            seen = (draw >= self.fraction).expand(n, *size)
        return self._with(seen.reshape(n, *_mask_shape(shape)))

    def conditions(self, shape: tuple[int, ...]) -> Mapping[str, ConditionSpec]:
        return {"mask": ConditionSpec(_mask_shape(shape))} if self.random else {}

    def values(self) -> Condition:
        return {} if self._drawn is None else {"mask": self._drawn.to(torch.get_default_dtype())}

    def of_values(self, condition: Condition) -> Mask:
        if not self.random:
            return self
        seen = condition["mask"]
        if not bool(((seen == 0) | (seen == 1)).all()):
            got = f"numbers from {float(seen.min()):g} to {float(seen.max()):g}"
            raise UsageError("a mask is 1 where entries are seen and 0 elsewhere", where="condition mask", got=got)
        return self._with(seen == 1)

    def _with(self, seen: Tensor) -> Mask:
        made = copy(self)
        made._drawn = seen
        return made

    def _fixed(self, shape: tuple[int, ...]) -> Tensor:
        """The mask of all events of a shape, (1, *mask shape), or of one that broadcasts to it."""
        size = sides(shape, _WHERE)
        if self.random:
            raise UsageError(
                "each event has a mask of its own", where=_WHERE, fix="operator.drawn(n, shape, generator)"
            )
        if self._given is None:
            middle = torch.full((1, len(size)), 0.5, dtype=torch.float64)
            return _outside_of_boxes(size, self.fraction, middle).reshape(1, *_mask_shape(shape))
        if tuple(self._given.shape) not in (tuple(shape), size):
            allowed = " or ".join(dict.fromkeys(map(str, (tuple(shape), size))))
            got = str(tuple(self._given.shape))
            raise UsageError("the mask has another shape than events", where=_WHERE, got=got, allowed=allowed)
        return (self._given == 1)[None]


def _mask_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(shape) if len(shape) < 3 else (1, *shape[1:])


def _outside_of_boxes(size: tuple[int, ...], fraction: float, place: Tensor) -> Tensor:
    """Whether pixels are outside of boxes, (n, *size).

    Args:
        size: the sides of the picture.
        fraction: of it that a box takes.
        place: of each box among the places it has, (n, axes), each in [0, 1).
    """
    inside = torch.ones(len(place), *size, dtype=torch.bool, device=place.device)
    for axis, length in enumerate(size):
        side = min(max(round(length * fraction ** (1 / len(size))), 1), length)
        first = (place[:, axis] * (length - side + 1)).long()[:, None]
        along = torch.arange(length, device=place.device)
        line = (along >= first) & (along < first + side)
        inside &= line.reshape(len(place), *(length if other == axis else 1 for other in range(len(size))))
    return ~inside


def _zeros_and_ones(path: Path) -> Tensor:
    found = array_of(path, _WHERE)
    if not bool(((found == 0) | (found == 1)).all()) or not math.prod(found.shape):
        got = (
            f"{tuple(found.shape)}, numbers from {float(found.min()):g} to {float(found.max()):g}" if len(found) else ""
        )
        raise UsageError("a mask is 1 where entries are seen and 0 elsewhere", where=str(path), got=got)
    return found
