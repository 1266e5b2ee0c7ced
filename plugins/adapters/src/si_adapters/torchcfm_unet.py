"""The U-Net of torchcfm: ``UNetModel(t, x, y)``, after guided diffusion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_adapters.foreign import ForeignNetwork, imported
from si_core import ConditionSpec, Largest, UsageError

__all__ = ["TorchcfmUNet"]

_LEVELS = 16
_Multipliers = Annotated[list[Annotated[int, Field(ge=1, le=Largest.WIDTH)]], Field(min_length=1, max_length=_LEVELS)]
_Sides = Annotated[list[Annotated[int, Field(ge=1, le=Largest.WIDTH)]], Field(min_length=1, max_length=_LEVELS)]


class TorchcfmUNet(ForeignNetwork):
    """``torchcfm.models.unet.UNetModel`` on square images, in single precision; needs torchcfm.

    It predicts one field: of several objectives each has a network of its own.

    Args:
        shape: the event shape; supplied by the builder.
        conditions: nothing, or one label; supplied by the builder.
        width: the channels of the finest level, a multiple of 32 (``num_channels``).
        blocks: residual blocks of a level (``num_res_blocks``).
        multipliers: the channels of each level as multiples of the width, the finest first (``channel_mult``).
        attention: the sides of the images, in pixels, at which there is attention (``attention_resolutions``).
        attention_heads: of each attention (``num_heads``).
        dropout: the fraction of values in the blocks that training leaves out.
        time_scale: by which times are multiplied; torchcfm's examples give times from 0 to 1 as they are.

    Raises:
        UsageError: torchcfm is not installed, events that are no such images, or options that don't fit together.
    """

    name = "torchcfm-unet"

    def __init__(
        self,
        shape: tuple[int, ...],
        conditions: Mapping[str, ConditionSpec] | None = None,
        width: Annotated[int, Field(ge=32, le=Largest.WIDTH)] = 128,
        blocks: Annotated[int, Field(ge=1, le=Largest.DEPTH)] = 2,
        multipliers: _Multipliers | None = None,
        attention: _Sides | None = None,
        attention_heads: Annotated[int, Field(ge=1, le=Largest.WIDTH)] = 4,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        time_scale: Annotated[float, Field(gt=0)] = 1.0,
    ) -> None:
        super().__init__(shape, None, conditions, time_scale)
        height, side = self.sides
        levels, sides = tuple(multipliers or (1, 2, 2)), tuple(attention or (16,))
        halvings = 2 ** (len(levels) - 1)
        if height != side or side % halvings:
            got, allowed = f"{self.sides} and {len(levels)} levels", f"square images whose side {halvings} divides"
            raise UsageError("images that it does not take", where=self.name, got=got, allowed=allowed)
        if width % 32:
            allowed = "a multiple of 32, as it has 32 groups"
            raise UsageError("no such width", where=f"{self.name}: width", got=width, allowed=allowed)
        self.network = imported("torchcfm.models.unet", "UNetModel", "torchcfm", self.name)(
            dim=(self.planes, height, side),
            num_channels=width,
            num_res_blocks=blocks,
            channel_mult=list(levels),
            attention_resolutions=",".join(map(str, sides)),
            num_heads=attention_heads,
            dropout=dropout,
            class_cond=self.labels is not None,
            num_classes=self.labels,
        )

    def called(self, t: Tensor, x: Tensor, labels: Tensor | None) -> Tensor:
        if x.dtype != torch.float32:
            fix = "dtype: float32 of the data, or network: unet"
            raise UsageError("torchcfm embeds times in single precision", where=self.name, got=x.dtype, fix=fix)
        output: Tensor = self.network(t, x, y=labels)
        return output
