"""Points from files: what ``si estimate --data`` measures on.

Formats other than .npy are read by the distribution ``array``, as a recipe's own data are: the same rules and refusals.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from si_core.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["FORMATS", "read_points"]

FORMATS = ".npy, .npz, .csv or .parquet"
_MAGIC = b"\x93NUMPY"


def read_points(path: str) -> Tensor:
    """All rows of a file as they stand in it, shape (N, *event); an array (N,) is one column.

    Raises:
        DataError: a file that is missing, damaged, of another format, or holds anything but numbers.
        UsageError, PluginError: the distribution ``array`` is needed and not installed, or not ready.
    """
    values = _array(path) if Path(path).suffix.lower() == ".npy" else _rows(path)
    return values[:, None] if values.ndim == 1 else values


def _rows(path: str) -> Tensor:
    import torch

    from si_core.contract.distribution import Distribution
    from si_core.discovery.build import build

    options: dict[str, Any] = {"path": path, "standardise": False, "held_out": 0.0, "dtype": "float64"}
    data: Distribution = build("distribution", "si-distributions/array", **options)
    # With nothing held out, row i is the i-th row of the file.
    return data.rows(torch.arange(data.size or 0))[0]


def _array(path: str) -> Tensor:
    import numpy as np
    import torch

    try:
        with open(path, "rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise DataError("this is no .npy file", where=path, allowed=FORMATS, fix="write it with numpy.save")
        values = np.load(path, allow_pickle=False)
    except OSError as error:
        raise DataError("the file can't be read", where=path, got=error.strerror or str(error)) from error
    except (ValueError, EOFError) as error:
        raise DataError(
            "damaged, or Python objects, which are never loaded",
            where=path,
            got=str(error) or type(error).__name__,
            fix="save a plain array: numpy.save(path, numpy.asarray(rows, dtype='float32'))",
        ) from error
    if values.dtype.kind not in "fiu" or values.ndim == 0:
        raise DataError("not an array of real numbers", where=path, got=f"dtype {values.dtype}, shape {values.shape}")
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float64))
