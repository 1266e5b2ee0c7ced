"""Errors of recipes and of files in the words of arrays and calls: what is typed next is Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from si_core.errors import DataError
from si_core.models.missing_data import MissingDataError

__all__ = ["of_rows", "of_saved"]

_SAID = (
    (
        "leave it out with columns",
        "leave it out: names=[...] takes some columns of a frame, X[:, [0, 2]] some of an array",
    ),
    ("set standardise: false", "standardise=False"),
    ("repair the file, or ", ""),
    ("repair the file", "repair X"),
    ("set missing: drop", 'missing="drop" leaves these rows out'),
    ("missing: mean", 'missing="mean"'),
    ("missing: leave-out where train.condition_dropout", 'missing="leave-out" where train={"condition_dropout": ...}'),
    ("lower held_out", "give more rows, or held_out=0"),
)
"""What a file's reader advises, and how ``si.fit`` is told the same."""


@contextmanager
def of_rows(where: str, rows: int) -> Iterator[None]:
    """Say of rows in memory what ``si.fit`` can be told in place of a recipe."""
    try:
        yield
    except DataError as error:
        fix = error.fix
        for file, call in _SAID:
            fix = None if fix is None else fix.replace(file, call)
        problem, allowed = error.problem, error.allowed
        if rows < 3 and "standardised" in problem:
            problem = "so few rows that none differ can't be standardised"
            allowed, fix = "two different rows at least to train on", "give more rows, or held_out=0"
            if rows == 1:
                fix = "give more rows; or standardise=False, held_out=0 for the law of one point"
        place = (
            f"{where}{(error.where or '').removeprefix('X')}" if (error.where or "X").startswith("X") else error.where
        )
        raise DataError(problem, where=place, got=error.got, allowed=allowed, fix=fix) from error


@contextmanager
def of_saved(in_memory: bool, remedy: str) -> Iterator[None]:
    """Say of data that were in memory what can be given in their place: they can't be put back.

    Args:
        in_memory: whether they were; those of a file can be.
        remedy: what can be given.
    """
    try:
        yield
    except MissingDataError as error:
        if not in_memory:
            raise
        raise MissingDataError(
            error.problem, where=error.where, got=error.got, allowed=error.allowed, fix=remedy
        ) from error
