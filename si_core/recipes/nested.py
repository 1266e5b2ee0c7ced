"""Selections among the options of a selection: components that are made of components (:class:`si_core.Nested`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from si_core.discovery.kinds import KINDS
from si_core.discovery.nested import CHECKED, nested_options
from si_core.recipes.live import IN_MEMORY, Live
from si_core.recipes.selection import Select, Selection

__all__ = ["nested_selections", "without_nested"]


def nested_selections(selection: Selection, cls: type[Any]) -> dict[str, Selection]:
    """What the options of a component of this class select, by the names of the options.

    An option of another form is none: the check of the options says what is wrong with it.
    """
    kinds = nested_options(cls, KINDS[selection.kind].context)
    given = {name: selection.options.get(name) for name in kinds}
    return {name: Select(kinds[name]).validate(value) for name, value in given.items() if _selects(value)}


def without_nested(selection: Selection, cls: type[Any]) -> dict[str, Any]:
    """The options with a mark where they select a component, which is checked by itself."""
    return {**selection.options, **dict.fromkeys(nested_selections(selection, cls), CHECKED)}


def _selects(value: Any) -> bool:
    """Whether a value has the form of a selection."""
    if isinstance(value, Mapping):
        return isinstance(value.get("use", value.get(IN_MEMORY)), str | Live)
    return isinstance(value, str | Live | Selection)
