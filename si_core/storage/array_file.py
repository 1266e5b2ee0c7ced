"""Arrays in ``.npy`` files that anybody may have written; a pickle is never loaded."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from si_core.errors import SIError, words_of
from si_core.storage.own_files import open_to_read

__all__ = ["load_array"]

_MAGIC = b"\x93NUMPY"


def load_array(path: Path | str, error: type[SIError], fix: str) -> NDArray[np.generic]:
    """The array of a file.

    Args:
        path: the file.
        error: what to raise.
        fix: what to do about a file that is no such array.

    Raises:
        SIError: ``error``, for a file that is missing or can't be read, never ends, is no ``.npy`` file, is damaged, or
            holds Python objects.
    """
    where = str(path)
    try:
        with open_to_read(Path(path)) as file:
            start = file.read(len(_MAGIC))
            if start != _MAGIC:
                problem = "this is no .npy file" if start else "the file is empty"
                raise error(problem, where=where, allowed="what numpy.save writes", fix=fix)
            file.seek(0)
            array: NDArray[np.generic] = np.load(file, allow_pickle=False)
            return array
    except SIError as known:
        raise error(known.problem, where=where, got=known.got, allowed=known.allowed, fix=known.fix) from known
    except FileNotFoundError:
        raise error("no such file", where=where, got=repr(os.path.abspath(path)), fix="check the path") from None
    except OSError as system:
        raise error("the file can't be read", where=where, got=system.strerror or str(system)) from system
    except Exception as damage:  # the header is text that is evaluated: damaged, it makes numpy raise anything
        got = words_of(damage)[:200] or type(damage).__name__
        problem = "damaged, cut short, or Python objects, which are never loaded"
        raise error(problem, where=where, got=got, fix=fix) from damage
