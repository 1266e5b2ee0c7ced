"""Data space as guidance sees it."""

from __future__ import annotations

from torch import Tensor

from si_core import Fields

__all__ = ["in_data_units"]


def in_data_units(fields: Fields, x: Tensor) -> Tensor:
    """States of model space in data space, to be differentiated by x; as they are where there is no process."""
    return x if fields.process is None else fields.process.target.decode(x)
