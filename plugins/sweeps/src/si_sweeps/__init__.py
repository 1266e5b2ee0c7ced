"""Grids of runs: ``from si_sweeps import sweep`` in Python, ``si sweep`` on the command line, ``sweep`` in a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from si_sweeps.runner import sweep as sweep

__all__ = ["sweep"]


def __getattr__(name: str) -> Any:
    # Late, for listing what is installed imports this package, and must not pay for torch.
    if name != "sweep":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from si_sweeps.runner import sweep

    return sweep
