"""A linear map given as a matrix."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from si_core import DataError, UsageError
from si_operators.events import array_of, digest, known_shape
from si_operators.operator import Operator

__all__ = ["Matrix"]

_WHERE = "operator matrix"


class Matrix(Operator):
    """``A x`` of flattened events, (B, *event) -> (B, m), for a matrix (m, d) and events of d entries.

    ``fill`` is the pseudoinverse, the smallest x with this y.

    Args:
        path: a .npy file of shape (m, d).

    Raises:
        DataError: a file that is missing, or no matrix of finite numbers.
    """

    consistent = True

    def __init__(self, path: Path) -> None:
        self.path, self.matrix = path, array_of(path, _WHERE)
        if self.matrix.ndim != 2 or 0 in self.matrix.shape:
            got = f"shape {tuple(self.matrix.shape)}"
            raise DataError("the file holds no matrix", where=str(path), got=got, allowed="(m, d)")
        self.fingerprint = digest(self.matrix)
        self._inverse = torch.linalg.pinv(self.matrix)

    def apply(self, x: Tensor) -> Tensor:
        self.out_shape(tuple(x.shape[1:]))
        return x.reshape(len(x), -1) @ self.matrix.T.to(x)

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        rows, columns = self.matrix.shape
        if math.prod(shape) != columns:
            got = f"events {tuple(shape)} of {math.prod(shape)} entries"
            raise UsageError("the matrix is for other events", where=_WHERE, got=got, allowed=f"{columns} entries")
        return (rows,)

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        return self._back(y, self.matrix, shape)

    def fill(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        return self._back(y, self._inverse.T, shape)

    def _back(self, y: Tensor, matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
        known_shape(y, self.out_shape(shape), "measurements", _WHERE)
        return (y @ matrix.to(y)).reshape(len(y), *shape)
