"""Self-attention: each token becomes a mean of all of them, weighted by how well its query fits their keys.

``(q, k, v) = W_qkv h + b``,   ``h' = W softmax(q k^T / sqrt(d)) v + b'``,     for each head of d numbers.
"""

from __future__ import annotations

import math

import torch
import torch.autograd.forward_ad as forward_mode
import torch.nn.functional as F
from torch import Tensor, nn

from si_networks.positions import turned

__all__ = ["SelfAttention", "differentiated"]


def differentiated(*inputs: object) -> bool:
    """Whether any of a network's inputs is one that derivatives are taken in, by reverse or forward mode."""
    return any(
        isinstance(each, Tensor) and (each.requires_grad or forward_mode.unpack_dual(each).tangent is not None)
        for each in inputs
    )


class SelfAttention(nn.Module):
    """Attention of several heads, with biases.

    Args:
        width: of the tokens, a multiple of the number of heads.
        heads: how many.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.of_tokens, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, h: Tensor, rotary: Tensor | None = None, fused: bool = True) -> Tensor:
        """Tokens (B, places, width) to as many.

        Args:
            h: the tokens.
            rotary: angles of their places (:func:`si_networks.positions.rotary_table`).
            fused: whether torch may take its fast kernels, which can be differentiated once and in reverse mode only.
        """
        q, k, v = self.of_tokens(h).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind()
        if rotary is not None:
            q, k = turned(q, rotary), turned(k, rotary)
        if fused:
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1) @ v
        out: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return out
