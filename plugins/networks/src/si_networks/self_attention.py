"""Self-attention between tokens: each becomes a mean of all, weighted by how well its query fits their keys.

    ``(q, k, v) = W_qkv h + b``,   ``h' = W A(q, k, v) + b'``,

with :func:`si_networks.attention.attend` for A, in each of several heads.
"""

from __future__ import annotations

from torch import Tensor, nn

from si_networks.attention import attend
from si_networks.positions import turned

__all__ = ["SelfAttention"]


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

    def forward(self, h: Tensor, rotary: Tensor | None = None, plain: bool = False) -> Tensor:
        """Tokens (B, places, width) to as many.

        Args:
            h: the tokens.
            rotary: angles of their places (:func:`si_networks.positions.rotary_table`).
            plain: as for :func:`si_networks.attention.attend`.
        """
        q, k, v = self.of_tokens(h).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind()
        if rotary is not None:
            q, k = turned(q, rotary), turned(k, rotary)
        out: Tensor = self.output(attend(q, k, v, plain).transpose(1, 2).flatten(2))
        return out
