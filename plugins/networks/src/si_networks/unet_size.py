"""Sizes of U-Nets: by name, and by numbers that override those of the name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from si_core import Largest, UsageError
from si_networks.ranges import check_whole

__all__ = ["LEVELS", "PRESETS", "Size", "chosen_size"]

LEVELS: Final = 16
"""The most levels, each of twice the resolution of the next: 65,536 pixels a side."""


@dataclass(frozen=True)
class Size:
    """How large a U-Net is.

    Args:
        width: the channels of the finest level.
        multipliers: the channels of each level as multiples of the width, the finest first.
        blocks: residual blocks of a level on the way down; one more on the way up.
        attention: the levels with attention, 0 being the finest.
    """

    width: int
    multipliers: tuple[int, ...]
    blocks: int
    attention: tuple[int, ...]

    @property
    def widths(self) -> list[int]:
        """The channels of each level."""
        return [self.width * multiplier for multiplier in self.multipliers]


PRESETS: Final = {
    "tiny": Size(32, (1, 2), 1, (1,)),
    "small": Size(64, (1, 2, 2), 2, (2,)),
    "base": Size(128, (1, 2, 2, 2), 2, (1,)),
}
"""``tiny`` learns 8 x 8 digits on two cores in minutes, ``small`` is for 28 x 28 pixels, and ``base`` is as wide and
deep as the network for CIFAR-10 of Ho et al. (arXiv 2006.11239)."""


def chosen_size(
    preset: str,
    width: int | None,
    multipliers: Sequence[int] | None,
    blocks: int | None,
    attention: Sequence[int] | None,
) -> Size:
    """The size of a name, with what is given in its place.

    Args:
        preset: the name.
        width, multipliers, blocks, attention: as of :class:`Size`; None for those of the name, of its levels with
            attention those that there are.

    Raises:
        UsageError: a number out of range.
    """
    if preset not in PRESETS:
        raise UsageError("unknown preset", where="unet: preset", got=repr(preset), allowed=", ".join(PRESETS))
    named = PRESETS[preset]
    width = named.width if width is None else width
    blocks = named.blocks if blocks is None else blocks
    levels = named.multipliers if multipliers is None else tuple(multipliers)
    check_whole("unet: width", width, 1, Largest.WIDTH)
    check_whole("unet: blocks", blocks, 1, Largest.DEPTH)
    check_whole("unet: multipliers: their number", len(levels), 1, LEVELS)
    for multiplier in levels:
        check_whole("unet: multipliers", multiplier, 1, Largest.WIDTH // width)
    if attention is None:
        attention = [level for level in named.attention if level < len(levels)]
    for level in attention:
        check_whole("unet: attention", level, 0, len(levels) - 1)
    return Size(width, levels, blocks, tuple(attention))
