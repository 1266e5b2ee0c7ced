"""The law that guided samples follow: applying guidance in order, and saying where it leaves no law."""

from __future__ import annotations

from collections.abc import Sequence

from si_core.contract.guidance import Guidance
from si_core.errors import PluginError, UsageError
from si_core.fields.base import Fields

__all__ = ["LAWLESS", "guided_fields", "told_of_law"]

LAWLESS = "guided without weights: samples do not follow the tilted law"
"""Of samples, in one line; what an estimate says beside its bound."""


def guided_fields(fields: Fields, guidance: Sequence[Guidance]) -> Fields:
    """Fields changed by guidance, in order.

    Raises:
        UsageError: fields that can't be guided so, or weights that would be lost.
        PluginError: what a guidance gives is no fields.
    """
    for each in guidance:
        before, fields = fields, each.guided(fields)
        if not isinstance(fields, Fields):
            raise PluginError("a guidance makes fields of fields", where=type(each).__name__, got=type(fields).__name__)
        if before.weighted and not fields.weighted:
            raise UsageError(
                "guidance without weights on top of guidance with weights: these would say nothing of its samples",
                where=type(each).__name__,
                got="no weights",
                fix="`weights: true` for all of the guidance, or for none",
            )
    return fields


def told_of_law(fields: Fields, guidance: Sequence[Guidance]) -> str | None:
    """What people are told of the law of guided samples; None where they have the law that is meant."""
    if fields.has_law or not guidance:
        return None
    names = ", ".join(type(each).__name__ for each in guidance if not each.weights)
    return f"{LAWLESS}, and another one for each noise level ({names}; `weights: true` where the guidance has weights)"
