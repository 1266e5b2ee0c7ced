"""Samples and weights as files of a run: arrays of ``.npy``, finite, there whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core.contract.weights import weights_of_mean_one
from si_core.errors import NumericsError, StorageError
from si_core.models.samples import Samples
from si_core.storage.array_file import load_array
from si_core.storage.atomic import write_atomic

__all__ = ["check_finite", "read_array", "write_array", "write_samples", "write_weights"]


def write_array(path: Path, values: Tensor, typed: Callable[[Tensor], NDArray[np.generic]] | None = None) -> None:
    """Write a tensor as ``.npy``, whole or not at all, in the dtype that ``typed`` gives it.

    Raises:
        NumericsError: a value that is not finite; nothing is written.
        StorageError: the file can't be written.
    """
    check_finite(path, values)
    buffer = io.BytesIO()
    np.save(buffer, values.numpy() if typed is None else typed(values), allow_pickle=False)
    write_atomic(path, buffer.getvalue())


def check_finite(path: Path, values: Tensor) -> None:
    """Refuse to store samples (n, *event) that are not finite.

    Raises:
        NumericsError: how many they are.
    """
    if values.is_floating_point() and not bool(torch.isfinite(values).all()):
        bad = int((~torch.isfinite(values)).flatten(1).any(1).sum())
        raise NumericsError(
            "samples that are not finite are not stored",
            where=str(path),
            got=f"{bad} of {len(values)} rows",
            fix="more steps of the integrator, or a smaller epsilon",
        )


def read_array(path: Path) -> Tensor:
    """The tensor that :func:`write_array` wrote.

    Raises:
        StorageError: the file can't be read.
    """
    fix = "put the file back, or let the run make it again: si run --resume"
    found = load_array(path, StorageError, fix)
    try:
        return torch.from_numpy(found)
    except TypeError as error:
        raise StorageError("an array of no numbers", where=str(path), got=found.dtype, fix=fix) from error


def write_samples(
    path: Path, weights: Path, samples: Samples, typed: Callable[[Tensor], NDArray[np.generic]] | None = None
) -> None:
    """Write samples, and their weights of mean 1 where they have some; those of samples before go.

    Args:
        path: the samples, ``.npy``.
        weights: the weights, ``.npy``.
        samples: what to write.
        typed: gives samples another dtype.

    Raises:
        NumericsError, StorageError: as for :func:`write_array`.
    """
    write_array(path, samples.x, typed)
    write_weights(weights, samples)


def write_weights(path: Path, samples: Samples) -> None:
    """Write the weights of samples, of mean 1, where they have some; those of samples before go.

    Raises:
        NumericsError, StorageError: as for :func:`write_array`.
    """
    if samples.log_weights is None:
        path.unlink(missing_ok=True)
    else:
        write_array(path, weights_of_mean_one(samples.log_weights))
