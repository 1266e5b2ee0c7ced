"""Self-attention between the pixels of an image.

    ``A = softmax(Q^T K/sqrt(d)) V^T``   for each of several heads of d channels,

by torch's fused kernels (:func:`torch.nn.functional.scaled_dot_product_attention`) where they serve. They have first
derivatives by the reverse mode alone: where somebody differentiates in what the network is given, who may do so twice
or forward, the formula is written out.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad

from si_networks.first_weights import start_at_zero
from si_networks.norms import group_norm

__all__ = ["ImageAttention", "attend", "differentiated"]


def differentiated(*inputs: Tensor | float | None) -> bool:
    """Whether derivatives in one of the inputs are recorded, or carried along forward.

    Args:
        inputs: what a network is given; those that are no tensors count for nothing.
    """
    given = [value for value in inputs if isinstance(value, Tensor)]
    if any(value.requires_grad for value in given) and torch.is_grad_enabled():
        return True
    if torch.compiler.is_compiling():  # which traces no forward derivatives
        return False
    return any(forward_ad.unpack_dual(value).tangent is not None for value in given)  # type: ignore[no-untyped-call]


def attend(query: Tensor, key: Tensor, value: Tensor, plain: bool = False) -> Tensor:
    """``softmax(Q K^T/sqrt(d)) V``.

    Args:
        query: shape (..., n, d).
        key: shape (..., m, d).
        value: shape (..., m, e).
        plain: written out, which can be differentiated any number of times in any mode.

    Returns:
        shape (..., n, e).
    """
    if not plain:
        return F.scaled_dot_product_attention(query, key, value)
    scores = (query / math.sqrt(query.shape[-1])) @ key.transpose(-2, -1)
    return scores.softmax(-1) @ value


class ImageAttention(nn.Module):
    """``h + W A(norm(h))`` (Ho et al., arXiv 2006.11239), with W starting at zero.

    Queries, keys and values have no biases: that of the norm is theirs, and softmax is blind to a bias of the keys.

    Args:
        channels: of the images.
        heads: of attention, a divisor of the channels.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = group_norm(channels)
        self.of_pixels = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.output = start_at_zero(nn.Conv2d(channels, channels, 1))

    def forward(self, h: Tensor, plain: bool = False) -> Tensor:
        """Images (B, C, H, W) to images of the same shape; ``plain`` as for :func:`attend`."""
        rows, channels, height, width = h.shape
        parts = self.of_pixels(self.norm(h)).reshape(rows, 3, self.heads, channels // self.heads, height * width)
        query, key, value = parts.transpose(-2, -1).unbind(1)
        found = attend(query, key, value, plain).transpose(-2, -1).reshape(h.shape)
        images: Tensor = h + self.output(found)
        return images
