"""Constant tensors that follow the device of the draws."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Placed"]

# A larger table stays in main memory, and only the rows taken travel to an accelerator.
_RESIDENT_BYTES = 2**32


class Placed:
    """A constant, copied once to each device and dtype that asks for it.

    Args:
        tensor: the constant.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self._copies: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def on(self, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
        """The constant on a device, in a dtype (its own by default)."""
        key = (device, dtype or self.tensor.dtype)
        if key not in self._copies:
            # An inference tensor could not be used where gradients are wanted later.
            with torch.inference_mode(False):
                self._copies[key] = self.tensor.to(device=key[0], dtype=key[1])
        return self._copies[key]

    def like(self, x: Tensor) -> Tensor:
        """The constant on the device and in the dtype of x."""
        return self.on(x.device, x.dtype)

    def rows(self, index: Tensor) -> Tensor:
        """Rows along the first axis, on the device of the index."""
        if self.tensor.nbytes <= _RESIDENT_BYTES:
            return self.on(index.device)[index]
        return self.tensor[index.to(self.tensor.device)].to(index.device)

    def __getstate__(self) -> Tensor:
        return self.tensor

    def __setstate__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self._copies = {}
