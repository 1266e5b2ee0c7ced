"""The layers of a diffusion transformer, whose norms are shifted and scaled by the vector of times and conditions.

With ``n`` the layer norm without weights of its own (eps 1e-6) and ``m(h, a, b) = (1 + b) n(h) + a``, a block is

    ``h <- h + g_1 attention(m(h, a_1, b_1))``,   ``h <- h + g_2 W' gelu(W m(h, a_2, b_2) + c) + c'``,

where all six vectors are linear in ``silu(e)``, and zero at first: a block begins as the identity (adaLN-zero, Peebles
and Xie, arXiv 2212.09748, section 3.2). The last layer is ``W m(h, a, b) + c``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from si_networks.self_attention import SelfAttention

__all__ = ["LastLayer", "TransformerBlock"]

_EPS = 1e-6


def _modulated(h: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return torch.addcmul(shift, F.layer_norm(h, h.shape[-1:], eps=_EPS), 1 + scale)


class TransformerBlock(nn.Module):
    """Attention and a perceptron, each a remainder beside its tokens.

    Args:
        width: of the tokens.
        heads: of the attention.
        ratio: the perceptron's hidden units for each of the width.
        dropout: the probability with which a number of a remainder is left out in training.
    """

    def __init__(self, width: int, heads: int, ratio: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.attention = SelfAttention(width, heads)
        self.hidden, self.output = nn.Linear(width, ratio * width), nn.Linear(ratio * width, width)
        self.modulation = nn.Linear(width, 6 * width)

    def forward(self, h: Tensor, active: Tensor, rotary: Tensor | None = None, plain: bool = False) -> Tensor:
        """Tokens (B, places, width) to as many.

        Args:
            h: the tokens.
            active: ``silu(e)``, shape (B, width) or (1, width).
            rotary, plain: as for :meth:`SelfAttention.forward`.
        """
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = self.modulation(active).unsqueeze(1).chunk(6, -1)
        h = torch.addcmul(h, gate_1, self._dropped(self.attention(_modulated(h, shift_1, scale_1), rotary, plain)))
        hidden = F.gelu(self.hidden(_modulated(h, shift_2, scale_2)), approximate="tanh")
        return torch.addcmul(h, gate_2, self._dropped(self.output(hidden)))

    def _dropped(self, remainder: Tensor) -> Tensor:
        return F.dropout(remainder, self.dropout, self.training) if self.dropout else remainder


class LastLayer(nn.Module):
    """From tokens to the numbers of their patches.

    Args:
        width: of the tokens.
        numbers: of a patch.
    """

    def __init__(self, width: int, numbers: int) -> None:
        super().__init__()
        self.modulation, self.output = nn.Linear(width, 2 * width), nn.Linear(width, numbers)

    def forward(self, h: Tensor, active: Tensor) -> Tensor:
        """Tokens (B, places, width) to (B, places, numbers)."""
        shift, scale = self.modulation(active).unsqueeze(1).chunk(2, -1)
        out: Tensor = self.output(_modulated(h, shift, scale))
        return out
