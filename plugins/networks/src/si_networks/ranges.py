"""Ranges of options of networks, for those who make them without a recipe."""

from __future__ import annotations

from si_core import UsageError

__all__ = ["check_fraction", "check_whole"]


def check_whole(where: str, value: object, least: int, most: int) -> None:
    """Refuse what is no whole number from ``least`` to ``most``.

    Args:
        where: the network and the option, for the error.
        value: of the option.
        least: the lower bound, included.
        most: the upper bound, included.

    Raises:
        UsageError: with the range.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UsageError(
            "out of range", where=where, got=repr(value), allowed=f"a whole number from {least} to {most:,}"
        )


def check_fraction(where: str, value: object) -> None:
    """Refuse what is no number from 0 to below 1, for the same arguments and with the same error."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise UsageError("out of range", where=where, got=repr(value), allowed="a number >= 0 and < 1")
