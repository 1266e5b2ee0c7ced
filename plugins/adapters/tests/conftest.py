"""Stand-ins for the libraries: modules of the same names, classes of the same signatures, tiny insides."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn


class _Tiny(nn.Module):
    """Linear in the pixels, shifted by time and label."""

    def __init__(self, channels: int, outputs: int, classes: int | None) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, outputs, 1)
        self.table = None if classes is None else nn.Embedding(classes, outputs)
        self.made_with: dict[str, object] = {}
        self.times: Tensor = torch.empty(0)

    def shifted(self, t: Tensor, x: Tensor, labels: Tensor | None) -> Tensor:
        self.times = t
        if (labels is None) != (self.table is None):
            raise ValueError("class_labels should be provided when doing class conditioning")
        shift = t.to(x.dtype)[:, None, None, None] / 1000
        return self.mix(x) + shift + (0 if self.table is None else self.table(labels)[:, :, None, None])


class UNet2DModel(_Tiny):
    def __init__(
        self, sample_size, in_channels, out_channels, down_block_types, up_block_types, block_out_channels,
        layers_per_block, dropout, attention_head_dim, norm_num_groups, add_attention, num_class_embeds=None,
    ):  # fmt: skip
        super().__init__(in_channels, out_channels, num_class_embeds)
        self.made_with = {"down": down_block_types, "up": up_block_types, "attention": add_attention}

    def forward(self, sample, timestep, class_labels=None, return_dict=True):
        assert not return_dict
        return (self.shifted(timestep, sample, class_labels),)


class LabelEmbedding(nn.Embedding):
    def __init__(self, classes, width):
        super().__init__(classes + 1, width)
        self.dropout_prob = 0.1


class DiTTransformer2DModel(_Tiny):
    def __init__(
        self, num_attention_heads, attention_head_dim, in_channels, out_channels, num_layers, dropout, sample_size,
        patch_size, num_embeds_ada_norm=1000,
    ):  # fmt: skip
        super().__init__(in_channels, out_channels, None)
        self.table = LabelEmbedding(num_embeds_ada_norm, out_channels)

    def forward(self, hidden_states, timestep=None, class_labels=None, cross_attention_kwargs=None, return_dict=True):
        assert not return_dict
        return (self.shifted(timestep, hidden_states, class_labels),)


class UNetModel(_Tiny):
    def __init__(
        self, dim, num_channels, num_res_blocks, channel_mult, attention_resolutions, num_heads, dropout, class_cond,
        num_classes,
    ):  # fmt: skip
        super().__init__(dim[0], dim[0], num_classes if class_cond else None)
        self.made_with = {"attention": attention_resolutions, "multipliers": channel_mult}

    def forward(self, t, x, y=None):
        return self.shifted(t, x, y)


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """diffusers and torchcfm, as far as they are used."""
    for name, made in (
        ("diffusers", (UNet2DModel, DiTTransformer2DModel)),
        ("diffusers.models", ()),
        ("diffusers.models.embeddings", (LabelEmbedding,)),
        ("torchcfm", ()),
        ("torchcfm.models", ()),
        ("torchcfm.models.unet", (UNetModel,)),
    ):
        module = ModuleType(name)
        for each in made:
            setattr(module, each.__name__, each)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def no_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without them."""
    for name in ("diffusers", "diffusers.models.embeddings", "torchcfm", "torchcfm.models.unet"):
        monkeypatch.setitem(sys.modules, name, None)
