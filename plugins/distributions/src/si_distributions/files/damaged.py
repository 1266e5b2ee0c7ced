"""Damaged bytes: whatever a library raises that reads them is the fault of the file, and told as such.

numpy, zipfile, zlib, pyarrow and Pillow parse headers that anybody may have written; on damaged ones they raise nearly
anything (tokenize.TokenError, NotImplementedError, struct.error, KeyError). Little else than calls of such libraries
belongs inside, lest a mistake of ours be blamed on a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from si_core import DataError, SIError

__all__ = ["reading_bytes"]


@contextmanager
def reading_bytes(where: str, problem: str = "the file is damaged or cut short") -> Iterator[None]:
    """Turn what a library raises inside into an error of the file.

    Args:
        where: the file.
        problem: what is then wrong with it.

    Raises:
        DataError: the library failed; errors meant for users, and of files that can't be opened, pass as they are.
    """
    try:
        yield
    except (SIError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:
        got = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise DataError(problem, where=where, got=got, fix="write or copy it again") from error
