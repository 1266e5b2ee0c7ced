"""What a benchmark finds: lines of figures, some of which are held to a goal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from .timing import Effort, Spread

__all__ = ["Benchmark", "Figure", "Goal", "Line", "factor", "fixed", "microseconds", "milliseconds"]


@dataclass(frozen=True)
class Goal:
    """A bound on a figure.

    Args:
        limit: the bound, in the figure's unit.
        at_least: whether the figure should be above it and not below.
    """

    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value keeps the bound."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"


@dataclass(frozen=True)
class Figure:
    """A number with its spread over repetitions.

    Args:
        name: what it is: the head of its column.
        value: median and quartiles, in ``unit``.
        unit: such as ``us`` or ``1``.
        goal: what the median is held to, if to anything.
    """

    name: str
    value: Spread
    unit: str = "1"
    goal: Goal | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return None if self.goal is None else self.goal.met(self.value.median)

    def record(self) -> dict[str, object]:
        """This figure as plain data."""
        goal = None if self.goal is None else str(self.goal)
        return {"name": self.name, "unit": self.unit, **asdict(self.value), "goal": goal, "met": self.met}


@dataclass(frozen=True)
class Line:
    """The figures of one subject in one case.

    Args:
        case: what is measured.
        who: whose: ours, a loop by hand, or a peer's.
        figures: the figures.
    """

    case: str
    who: str
    figures: tuple[Figure, ...]

    @property
    def missed(self) -> tuple[Figure, ...]:
        """The figures whose goals are not met."""
        return tuple(figure for figure in self.figures if figure.met is False)

    def record(self) -> dict[str, object]:
        """This line as plain data."""
        return {"case": self.case, "who": self.who, "figures": [figure.record() for figure in self.figures]}


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of the command.

    Args:
        name: by which it is asked for.
        title: what it measures.
        columns: the names of its figures, in order.
        lines: measures; told with how much effort.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    lines: Callable[[Effort], Iterator[Line]]


def microseconds(name: str, seconds: Spread, goal: float | None = None) -> Figure:
    """A time; the goal is the most it should be, in microseconds."""
    return Figure(name, seconds.times(1e6), "us", None if goal is None else Goal(goal))


def milliseconds(name: str, seconds: Spread, goal: float | None = None) -> Figure:
    """A time; the goal is the most it should be, in milliseconds."""
    return Figure(name, seconds.times(1e3), "ms", None if goal is None else Goal(goal))


def fixed(name: str, value: float, goal: Goal | None = None) -> Figure:
    """A pure number that is the same in each repetition."""
    return Figure(name, Spread(value, value, value), "1", goal)


def factor(name: str, value: Spread, goal: float | None = None, at_least: bool = False) -> Figure:
    """A pure number; the goal is the most, or the least, it should be."""
    return Figure(name, value, "1", None if goal is None else Goal(goal, at_least))
