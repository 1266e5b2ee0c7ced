"""Networks in a lower precision than their weights, in training: products there, all else in that of the states.

``torch.autocast`` casts what enters matrix products and convolutions as they are met, weights too, and keeps sums,
norms and the embedding of time in single precision; what comes out is cast back, so that losses, gradients of weights,
moments and averages are in the precision of the weights.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from si_core.fields.predictor import Predictor, WrappedPredictor

__all__ = ["LoweredPredictor", "lower_dtype"]

_LOWER = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def lower_dtype(precision: str) -> torch.dtype | None:
    """The precision of products that a word of a recipe means; None for ``full``, that of the weights."""
    return _LOWER.get(precision)


class LoweredPredictor(WrappedPredictor):
    """Networks called in a lower precision; they are those of another predictor, which is called whole.

    Args:
        predictor: the networks, in single precision.
        count: the number of fields.
        dtype: the precision of their products.
    """

    def __init__(self, predictor: Predictor, count: int, dtype: torch.dtype) -> None:
        super().__init__(predictor, count)
        self.dtype = dtype

    def forward(self, position: Tensor, x: Tensor, *further: Any, **named: Any) -> tuple[Tensor, ...]:
        """The outputs as the networks give them, in the precision of x."""
        # A weight is met once in a call: there is nothing to cache.
        with torch.autocast(x.device.type, self.dtype, cache_enabled=False):
            outputs: tuple[Tensor, ...] = self.whole(position, x, *further, **named)
        return tuple(output.to(x.dtype) for output in outputs)
