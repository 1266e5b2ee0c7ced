"""The U-Net: the network for images.

Residual blocks at several resolutions, each half of the one before: down to the coarsest, and up again beside what was
found on the way down (Ronneberger et al., arXiv 1505.04597; Ho et al., arXiv 2006.11239). Times and conditions enter
every block as one vector (:mod:`si_networks.conditioning`); conditions that are images may enter as channels instead
(:mod:`si_networks.channel_conditions`). The size of each level is ``ceil`` of half of the one before, and the way up
comes back to it, so sides may be odd.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from si_core import Condition, ConditionSpec, Largest, UsageError
from si_networks.attention import differentiated
from si_networks.channel_conditions import ChannelConditions
from si_networks.conditioning import Conditioning
from si_networks.field_network import FieldNetwork
from si_networks.ranges import check_fraction, check_whole
from si_networks.unet_size import LEVELS, chosen_size
from si_networks.unet_trunk import Trunk

__all__ = ["UNet"]

_VECTOR = 4
"""How many times as long as the width the vector of times and conditions is (Ho et al.)."""

_Multipliers = Annotated[list[Annotated[int, Field(ge=1, le=Largest.WIDTH)]], Field(min_length=1, max_length=LEVELS)]
_Levels = Annotated[list[Annotated[int, Field(ge=0, lt=LEVELS)]], Field(max_length=LEVELS)]


class UNet(FieldNetwork):
    """A U-Net on ``(t, x)`` and conditions, for images (C, H, W) or (H, W) of any size.

    Args:
        shape: the event shape; supplied by the builder.
        heads: the number of fields predicted, or None for one without an axis of heads; supplied by the builder.
        conditions: what it is given beside, by name; supplied by the builder.
        preset: the size by name, which the next four options override.
        width: the channels of the finest level.
        multipliers: the channels of each level as multiples of the width, the finest first.
        blocks: residual blocks of a level on the way down; there is one more on the way up.
        attention: the levels with self-attention, 0 being the finest. The coarsest has it between the way down and the
            way up where any level has.
        attention_heads: of each attention; a divisor of its channels.
        modulation: how times and conditions act on a block: they scale and shift, or add.
        down: a convolution at every other pixel, or means of 2 x 2 pixels.
        dropout: the share of values in the blocks that training leaves out.
        checkpointing: compute blocks again in the backward pass of training, for a fraction of the memory.
        channels: conditions with values of shape (h, w) or (c, h, w) that become channels beside those of the image.
        two_times: whether there is a second time; supplied by the builder.

    Raises:
        UsageError: an event that is no image, or an option out of range.
    """

    name = "unet"

    def __init__(
        self,
        shape: tuple[int, ...],
        heads: int | None = None,
        conditions: Mapping[str, ConditionSpec] | None = None,
        preset: Literal["tiny", "small", "base"] = "tiny",
        width: Annotated[int, Field(ge=1, le=Largest.WIDTH)] | None = None,
        multipliers: _Multipliers | None = None,
        blocks: Annotated[int, Field(ge=1, le=Largest.DEPTH)] | None = None,
        attention: _Levels | None = None,
        attention_heads: Annotated[int, Field(ge=1, le=Largest.COMPONENTS)] = 4,
        modulation: Literal["scale-shift", "add"] = "scale-shift",
        down: Literal["conv", "pool"] = "conv",
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        checkpointing: bool = False,
        channels: Annotated[list[str], Field(max_length=Largest.COMPONENTS)] | None = None,
        two_times: bool = False,
    ) -> None:
        super().__init__(shape, heads, conditions)
        if len(self.shape) not in (2, 3):
            raise UsageError(
                "it takes images",
                where="unet",
                got=f"events of shape {self.shape}",
                allowed="(C, H, W) or (H, W)",
                fix="the networks mlp and resmlp take events of any shape",
            )
        for name, value, allowed in (
            ("modulation", modulation, ("scale-shift", "add")),
            ("down", down, ("conv", "pool")),
        ):
            if value not in allowed:
                raise UsageError(f"unknown {name}", where=f"unet: {name}", got=repr(value), allowed=", ".join(allowed))
        check_whole("unet: attention_heads", attention_heads, 1, Largest.COMPONENTS)
        check_fraction("unet: dropout", dropout)
        size = chosen_size(preset, width, multipliers, blocks, attention)
        self.planes, vector = self.shape[0] if len(self.shape) == 3 else 1, _VECTOR * size.width
        sides = (self.shape[-2], self.shape[-1])
        self.of_images = ChannelConditions("unet", self.conditions, channels or (), sides)
        others = {name: spec for name, spec in self.conditions.items() if name not in self.of_images.specs}
        self.of_others = Conditioning("unet", others, vector, two_times=two_times)
        self.trunk = Trunk(
            self.planes + self.of_images.count,
            (heads or 1) * self.planes,
            size,
            vector,
            attention_heads,
            modulation,
            down,
            dropout,
            checkpointing,
        )

    def outputs(self, t: Tensor, x: Tensor, condition: Condition | None, s: Tensor | None) -> Tensor:
        vector = self.of_others(t, x, condition, s)
        images = self.of_images(x.reshape(len(x), self.planes, *self.shape[-2:]), condition)
        plain = differentiated(t, x, s, *(condition or {}).values())
        return self.trunk(images, vector, plain)
