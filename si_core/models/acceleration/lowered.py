"""Networks in a lower precision than their weights, in training: products there, all else in that of the states.

``torch.autocast`` casts what enters matrix products and convolutions as they are met, weights too, and keeps sums,
norms and the embedding of time in single precision; what comes out is cast back, so that losses, gradients of weights,
moments and averages are in the precision of the weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from si_core.contract.condition import Condition
from si_core.fields.predictor import Predictor

__all__ = ["LoweredPredictor", "lower_dtype"]

_LOWER = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def lower_dtype(precision: str) -> torch.dtype | None:
    """The precision of products that a word of a recipe means; None for ``full``, that of the weights."""
    return _LOWER.get(precision)


class LoweredPredictor(Predictor):
    """Networks called in a lower precision; they are those of another predictor, which is called whole.

    Args:
        predictor: the networks, in single precision.
        count: the number of fields.
        dtype: the precision of their products.
    """

    def __init__(self, predictor: Predictor, count: int, dtype: torch.dtype) -> None:
        super().__init__(list(predictor.networks), count, predictor.two_times)
        # Not a submodule: its networks are there already. It may be compiled.
        self._whole, self.dtype = (predictor,), dtype

    def forward(
        self,
        position: Tensor,
        x: Tensor,
        condition: Condition | None = None,
        indices: Sequence[int] | None = None,
        s: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """The outputs as the networks give them, in the precision of x."""
        # A weight is met once in a call: there is nothing to cache.
        with torch.autocast(x.device.type, self.dtype, cache_enabled=False):
            outputs: tuple[Tensor, ...] = self._whole[0](position, x, condition, indices, s)
        return tuple(output.to(x.dtype) for output in outputs)
