"""Callbacks: what watches a run as it goes (section ``callbacks`` of a recipe)."""

from __future__ import annotations

from abc import ABC

__all__ = ["Callback"]


class Callback(ABC):  # noqa: B024 - which methods it has is a callback's own choice
    """Something that is called at moments of a run: any of the methods of :mod:`si_core.contract.run`.

    Randomness that it needs comes from generators of its own; a callback changes no bit of what is trained.
    """
