"""What every moderator must be: the checks that `si check` runs for components of the kind."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import torch

from si_authoring.testing import Conformance, Output, Setting, Suite, Violation, check
from si_calm.moderator import Moderator

__all__ = ["ModeratorChecks"]


def _stops(moderator: Moderator, loss: float) -> list[str]:
    """The stops that it asks for at a record with this loss."""
    stops: list[str] = []
    moderator.after_step(SimpleNamespace(step=1, metrics={"step": 1, "loss": loss}, request_stop=stops.append))
    return stops


def _exercise(moderator: Moderator, setting: Setting) -> Sequence[Output]:
    count = torch.tensor(float(len(_stops(moderator, 0.5))), device=setting.device)
    return [Output("stops", count, (), rows=False, like=False)]


@check
def calm_at_zero(moderator: Moderator) -> None:
    """A loss of 0 is enough for every moderator."""
    if not _stops(moderator, 0.0):
        raise Violation("it goes on at a loss of 0")


class ModeratorChecks(Conformance):
    """The checks of a moderator."""

    kind = "moderator"
    SUITE = Suite("moderator", _exercise, (calm_at_zero,), context=lambda: {"process": None}, events=((),))
