"""The way down and the way up of a U-Net, from images and a vector to images."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from si_core import UsageError
from si_networks.attention import ImageAttention
from si_networks.checkpointing import called
from si_networks.first_weights import start_small
from si_networks.norms import group_norm
from si_networks.unet_blocks import ConvDown, PoolDown, ResidualBlock, Up
from si_networks.unet_size import Size

__all__ = ["Trunk"]


class Trunk(nn.Module):
    """Blocks from the finest level to the coarsest, and back beside what was found on the way down.

    Args:
        channels: of the images that come in.
        out: the channels of the images that go out.
        size: levels, blocks and attention.
        vector: the length of the vectors of times and conditions.
        attention_heads: of each attention.
        modulation, dropout: of :class:`si_networks.unet_blocks.ResidualBlock`.
        down: how a level's images become those of the next.
        checkpointing: whether blocks are computed again in the backward pass.

    Raises:
        UsageError: heads that can't share the channels evenly.
    """

    def __init__(
        self,
        channels: int,
        out: int,
        size: Size,
        vector: int,
        attention_heads: int,
        modulation: Literal["scale-shift", "add"],
        down: Literal["conv", "pool"],
        dropout: float,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.dropout, self.checkpointing = dropout, checkpointing
        widths, last = size.widths, len(size.multipliers) - 1

        def step(before: int, level: int, attends: bool) -> _Step:
            block = ResidualBlock(before, widths[level], vector, modulation, dropout)
            return _Step(block, _attention(widths[level], attention_heads) if attends else None)

        self.first = nn.Conv2d(channels, size.width, 3, padding=1)
        self.way_down, self.downs, kept = nn.ModuleList(), nn.ModuleList(), [size.width]
        for level, width in enumerate(widths):
            if level:
                self.downs.append(ConvDown(kept[-1]) if down == "conv" else PoolDown())
                kept.append(kept[-1])
            steps = nn.ModuleList()
            for _ in range(size.blocks):
                steps.append(step(kept[-1], level, level in size.attention))
                kept.append(width)
            self.way_down.append(steps)
        self.middle = nn.ModuleList(step(widths[-1], last, attends) for attends in (bool(size.attention), False))
        self.ups, self.way_up, now = nn.ModuleList(), nn.ModuleList(), widths[-1]
        for level in range(last, -1, -1):
            if level < last:
                self.ups.append(Up(now))
            steps = nn.ModuleList()
            for _ in range(size.blocks + 1):
                steps.append(step(now + kept.pop(), level, level in size.attention))
                now = widths[level]
            self.way_up.append(steps)
        self.norm, self.output = group_norm(now), nn.Conv2d(now, out, 3, padding=1)
        start_small(self.output)

    def forward(self, h: Tensor, vector: Tensor, plain: bool = False) -> Tensor:
        """Images (B, channels, H, W) and vectors (B or 1, vector) to images (B, out, H, W).

        Args:
            h: images.
            vector: of times and conditions.
            plain: whether attention is written out (:func:`si_networks.attention.attend`).
        """
        h, how = self.first(h), (self.checkpointing, plain, self.dropout)
        vector, kept = F.silu(vector), [h]
        for level, steps in enumerate(self.way_down):
            if level:
                h = self.downs[level - 1](h)
                kept.append(h)
            for step in steps:  # type: ignore[attr-defined]
                h = called(step, *how, h, vector)
                kept.append(h)
        for step in self.middle:
            h = called(step, *how, h, vector)
        for level, steps in enumerate(self.way_up):
            if level:
                h = self.ups[level - 1](h, kept[-1].shape[-2:])
            for step in steps:  # type: ignore[attr-defined]
                h = called(step, *how, torch.cat([h, kept.pop()], 1), vector)
        images: Tensor = self.output(F.silu(self.norm(h)))
        return images


class _Step(nn.Module):
    """A residual block, and attention behind it where there is any."""

    def __init__(self, block: ResidualBlock, attention: ImageAttention | None) -> None:
        super().__init__()
        self.block, self.attention = block, attention

    def forward(self, h: Tensor, vector: Tensor, plain: bool) -> Tensor:
        h = self.block(h, vector)
        return h if self.attention is None else self.attention(h, plain)


def _attention(channels: int, heads: int) -> ImageAttention:
    if channels % heads:
        raise UsageError(
            "heads share the channels of a level evenly",
            where="unet: attention_heads",
            got=f"{heads} for {channels} channels",
            allowed=f"a divisor of {channels}",
        )
    return ImageAttention(channels, heads)
