"""Guidance: how the fields of a model are changed before it samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

__all__ = ["Guidance"]


class Guidance(ABC):
    """A transform of fields, ``Fields -> Fields``: a model applies those it has in order.

    Recipes select it in ``sample.guidance``. What it makes is most easily a subclass of
    :class:`si_core.SteeredFields`, which adds something to velocity and score, or
    :class:`si_core.CombinedFields`, which mixes the fields under several conditions.
    """

    @abstractmethod
    def guided(self, fields: Any) -> Any:
        """The fields to sample by in place of ``fields``; both are :class:`si_core.Fields`.

        What is returned calls ``fields`` where it needs them and changes nothing in them: the same model may be sampled
        with and without guidance.

        Raises:
            UsageError: fields that can't be guided so, such as those of a model without conditions.
        """
