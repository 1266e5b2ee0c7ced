"""What a model of a series is given for a forecast, beside the states themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from si_core import Largest, UsageError
from si_forecast.data.segments import Gaps

__all__ = ["Ahead", "HeldOut", "Layout", "Past", "check_sizes"]

Past = Annotated[int, Field(ge=0, le=Largest.DEPTH)]
Ahead = Annotated[int, Field(ge=1, le=Largest.STEPS)]
HeldOut = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class Layout:
    """The windows of a series.

    Args:
        past: how many past states networks are given, ``ahead`` rows apart; 0 where they are given none.
        ahead: how many rows a forecast reaches ahead.
        calendar: the calendar features of the time that is forecast.
        given_group: the name of the condition that tells the series, or None.
        gaps: what times are that are farther apart than a step.
    """

    past: Past = 1
    ahead: Ahead = 1
    calendar: tuple[str, ...] = ()
    given_group: str | None = None
    gaps: Gaps = "refuse"

    @property
    def states(self) -> int:
        """The past states of a window: one at least, which a forecast starts from."""
        return max(self.past, 1)


def check_sizes(past: Any, ahead: Any) -> None:
    """Refuse numbers of past states and of rows ahead that are none.

    Raises:
        UsageError: says which.
    """
    for name, value, least in (("past", past, 0), ("ahead", ahead, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise UsageError(
                "must be a whole number", where=f"series: {name}", got=repr(value), allowed=f"a whole number >= {least}"
            )
