"""Forecasts: series as distributions, roll-outs with members, and measures of them.

``forecast(model, steps, members)`` rolls a model out, ``series(values)`` makes a distribution of arrays in memory.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from si_forecast.data.memory import series as series
    from si_forecast.rolling.forecast import forecast as forecast

__all__ = ["forecast", "series"]

_HOMES = {"forecast": "si_forecast.rolling.forecast", "series": "si_forecast.data.memory"}


def __getattr__(name: str) -> Any:
    # Late, for the entry module of the plugin must not pay for torch.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
