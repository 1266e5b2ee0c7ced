"""Guidance of a trained model whose files are gone: the model loads, and can be sampled with other guidance or none."""

from __future__ import annotations

from typing import Any, NoReturn

from torch import Tensor

from si_core.contract.guidance import Guidance
from si_core.contract.schedule import Schedule
from si_core.errors import DataError, SIError
from si_core.fields.base import Fields
from si_core.fields.transformed import TransformedFields

__all__ = ["MissingGuidance"]


class MissingGuidance(Guidance):
    """In the place of guidance that can't be made any more; fields guided by it say why as soon as they are needed.

    Args:
        error: why it can't.
    """

    weights = True
    """Not known; nothing is sampled of which this would have to be told."""

    def __init__(self, error: SIError) -> None:
        self.error = error

    def guided(self, fields: Any) -> Fields:
        """Fields that raise the error."""
        return _MissingFields(fields, self.error)


class _MissingFields(TransformedFields):
    has_law = True

    def __init__(self, fields: Fields, error: SIError) -> None:
        super().__init__(fields)
        self._error = error

    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        self._refuse()

    def flow(self, *_: Any, **__: Any) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        error = self._error
        other = "sample with other guidance or none: `--guidance none`, in Python model.with_guidance([])"
        raise DataError(
            f"the guidance that the recipe asks for can't be made: {error.problem}",
            where=error.where,
            got=error.got,
            allowed=error.allowed,
            fix=other if error.fix is None else f"{error.fix}; or {other}",
        ) from error
