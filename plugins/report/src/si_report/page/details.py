"""Details of estimates in words."""

from __future__ import annotations

from collections.abc import Container, Mapping
from numbers import Integral
from typing import Any

from si_report.page.text import short

__all__ = ["details_in_words"]

WORDS = {
    "bandwidth": "width of the kernel",
    "bounded": "the integrand is bounded at start and stop",
    "directions_error": "standard error that the choice of directions adds",
    "dimensions": "numbers in an event",
    "distance": "distance itself, the root of the value",
    "divergences": "divergences for each point, on average",
    "draws": "draws of the process",
    "evaluations": "evaluations of the drift along each path",
    "features": "features of each sample",
    "fraction_at_ends": "fraction of the value from the last 1 % of the clock at start and stop",
    "growth": "power of 1/u with which the integrand grows at start and stop",
    "loss_score": "loss of the score above its minimum",
    "loss_velocity": "loss of the velocity above its minimum",
    "method": "method of integration",
    "most_divergences": "divergences for one point, at most",
    "path": "how the divergence was integrated",
    "probe_error": "standard error that random probes add",
    "probe_variance": "variance of a point's value by random probes",
    "quadrature_error": "error of the quadrature for a point, root mean square",
    "reference": "what the fields are compared with",
    "references": "points of the data that are compared",
    "references_given": "points of the data in all",
    "samples": "samples of the model that are compared",
    "span": "times that are integrated over",
    "statement": "in words",
    "worst_quadrature_error": "error of the quadrature for a point, at worst",
}
"""Common names of details; any other is told by itself."""


def details_in_words(details: Mapping[str, Any], drawn: Container[str] = ()) -> list[tuple[str, str]]:
    """What a detail is, and its value, in order; those that are drawn are left out."""
    return [
        (WORDS.get(str(key), str(key).replace("_", " ")), _value(value))
        for key, value in details.items()
        if str(key) not in drawn
    ]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{str(key).replace('_', ' ')} {_value(item)}" for key, item in value.items())
    if isinstance(value, list | tuple) and value and len(value) <= 8:
        return ", ".join(map(_value, value))
    return short(value)
