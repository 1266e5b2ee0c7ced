"""First weights of output layers."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["start_small"]

_OUTPUT_SCALE = 0.1
"""Networks learn remainders beside a known part, so they start small."""


def start_small(output: nn.Linear | nn.Conv2d) -> None:
    """Make the first weights of an output layer a tenth of torch's, and its biases zero."""
    with torch.no_grad():
        output.weight.mul_(_OUTPUT_SCALE)
        if output.bias is not None:
            output.bias.zero_()
