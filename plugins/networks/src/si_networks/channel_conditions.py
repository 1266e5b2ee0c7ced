"""Conditions that are images (masks, low resolution), as channels beside those of the state.

    ``(resized((c - mean)/scale), 0)``,    or ``(0, 1)`` where the condition is left out:

the last channel tells the two apart. Values are repeated where the state's image is larger by whole factors, and
interpolated otherwise, smoothed first where it is smaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from si_core import Condition, ConditionSpec, UsageError

__all__ = ["ChannelConditions"]


class ChannelConditions(nn.Module):
    """The channels of some conditions.

    Args:
        where: the name of the network, for errors.
        conditions: all that the network is given, by name.
        names: those that become channels.
        size: of the state's image, ``(H, W)``.

    Raises:
        UsageError: a name twice, one that is no condition, or a condition that is no image.
    """

    def __init__(
        self, where: str, conditions: Mapping[str, ConditionSpec], names: Sequence[str], size: tuple[int, int]
    ) -> None:
        super().__init__()
        self.size, self.specs = size, dict[str, ConditionSpec]()
        for name in names:
            self.specs[name] = _image(f"{where}: channels", conditions, name)
        if len(self.specs) < len(names):
            raise UsageError("each condition once", where=f"{where}: channels", got=", ".join(names))

    @property
    def count(self) -> int:
        """How many channels there are."""
        return sum(_channels(spec) + 1 for spec in self.specs.values())

    def forward(self, x: Tensor, condition: Condition | None) -> Tensor:
        """The channels beside images.

        Args:
            x: images, shape (B, C, H, W).
            condition: checked already, by name, shape (B, *shape) or (1, *shape).

        Returns:
            shape (B, C + count, H, W).
        """
        if not self.specs:
            return x
        parts = [x]
        for name, spec in self.specs.items():
            values = (condition or {})[name].to(x.dtype)
            absent = spec.is_absent(values)[:, None, None, None]
            values = values.reshape(len(values), _channels(spec), *spec.shape[-2:])
            values = ((values - spec.mean) / spec.scale).masked_fill(absent, 0.0)
            for part in (_resized(values, self.size), absent.to(x.dtype).expand(-1, 1, *self.size)):
                parts.append(part.expand(len(x), -1, -1, -1))
        return torch.cat(parts, 1)


def _channels(spec: ConditionSpec) -> int:
    return spec.shape[0] if len(spec.shape) == 3 else 1


def _image(where: str, conditions: Mapping[str, ConditionSpec], name: str) -> ConditionSpec:
    spec = conditions.get(name)
    images = [own for own, each in conditions.items() if len(each.shape) in (2, 3)]
    if spec is None or len(spec.shape) not in (2, 3) or 0 in spec.shape:
        raise UsageError(
            f"there is no condition {name!r}" if spec is None else f"the condition {name!r} is no image",
            where=where,
            got=repr(name) if spec is None else spec.described(name),
            allowed=", ".join(images) or "no condition here has values of shape (h, w) or (c, h, w)",
            fix="leave it out of channels: every other condition enters the vector beside time",
        )
    return spec


def _resized(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Images (B, c, h, w) to (B, c, H, W)."""
    given = values.shape[-2:]
    if tuple(given) == size:
        return values
    if all(large % small == 0 for large, small in zip(size, given, strict=True)):
        return F.interpolate(values, size=size, mode="nearest")
    return F.interpolate(values, size=size, mode="bilinear", antialias=True, align_corners=False)
