"""A benchmark's lines on a terminal, each printed when it is known."""

from __future__ import annotations

from .figures import Benchmark, Figure, Line

__all__ = ["print_head", "print_line"]

_CASE, _WHO, _CELL = 60, 24, 25


def print_head(benchmark: Benchmark) -> None:
    """The title and the names of the columns."""
    print(f"\n{benchmark.name}: {benchmark.title}; median [quartiles]")
    print(
        f"{'':{_CASE}}{'':{_WHO}}" + "".join(f"{name:>{_CELL}}" for name in benchmark.columns) + "   goals", flush=True
    )


def print_line(benchmark: Benchmark, line: Line) -> None:
    """One line, with what became of its goals."""
    found = {figure.name: figure for figure in line.figures}
    cells = "".join(f"{_cell(found.get(name)):>{_CELL}}" for name in benchmark.columns)
    goals = "; ".join(
        f"{figure.name} {figure.goal}: {'met' if figure.met else 'NOT MET'}" for figure in line.figures if figure.goal
    )
    print(f"{line.case:{_CASE}}{line.who:{_WHO}}{cells}   {goals}".rstrip(), flush=True)


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    value = figure.value
    if value.lower == value.upper:
        return _number(value.median)
    return f"{_number(value.median)} [{_number(value.lower)} {_number(value.upper)}]"


def _number(value: float) -> str:
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-2:
        return f"{value:.1e}"
    return f"{value:.3f}" if size < 10 else f"{value:.1f}" if size < 1000 else f"{value:.0f}"
