"""Whether fields can be given weights: what is refused before any state is moved."""

from __future__ import annotations

from si_core.contract.schedule import Schedule
from si_core.errors import UsageError
from si_core.fields.base import Fields
from si_core.fields.noise_level import Constant

__all__ = ["of_one_start", "refuse_unweightable"]

_INSIDE = (0.25, 0.75)
"""Weights are asked for between the ends alone."""

_AT_THE_START = 0.02


def refuse_unweightable(fields: Fields, where: str) -> None:
    """Refuse weights on top of fields that have no law, or whose score can't be had.

    Args:
        fields: the fields to be changed.
        where: what changes them, for the error.

    Raises:
        UsageError: says which.
    """
    if not fields.has_law:
        raise UsageError(
            "weights are those of a change of one law, and these fields have none",
            where=where,
            got="weights on top of guidance without weights",
            fix="`weights: true` for all of the guidance, or for none",
        )
    try:
        # The drift of an SDE needs both fields that the weights are made of.
        fields.flow(fields.clock, Constant(1.0), span=_INSIDE)
    except UsageError as error:
        raise UsageError(
            f"weights need the score: {error.problem}", where=where, got=error.got, allowed=error.allowed, fix=error.fix
        ) from error


def of_one_start(fields: Fields, s: Schedule | None = None) -> None:
    """Refuse to weigh laws against each other that are not the same where sampling starts.

    Args:
        fields: of any condition.
        s: the time of the start; None where it is not known yet.

    Raises:
        UsageError: a source that depends on the conditions, or a start elsewhere.
    """
    process = fields.process
    if process is not None and not (process.coupling.independent or process.structure.one_sided):
        raise UsageError(
            "laws that differ at t = 0 by an unknown density can't be weighed against each other",
            got=f"a {type(process.coupling).__name__} coupling, by which the source may depend on the condition",
            allowed="an independent coupling",
            fix="leave `weights` out",
        )
    if s is not None and float(s.t.max()) > _AT_THE_START:
        raise UsageError(
            "the laws that are mixed agree at t = 0 alone, so weighted states start there",
            got=f"a start at t = {float(s.t.max()):g}",
            allowed=f"a start in [0, {_AT_THE_START}], which is taken for 0, and forward",
        )
