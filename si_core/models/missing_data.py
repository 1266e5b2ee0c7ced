"""The error of a model whose data are asked for and are gone or changed, and what can be given in their place.

What that is depends on what was asked for: whoever asks says it by :func:`in_place`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from si_core.errors import DataError

__all__ = ["PUT_BACK", "MissingDataError", "in_place"]

PUT_BACK = "put the data back as they were"
"""What always helps."""


class MissingDataError(DataError):
    """The data that a model was trained on are needed, and are gone, or are others than they were."""


@contextmanager
def in_place(remedy: str) -> Iterator[None]:
    """Say of missing data what can be given in their place; where several do, the innermost is heard."""
    try:
        yield
    except MissingDataError as error:
        if error.fix != PUT_BACK:
            raise
        fix = f"{PUT_BACK}, or {remedy}"
        raise MissingDataError(
            error.problem, where=error.where, got=error.got, allowed=error.allowed, fix=fix
        ) from error
