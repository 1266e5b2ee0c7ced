"""Files of HDF5 may lead elsewhere: by links into other files, and by numbers that lie in files of any kind.

A file of a stranger could so be read with what is yours in it. AnnData writes nothing of the kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from si_core import DataError

__all__ = ["refuse_elsewhere"]


def refuse_elsewhere(file: Any, key: str, where: str) -> None:
    """Refuse an element, a group or an array by its path, any part of which is not in the file itself.

    Raises:
        DataError: a link, or numbers that lie elsewhere: its path.
    """
    for path in _places(file, key):
        link = file.get(path, getlink=True)
        found = file[path] if type(link).__name__ == "HardLink" else None
        elsewhere = found is None or bool(getattr(found, "external", None)) or bool(getattr(found, "is_virtual", False))
        if elsewhere:
            fix = "copy the data into one file, as AnnData.write_h5ad does"
            raise DataError(
                "a part of the file lies in another one; it is not followed", where=where, got=path, fix=fix
            )


def _places(file: Any, key: str) -> Iterator[str]:
    """The paths to an element and, where they are in the file, of all within it."""
    parts = key.split("/")
    for n in range(1, len(parts)):
        yield "/".join(parts[:n])
    yield from _within(file, key)


def _within(file: Any, path: str) -> Iterator[str]:
    yield path
    found = file[path]
    if hasattr(found, "keys"):
        for name in found:
            yield from _within(file, f"{path}/{name}")
