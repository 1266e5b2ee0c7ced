"""Guidance: how the fields of a model are changed before it samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

__all__ = ["Guidance"]


class Guidance(ABC):
    """A transform of fields, ``Fields -> Fields``: a model applies those it has in order.

    Recipes select it in ``sample.guidance``. What it makes is most easily one of

    * :class:`si_core.TiltedFields`: the law multiplied by ``e^r``, with the weights of exactly that law;
    * :class:`si_core.CombinedFields`: the fields under several conditions, mixed;
    * :class:`si_core.MixedFields`: the fields of several models, mixed;
    * a subclass of :class:`si_core.SteeredFields`: anything that is added to velocity and score.
    """

    weights: bool = False
    """Whether the fields it makes come with the exact weights of their law (:meth:`si_core.Fields.log_weight_rate`);
    without, samples follow no law that can be named, another one for each noise level."""

    @abstractmethod
    def guided(self, fields: Any) -> Any:
        """The fields to sample by in place of ``fields``; both are :class:`si_core.Fields`.

        What is returned calls ``fields`` where it needs them and changes nothing in them: the same model may be sampled
        with and without guidance.

        Raises:
            UsageError: fields that can't be guided so, such as those of a model without conditions.
        """
