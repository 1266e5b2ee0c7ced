"""The diffusion transformer of diffusers: ``DiTTransformer2DModel(hidden_states, timestep, class_labels)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from torch import Tensor

from si_adapters.foreign import ForeignNetwork, imported
from si_core import ConditionSpec, Largest, UsageError

__all__ = ["DiffusersTransformer"]


class DiffusersTransformer(ForeignNetwork):
    """``diffusers.DiTTransformer2DModel`` (arXiv 2212.09748) on square images; needs diffusers.

    It always has a table of labels; without a condition all states have its first row. The library leaves a tenth of
    the labels out by itself: that is switched off, for ``train.condition_dropout`` says how many.

    Args:
        shape: the event shape; supplied by the builder.
        heads: the number of fields predicted, or None for one without an axis of heads; supplied by the builder.
        conditions: nothing, or one label; supplied by the builder.
        depth: the number of blocks (``num_layers``).
        attention_heads: of each block (``num_attention_heads``).
        head_channels: of each (``attention_head_dim``); the width is their product.
        patch: the side of a patch, a divisor of the image's.
        dropout: the fraction of values in the blocks that training leaves out.
        time_scale: by which times are multiplied; the library's own sines are made for 0 to 1000.

    Raises:
        UsageError: diffusers is not installed, or events that are no square images of whole patches.
    """

    name = "diffusers-transformer"

    def __init__(
        self,
        shape: tuple[int, ...],
        heads: int | None = None,
        conditions: Mapping[str, ConditionSpec] | None = None,
        depth: Annotated[int, Field(ge=1, le=Largest.DEPTH)] = 12,
        attention_heads: Annotated[int, Field(ge=1, le=Largest.WIDTH)] = 6,
        head_channels: Annotated[int, Field(ge=1, le=Largest.WIDTH)] = 64,
        patch: Annotated[int, Field(ge=1, le=Largest.WIDTH)] = 2,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        time_scale: Annotated[float, Field(gt=0)] = 1000.0,
    ) -> None:
        super().__init__(shape, heads, conditions, time_scale)
        height, width = self.sides
        if height != width or height % patch:
            got, allowed = f"{self.sides}, patches of {patch}", "square images whose side the patch divides"
            raise UsageError("images that it does not take", where=self.name, got=got, allowed=allowed)
        made = imported("diffusers", "DiTTransformer2DModel", "diffusers", self.name)
        table = imported("diffusers.models.embeddings", "LabelEmbedding", "diffusers", self.name)
        self.network = made(
            num_attention_heads=attention_heads,
            attention_head_dim=head_channels,
            in_channels=self.planes,
            out_channels=(heads or 1) * self.planes,
            num_layers=depth,
            dropout=dropout,
            sample_size=height,
            patch_size=patch,
            # Its table has one row more, the last, for a label that is left out.
            num_embeds_ada_norm=self.classes or 1,
        )
        for module in self.network.modules():
            if isinstance(module, table):
                module.dropout_prob = 0.0

    def called(self, t: Tensor, x: Tensor, labels: Tensor | None) -> Tensor:
        rows = t.new_zeros(len(x)).long() if labels is None else labels
        output: Tensor = self.network(x, timestep=t, class_labels=rows, return_dict=False)[0]
        return output
