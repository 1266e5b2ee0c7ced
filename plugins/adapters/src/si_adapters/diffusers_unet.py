"""The U-Net of diffusers: ``UNet2DModel(sample, timestep, class_labels)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from torch import Tensor

from si_adapters.foreign import ForeignNetwork, imported
from si_core import ConditionSpec, Largest, UsageError

__all__ = ["DiffusersUNet"]

_LEVELS = 16
_Channels = Annotated[list[Annotated[int, Field(ge=1, le=Largest.WIDTH)]], Field(min_length=1, max_length=_LEVELS)]
_Levels = Annotated[list[Annotated[int, Field(ge=0, lt=_LEVELS)]], Field(max_length=_LEVELS)]


class DiffusersUNet(ForeignNetwork):
    """``diffusers.UNet2DModel`` on images whose sides can be halved once a level but the last; needs diffusers.

    Args:
        shape: the event shape; supplied by the builder.
        heads: the number of fields predicted, or None for one without an axis of heads; supplied by the builder.
        conditions: nothing, or one label; supplied by the builder.
        channels: of each level, the finest first (``block_out_channels``).
        blocks: residual blocks of a level (``layers_per_block``).
        attention: the levels with self-attention, 0 being the finest.
        head_channels: channels of a head of attention (``attention_head_dim``).
        groups: of the group norms, a divisor of all channels (``norm_num_groups``).
        dropout: the fraction of values in the blocks that training leaves out.
        time_scale: by which times are multiplied; the library's own sines are made for 0 to 1000.

    Raises:
        UsageError: diffusers is not installed, events that are no such images, or options that don't fit together.
    """

    name = "diffusers-unet"

    def __init__(
        self,
        shape: tuple[int, ...],
        heads: int | None = None,
        conditions: Mapping[str, ConditionSpec] | None = None,
        channels: _Channels | None = None,
        blocks: Annotated[int, Field(ge=1, le=Largest.DEPTH)] = 2,
        attention: _Levels | None = None,
        head_channels: Annotated[int, Field(ge=1, le=Largest.WIDTH)] = 8,
        groups: Annotated[int, Field(ge=1, le=Largest.WIDTH)] = 32,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        time_scale: Annotated[float, Field(gt=0)] = 1000.0,
    ) -> None:
        super().__init__(shape, heads, conditions, time_scale)
        widths, attended = tuple(channels or (64, 128, 256)), set(attention or ())
        halvings = 2 ** (len(widths) - 1)
        if any(side % halvings for side in self.sides):
            got, allowed = f"{self.sides} and {len(widths)} levels", f"sides that {halvings} divides"
            raise UsageError("sides that can't be halved so often", where=self.name, got=got, allowed=allowed)
        if any(width % groups for width in widths):
            fix = "a number that divides all of `channels`"
            raise UsageError("groups that don't divide the channels", where=f"{self.name}: groups", got=groups, fix=fix)
        if not attended <= set(range(len(widths))):
            got, allowed = sorted(attended), f"0 to {len(widths) - 1}"
            raise UsageError("no such level", where=f"{self.name}: attention", got=got, allowed=allowed)
        down = ["AttnDownBlock2D" if level in attended else "DownBlock2D" for level in range(len(widths))]
        up = ["AttnUpBlock2D" if level in attended else "UpBlock2D" for level in reversed(range(len(widths)))]
        self.network = imported("diffusers", "UNet2DModel", "diffusers", self.name)(
            sample_size=self.sides,
            in_channels=self.planes,
            out_channels=(heads or 1) * self.planes,
            down_block_types=tuple(down),
            up_block_types=tuple(up),
            block_out_channels=widths,
            layers_per_block=blocks,
            dropout=dropout,
            attention_head_dim=head_channels,
            norm_num_groups=groups,
            add_attention=bool(attended),
            num_class_embeds=self.labels,
        )

    def called(self, t: Tensor, x: Tensor, labels: Tensor | None) -> Tensor:
        output: Tensor = self.network(x, t, class_labels=labels, return_dict=False)[0]
        return output
