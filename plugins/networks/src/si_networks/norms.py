"""Group normalisation with groups for any number of channels."""

from __future__ import annotations

from torch import nn

__all__ = ["group_norm"]

_MOST_GROUPS, _LEAST_CHANNELS = 32, 4
"""Of a group of one channel and one pixel nothing is left but its sign, so groups have a few channels."""


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation (Wu and He, arXiv 1803.08494) of at most 32 groups of at least 4 channels each.

    Fewer than 8 channels, and a prime number of them, are one group.

    Args:
        channels: how many there are.
    """
    most = max(1, min(_MOST_GROUPS, channels // _LEAST_CHANNELS))
    return nn.GroupNorm(next(groups for groups in range(most, 0, -1) if channels % groups == 0), channels)
