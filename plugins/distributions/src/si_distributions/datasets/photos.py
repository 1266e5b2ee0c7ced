"""Patches of the two photographs that come with scikit-learn: real images in colour, without a download."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from si_core import Condition, ConditionSpec, Distribution, Frame, LabelCounts, Moments, UsageError
from si_distributions.datasets.scaling import fixed
from si_distributions.options import Precision, fraction, precision, whole
from si_distributions.placement import Placed
from si_distributions.randomness import indices, uniform

__all__ = ["Photos"]

_WHERE = "photos"
_NAMES = ("china", "flower")
_BYTE = 255
_SIDE = 427
"""The shorter side of both photographs, in pixels."""
_SPACING = 4
"""Patches held out, and those whose moments are taken, begin at every so many pixels."""


class Photos(Distribution):
    """Square patches of the photographs ``china`` and ``flower``, shape (channels, side, side).

    ``data = 127.5 + 127.5 model``: bytes 0..255 in data space, [-1, 1] in model space. Each place in a photograph is a
    row: some 420,000 by default, drawn with replacement, of which no table is made.

    Args:
        side: of a patch, in pixels.
        channels: 3 for colour, 1 for grey (ITU-R BT.601).
        shrink: how often the photographs are made smaller before, by means over squares of so many pixels a side: the
            more, the more a patch shows.
        flip: whether draws are mirrored left to right with probability 1/2; rows by their index and those held out are
            not.
        label: whether draws carry the photograph as the condition ``photo``.
        held_out: the fraction of each photograph, at its right side, from which patches are kept for estimators, those
            at every fourth pixel; training rows share no pixel with them.
        dtype: of the draws.

    Raises:
        UsageError: scikit-learn or Pillow is not installed, or patches that don't fit into what they are taken from.
    """

    def __init__(
        self,
        side: Annotated[int, Field(ge=1, le=_SIDE)] = 16,
        channels: Literal[1, 3] = 3,
        shrink: Annotated[int, Field(ge=1, le=_SIDE)] = 1,
        flip: bool = False,
        label: bool = True,
        held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        dtype: Precision = "float32",
    ) -> None:
        self.side, shrink = whole(side, "side", _WHERE, 1), whole(shrink, "shrink", _WHERE, 1)
        if channels not in (1, 3):
            raise UsageError("not an option", where=f"{_WHERE}: channels", got=repr(channels), allowed="1, 3")
        held_out = fraction(held_out, "held_out", _WHERE)
        self._dtype, self._flip = precision(dtype, _WHERE), flip
        photos = _shrunk(_grey(_photos()) if channels == 1 else _photos(), shrink)
        width = photos.shape[3]
        kept = round(width * held_out)
        drawn, rest = photos[..., : width - kept], photos[..., width - kept :]
        least = min(*drawn.shape[2:], *(rest.shape[3:] if kept else ()))
        if self.side > least:
            raise UsageError(
                "patches are no larger than what they are taken from",
                where=f"{_WHERE}: side",
                got=f"{self.side} for parts of {photos.shape[2]} x {least} pixels",
                allowed=f"<= {least}",
                fix="a smaller side, less shrink" + (", or held_out: 0" if kept else ""),
            )
        self.shape = (channels, self.side, self.side)
        self.size = len(_NAMES) * (drawn.shape[2] - self.side + 1) * (drawn.shape[3] - self.side + 1)
        self.conditions = {"photo": ConditionSpec(classes=_NAMES)} if label else {}
        self._photos, self._rest = Placed(drawn), rest if kept else None
        labels = LabelCounts.of({"photo": torch.arange(len(_NAMES))}) if label else None
        self._frame = Frame(self.shape, *fixed(_BYTE / 2, _BYTE / 2), pixels=(0.0, float(_BYTE)), labels=labels)

    @property
    def frame(self) -> Frame:
        """The units of bytes, and that photographs are equally likely."""
        return self._frame

    @cached_property
    def moments(self) -> Moments:
        """Those of patches at every fourth pixel."""
        return Moments.of_points(self._encoded(self._every(self._photos.tensor)[0]))

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n patches in model space, shape (n, channels, side, side)."""
        return self.draw(n, generator)[0]

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Condition | None]:
        """n patches with replacement, with the photograph that each is of."""
        patches, condition = self.rows(indices(n, self.size, generator))
        if self._flip:
            mirrored = uniform((n, 1, 1, 1), torch.float32, generator) < 0.5
            patches = torch.where(mirrored, patches.flip(-1), patches)
        return patches, condition

    def rows(self, index: Tensor) -> tuple[Tensor, Condition | None]:
        """Patches by index (n,): photograph by photograph, place by place, row by row."""
        photos = self._photos.on(index.device)
        down, across = photos.shape[2] - self.side + 1, photos.shape[3] - self.side + 1
        which, place = index // (down * across), index % (down * across)
        along = torch.arange(self.side, device=index.device)
        rows, columns = (place // across)[:, None] + along, (place % across)[:, None] + along
        patches = photos.movedim(1, -1)[which[:, None, None], rows[:, :, None], columns[:, None, :]]
        return self._encoded(patches.movedim(-1, 1).contiguous()), self._told(which)

    def held_out(self) -> tuple[Tensor, Condition | None] | None:
        """Patches of the right side of each photograph, at every fourth pixel; None where none is kept."""
        if self._rest is None:
            return None
        patches, which = self._every(self._rest)
        return self._encoded(patches), self._told(which)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that can be drawn."""
        digest = hashlib.sha256(f"{self.shape} {self._flip} {bool(self.conditions)} {self._dtype}".encode())
        for part in (self._photos.tensor, self._rest):
            digest.update(b"none" if part is None else f"{tuple(part.shape)}".encode() + part.numpy().tobytes())
        return digest.hexdigest()

    def _every(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """Patches at every few pixels of each photograph, with its number."""
        found = photos.unfold(2, self.side, _SPACING).unfold(3, self.side, _SPACING)
        patches = found.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)
        which = torch.arange(len(photos)).repeat_interleave(patches.shape[1])
        return patches.flatten(0, 1), which

    def _encoded(self, patches: Tensor) -> Tensor:
        return self._frame.encode(patches.to(self._dtype))

    def _told(self, which: Tensor) -> Condition | None:
        return {"photo": which} if self.conditions else None


def _photos() -> Tensor:
    """Both photographs as bytes, shape (2, 3, 427, 640)."""
    try:
        from sklearn.datasets import load_sample_image

        images = [load_sample_image(f"{name}.jpg") for name in _NAMES]
    except ImportError as error:
        fix = "pip install 'si-distributions[images]'"
        raise UsageError("reading photographs needs scikit-learn and Pillow", where=_WHERE, fix=fix) from error
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()


def _grey(photos: Tensor) -> Tensor:
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
    return torch.einsum("ncij,c->nij", photos.double(), weights)[:, None].round().to(torch.uint8)


def _shrunk(photos: Tensor, factor: int) -> Tensor:
    if factor == 1:
        return photos
    return torch.nn.functional.avg_pool2d(photos.double(), factor).round().to(torch.uint8)
