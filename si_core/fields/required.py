"""What is asked of known fields: coefficients of the field that is wanted, and the completion that makes it of them."""

from __future__ import annotations

from si_core.errors import UsageError
from si_core.fields.refusals import Asked, refusal
from si_core.process.coefficients import stack
from si_core.process.completion import CoefficientFunction, Completion
from si_core.process.process import StochasticInterpolant

__all__ = ["SDE", "field_coefficients", "require"]

SDE = "an SDE"
"""How the drift of an SDE is named where it is asked for."""


def field_coefficients(process: StochasticInterpolant, name: str) -> CoefficientFunction:
    """The coefficients of a field per unit of the schedule's clock."""
    return lambda s: stack(process.coefficients(name, s), s)


def require(asked: Asked, freeze: bool = False, ends: bool = False) -> Completion:
    """The completion of a field or a drift that was asked for.

    Args:
        asked: what was asked for.
        freeze: whether unbounded weights are frozen beside their end.
        ends: whether they are refused where they are not frozen.

    Raises:
        UsageError: it is out of the span of the known fields, has a pole between the ends, or is unbounded at an end
            that matters; says what would help.
    """
    if asked.what == SDE and not asked.process.structure.has("score"):
        raise UsageError(
            f"{asked.what} needs the score, which can't be learned: there is neither a latent nor a standard normal "
            "source",
            got=f"objectives {', '.join(asked.names)}; no latent",
            fix="add a latent, such as `latent: brownian`, or sample with `epsilon: 0`",
        )
    found = asked.completion(freeze)
    verdict = found.verdict.within(asked.span)
    if not verdict.usable or (ends and not freeze and not verdict.bounded):
        raise refusal(asked, verdict)
    return found
