"""The diffusion transformer: the network for images and for latents of images.

As DiT (Peebles and Xie, arXiv 2212.09748), which SiT is of interpolants (Ma et al., arXiv 2401.08740): an image is cut
into patches, each a token; blocks of attention and perceptrons (:mod:`si_networks.transformer_block`) are told times
and conditions by one vector e (:mod:`si_networks.conditioning`) and places by sines or rotations
(:mod:`si_networks.positions`); a last layer gives each patch of each field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from si_core import Condition, ConditionSpec, Largest, UsageError
from si_networks.attention import differentiated
from si_networks.checkpointing import called
from si_networks.conditioning import Conditioning
from si_networks.embeddings import ClassEmbedding
from si_networks.field_network import FieldNetwork
from si_networks.positions import rotary_table, sine_table
from si_networks.ranges import check_fraction, check_whole
from si_networks.transformer_block import LastLayer, TransformerBlock

__all__ = ["Transformer"]

_SIZES = {"S": (384, 12, 6), "B": (768, 12, 12), "L": (1024, 24, 16), "XL": (1152, 28, 16)}
"""Width, depth and heads (arXiv 2212.09748, table 1)."""
_PRESETS = {"tiny": (128, 4, 4, 2)} | {f"{name}/{p}": (*size, p) for name, size in _SIZES.items() for p in (2, 4, 8)}
"""And the side of a patch. ``tiny`` is for two cores and images of 8 x 8."""
_BOUNDS = ((4, Largest.WIDTH), (1, Largest.DEPTH), (1, Largest.COMPONENTS), (1, Largest.SIDE))
_SPREAD = 0.02
"""Standard deviation of first weights of the embeddings of times and classes, as published."""


class Transformer(FieldNetwork):
    """A transformer on ``(t, x)`` and conditions of any number and shape, for events (C, H, W) or (H, W).

    Args:
        shape: the event shape, H and W multiples of ``patch``; supplied by the builder.
        heads: the number of fields predicted, or None for one without an axis of heads; supplied by the builder.
        conditions: what it is given beside, by name; supplied by the builder.
        preset: sizes by name, ``tiny`` or published ones: size and side of a patch. The next four override it.
        width: numbers of a token.
        depth: the number of blocks.
        attention_heads: heads of the attention, a divisor of the width.
        patch: the side of a patch, in pixels.
        ratio: the hidden units of a block's perceptron for each number of a token.
        positions: how places are told: ``sine``, added to the tokens, or ``rotary``, turning queries and keys.
        dropout: the probability with which a number of a block's two remainders is left out in training.
        checkpointing: compute blocks again in the backward pass of training, for a fraction of the memory.
        two_times: whether there is a second time, with an embedding of its own; supplied by the builder.

    Raises:
        UsageError: an option out of range, or events that are no images or not made of whole patches.
    """

    name = "transformer"

    table: Tensor

    def __init__(
        self,
        shape: tuple[int, ...],
        heads: int | None = None,
        conditions: Mapping[str, ConditionSpec] | None = None,
        preset: Literal[
            "tiny", "S/2", "S/4", "S/8", "B/2", "B/4", "B/8", "L/2", "L/4", "L/8", "XL/2", "XL/4", "XL/8"
        ] = "tiny",
        width: Annotated[int, Field(ge=4, le=Largest.WIDTH)] | None = None,
        depth: Annotated[int, Field(ge=1, le=Largest.DEPTH)] | None = None,
        attention_heads: Annotated[int, Field(ge=1, le=Largest.COMPONENTS)] | None = None,
        patch: Annotated[int, Field(ge=1, le=Largest.SIDE)] | None = None,
        ratio: Annotated[int, Field(ge=1, le=Largest.WIDTH)] = 4,
        positions: Literal["sine", "rotary"] = "sine",
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        checkpointing: bool = False,
        two_times: bool = False,
    ) -> None:
        super().__init__(shape, heads, conditions)
        if preset not in _PRESETS:
            _refuse("preset", preset, ", ".join(_PRESETS))
        asked = {"width": width, "depth": depth, "attention_heads": attention_heads, "patch": patch}
        sizes = {
            name: own if value is None else value
            for (name, value), own in zip(asked.items(), _PRESETS[preset], strict=True)
        }
        for (name, value), (least, most) in zip(sizes.items(), _BOUNDS, strict=True):
            check_whole(f"transformer: {name}", value, least, most)
        check_whole("transformer: ratio", ratio, 1, Largest.WIDTH)
        check_fraction("transformer: dropout", dropout)
        if positions not in ("sine", "rotary"):
            _refuse("positions", positions, "sine, rotary")
        self.width, self.depth, self.attention_heads, self.patch = sizes.values()
        self.ratio, self.positions, self.dropout = ratio, positions, dropout
        self.checkpointing = checkpointing
        # Places have a sine and a cosine for rows and for columns: in a token, or in each head.
        unit = 4 * self.attention_heads if positions == "rotary" else math.lcm(4, self.attention_heads)
        if self.width % unit:
            _refuse("width", self.width, f"a multiple of {unit}, for {self.attention_heads} heads and {positions}")
        self.channels, self.grid = 1 if len(self.shape) == 2 else self.shape[0], _grid(self.shape, self.patch)

        numbers = self.patch**2 * self.channels
        self.of_patches = nn.Linear(numbers, self.width)
        self.conditioning = Conditioning("transformer", self.conditions, self.width, two_times=two_times)
        self.blocks = nn.ModuleList(
            TransformerBlock(self.width, self.attention_heads, ratio, dropout) for _ in range(self.depth)
        )
        self.last = LastLayer(self.width, numbers * (1 if heads is None else heads))
        if positions == "rotary":
            table = rotary_table(*self.grid, self.width // self.attention_heads)
        else:
            table = sine_table(*self.grid, self.width)
        self.register_buffer("table", table, persistent=False)
        self._begin()

    def outputs(self, t: Tensor, x: Tensor, condition: Condition | None, s: Tensor | None) -> Tensor:
        active = F.silu(self.conditioning(t, x, condition, s))
        rotary, plain = self.table if self.positions == "rotary" else None, differentiated(t, x, s)
        h = self.of_patches(self._patches(x))
        if rotary is None:
            h = h + self.table.to(h)
        for block in self.blocks:
            h = called(block, self.checkpointing, plain, self.dropout, h, active, rotary)
        return self._image(self.last(h, active))

    def _patches(self, x: Tensor) -> Tensor:
        """States as patches, row by row: shape (B, places, channels * patch * patch)."""
        (rows, columns), p = self.grid, self.patch
        cut = x.reshape(len(x), self.channels, rows, p, columns, p)
        return cut.permute(0, 2, 4, 1, 3, 5).reshape(len(x), rows * columns, self.channels * p * p)

    def _image(self, patches: Tensor) -> Tensor:
        """The fields put together from patches (B, places, patch * patch * heads * channels)."""
        (rows, columns), p, fields = self.grid, self.patch, 1 if self.heads is None else self.heads
        cut = patches.reshape(len(patches), rows, columns, p, p, fields * self.channels)
        return cut.permute(0, 5, 1, 3, 2, 4)

    def _begin(self) -> None:
        """First weights, as published.

        Zero are the modulations and the last layer: at first the network gives zero, so that the field is its known
        part, and only the last layer has a gradient; after one step the gates have one, and after two all has. Training
        refuses outputs that depend on no parameter, not gradients that are zero at first.
        """
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Linear):
                    nn.init.xavier_uniform_(module.weight)
                    if module.bias is not None:
                        module.bias.zero_()
            for part in (self.conditioning.of_time, self.conditioning.of_second_time):
                for layer in () if part is None else (part.hidden, part.output):
                    layer.weight.normal_(std=_SPREAD)
            for embedded in self.conditioning.of_conditions:
                if isinstance(embedded, ClassEmbedding):
                    embedded.vectors.weight[1:].normal_(std=_SPREAD)
            for module in self.modules():
                if isinstance(module, TransformerBlock | LastLayer):
                    module.modulation.weight.zero_()
            self.last.output.weight.zero_()


def _grid(shape: tuple[int, ...], patch: int) -> tuple[int, int]:
    """Rows and columns of patches.

    Raises:
        UsageError: the shape is no image's, or not of whole patches; says which sizes and which patches fit.
    """
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise UsageError(
            "states that are no images",
            where="transformer",
            got=f"event shape {shape}",
            allowed="(C, H, W) or (H, W)",
            fix="network: {use: mlp}",
        )
    height, width = shape[-2:]
    if height % patch or width % patch:
        near = " x ".join(" or ".join(str(n) for n in _multiples(side, patch)) for side in (height, width))
        common = math.gcd(height, width)
        fits = ", ".join(str(p) for p in range(1, min(common, Largest.SIDE) + 1) if common % p == 0)
        raise UsageError(
            "images that are not made of whole patches",
            where="transformer: patch",
            got=f"{height} x {width}, patch {patch}",
            allowed=f"{near}; or a patch of {fits}",
        )
    return height // patch, width // patch


def _multiples(side: int, patch: int) -> list[int]:
    """The multiples of a patch next to a side."""
    below = side // patch * patch
    return [n for n in dict.fromkeys((below, below if below == side else below + patch)) if n]


def _refuse(option: str, got: object, allowed: str) -> None:
    raise UsageError("out of range", where=f"transformer: {option}", got=repr(got), allowed=allowed)
