"""First weights of layers behind which something is known, or beside which something stands."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

__all__ = ["start_at_zero", "start_small"]

_Layer = TypeVar("_Layer", nn.Linear, nn.Conv2d)

_OUTPUT_SCALE = 0.1
"""Networks learn remainders beside a known part, so they start small."""


def start_small(output: nn.Linear | nn.Conv2d) -> None:
    """Make the first weights of an output layer a tenth of torch's, and its biases zero."""
    with torch.no_grad():
        output.weight.mul_(_OUTPUT_SCALE)
        if output.bias is not None:
            output.bias.zero_()


def start_at_zero(layer: _Layer) -> _Layer:
    """The layer, with weights and biases of zero: what it is added to, or scales, starts as it is without."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    return layer
