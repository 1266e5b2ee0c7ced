"""Putting stored weights into a network: all of them fit, or none is touched."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from si_core.errors import StorageError

__all__ = ["load_into"]

_SHOWN = 10


def load_into(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor], where: str) -> None:
    """Copy ``tensors`` into the parameters and buffers of ``module``.

    Args:
        module: the network to fill.
        tensors: a tensor of the same shape and dtype for each name in ``module.state_dict()``, and no other.
        where: the file they come from, for the error.

    Raises:
        StorageError: with a table of the first ten names that are missing, unexpected or of another shape or dtype;
            the module is unchanged.
    """
    own = {name: value for name, value in module.state_dict().items() if isinstance(value, torch.Tensor)}
    rows = [f"missing     {name}: {_described(own[name])}" for name in own if name not in tensors]
    rows += [f"unexpected  {name}: {_described(tensors[name])}" for name in tensors if name not in own]
    rows += [
        f"mismatched  {name}: {_described(tensors[name])} in the file, {_described(own[name])} in the network"
        for name in own
        if name in tensors and _described(tensors[name]) != _described(own[name])
    ]
    if rows:
        table = "\n    ".join(rows[:_SHOWN] + ([f"and {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else []))
        raise StorageError(
            f"the weights don't fit the network; nothing was loaded\n    {table}",
            where=where,
            fix="use the recipe the weights were trained with; most often network or target has changed",
        )
    try:
        module.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise StorageError("the network does not accept the weights", where=where, got=str(error)) from error


def _described(tensor: torch.Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
