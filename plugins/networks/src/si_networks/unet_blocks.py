"""The blocks of a U-Net: residual ones that hear a vector of times and conditions, and those between two levels."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from si_networks.first_weights import start_at_zero
from si_networks.norms import group_norm

__all__ = ["ConvDown", "PoolDown", "ResidualBlock", "Up"]


class ResidualBlock(nn.Module):
    """Two convolutions, with the vector e of times and conditions between them, added to what came in:

        ``u = conv(a(norm(h)))``,    ``S h + conv(dropout(a((1 + scale(a(e))) norm(u) + shift(a(e)))))``,  ``a = silu``,

    (Dhariwal and Nichol, arXiv 2105.05233), or ``a(norm(u + shift(a(e))))`` (Ho et al., arXiv 2006.11239); S is one, or
    a matrix where the numbers of channels differ. The last convolution starts at zero.

    Args:
        channels: of what comes in.
        out: the channels of what goes out.
        vector: the length of e.
        modulation: by scale and shift, or by a term alone.
        dropout: the share of values left out in training.
    """

    def __init__(
        self, channels: int, out: int, vector: int, modulation: Literal["scale-shift", "add"], dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.scales, self.dropout = modulation == "scale-shift", dropout
        self.first_norm, self.first = group_norm(channels), nn.Conv2d(channels, out, 3, padding=1)
        self.of_vector = nn.Linear(vector, 2 * out if self.scales else out)
        self.second_norm, self.second = group_norm(out), start_at_zero(nn.Conv2d(out, out, 3, padding=1))
        self.beside = nn.Conv2d(channels, out, 1) if channels != out else None

    def forward(self, h: Tensor, vector: Tensor) -> Tensor:
        """Images (B, channels, H, W) and ``a`` of vectors (B or 1, vector) to images (B, out, H, W)."""
        u = self.first(F.silu(self.first_norm(h)))
        told = self.of_vector(vector)[..., None, None]
        if self.scales:
            scale, shift = told.chunk(2, 1)
            u = torch.addcmul(shift, self.second_norm(u), 1 + scale)
        else:
            u = self.second_norm(u + told)
        u = self.second(F.dropout(F.silu(u), self.dropout, self.training))
        images: Tensor = u + (h if self.beside is None else self.beside(h))
        return images


class ConvDown(nn.Module):
    """Half the resolution, ``ceil(H/2) x ceil(W/2)``, by a convolution at every other pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        """Images (B, C, H, W) to (B, C, ceil(H/2), ceil(W/2))."""
        smaller: Tensor = self.conv(h)
        return smaller


class PoolDown(nn.Module):
    """Half the resolution, ``ceil(H/2) x ceil(W/2)``, by means of 2 x 2 pixels, or of those there are at an edge."""

    def forward(self, h: Tensor) -> Tensor:
        """Images (B, C, H, W) to (B, C, ceil(H/2), ceil(W/2))."""
        return F.avg_pool2d(h, 2, ceil_mode=True, count_include_pad=False)


class Up(nn.Module):
    """A higher resolution by the nearest pixel, and a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, h: Tensor, size: tuple[int, int]) -> Tensor:
        """Images (B, C, h, w) to (B, C, *size), the size of those they are to stand beside."""
        larger: Tensor = self.conv(F.interpolate(h, size=size, mode="nearest"))
        return larger
