"""Ranges of options of networks, for those who make them without a recipe."""

from __future__ import annotations

from si_core import UsageError

__all__ = ["check_fraction", "check_whole"]


def check_whole(where: str, value: object, least: int, most: int, even: bool = False) -> None:
    """Refuse what is no whole number from ``least`` to ``most``, or no even one where that is asked for.

    Args:
        where: the network and the option, for the error.
        value: of the option.
        least: the lower bound, included.
        most: the upper bound, included.
        even: whether it has to be even.

    Raises:
        UsageError: with the range.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole and least <= value <= most and not (even and value % 2)):  # type: ignore[operator]
        kind = "an even number" if even else "a whole number"
        raise UsageError("out of range", where=where, got=repr(value), allowed=f"{kind} from {least} to {most:,}")


def check_fraction(where: str, value: object) -> None:
    """Refuse what is no number from 0 to below 1, for the same arguments and with the same error."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise UsageError("out of range", where=where, got=repr(value), allowed="a number >= 0 and < 1")
