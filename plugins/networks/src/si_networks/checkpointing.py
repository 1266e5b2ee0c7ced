"""Gradient checkpointing: what a block computed is not kept for the backward pass but computed again there.

Of each block only its inputs stay in memory, for one more forward pass in all (Chen et al., arXiv 1604.06174). Numbers
are the same, those of dropout too, which draws as it did. Where somebody differentiates in what goes in, or nothing is
trained, blocks are called as ever.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

__all__ = ["called"]


def called(block: nn.Module, again: bool, plain: bool, dropout: float, *inputs: Tensor | None) -> Tensor:
    """``block(*inputs, plain)``.

    Args:
        block: the block.
        again: whether it is to be computed again in the backward pass.
        plain: whether its inputs are differentiated (:func:`si_networks.attention.differentiated`).
        dropout: of the block; where there is none no state of generators is kept.
        inputs: of the block.
    """
    if not (again and block.training and not plain and torch.is_grad_enabled()):
        output: Tensor = block(*inputs, plain)
        return output
    return checkpoint(block, *inputs, plain, use_reentrant=False, preserve_rng_state=dropout > 0)  # type: ignore[no-any-return]
