"""Fields made of other fields of the same process: what guidance gives a model to sample by."""

from __future__ import annotations

import copy
from typing import Self

from si_core.contract.condition import Condition
from si_core.fields.base import Fields

__all__ = ["TransformedFields"]


class TransformedFields(Fields):
    """Fields made of others; they have the process, the conditions and the networks of those.

    What is made need not be fields of any law: the ODE has a law of its own at each time, and so has the SDE of each
    noise level. A class whose fields have one says so (:attr:`has_law`), and gives the weights of its states
    (:meth:`log_weight_rate`), to which those of the fields it is made of belong.

    Args:
        fields: the fields they are made of, which stay as they are.
    """

    has_law = False

    def __init__(self, fields: Fields) -> None:
        self._follow(fields)

    def _follow(self, fields: Fields) -> None:
        self.fields, self.process = fields, fields.process
        self.condition, self.optional = fields.condition, fields.optional
        self.predictor: object = getattr(fields, "predictor", None)

    def of(self, fields: Fields) -> Self:
        """The same made of other fields, such as those given another condition."""
        other = copy.copy(self)
        other._follow(fields)
        return other

    def conditioned(self, condition: Condition | None) -> Self:
        return self.of(self.fields.conditioned(condition))

    def check_conditions(self, rows: int | None = None) -> None:
        self.fields.check_conditions(rows)
