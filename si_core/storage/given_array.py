"""Arrays in ``.npy`` files that somebody gives: on the command line, and as values of conditions."""

from __future__ import annotations

import os
import stat

import numpy as np
from numpy.typing import NDArray

from si_core.errors import DataError

__all__ = ["read_given_array"]

_MAGIC = b"\x93NUMPY"
_WHOLE = "write or copy it again; a plain array is saved by numpy.save(path, numpy.asarray(rows, dtype='float32'))"


def read_given_array(path: str) -> NDArray[np.generic]:
    """The array of a file; pickles are never loaded.

    Raises:
        DataError: no file that ends (opening a pipe would wait for a writer, and a device has no end), one that can't
            be read, is empty, of another format or damaged, or holds Python objects.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            what = "a directory" if stat.S_ISDIR(mode) else "a pipe or a device"
            raise DataError(f"{what}, not a file", where=path, allowed="a .npy file")
        with open(path, "rb") as file:
            start = file.read(len(_MAGIC))
    except (FileNotFoundError, ValueError):  # a NUL in the name is a ValueError
        raise DataError("no such file", where=path, got=repr(os.path.abspath(path)), fix="check the path") from None
    except OSError as error:
        raise DataError("the file can't be read", where=path, got=error.strerror or str(error)) from error
    if start != _MAGIC:
        problem = "this is no .npy file" if start else "the file is empty"
        raise DataError(problem, where=path, fix="write it with numpy.save; pickles and text are never loaded")
    try:
        array: NDArray[np.generic] = np.load(path, allow_pickle=False)
    except Exception as error:  # damaged bytes make readers raise anything
        got = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(
            "damaged, cut short, or Python objects, which are never loaded", where=path, got=got, fix=_WHOLE
        ) from error
    return array
