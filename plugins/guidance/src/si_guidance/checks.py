"""What every reward must be: the checks that ``si check`` runs for components of the kind."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from si_authoring.testing import Conformance, Deviations, Measured, Output, Setting, Suite, Violation, check
from si_core import UsageError
from si_guidance.rewards import Reward

__all__ = ["RewardChecks"]

_EVENTS = ((2,), (), (3,), (3, 4))
_STEP = 1e-5


def _exercise(reward: Reward, setting: Setting) -> Sequence[Output]:
    return [Output("value(x)", reward.value(setting.states("x")), (setting.count,))]


@check
def gradient(reward: Reward) -> Measured | None:
    """It can be differentiated in x, and its derivative is that of its values."""
    deviations = Deviations("the gradient of `value` is not the change of its values: something in it is detached")
    for event in _EVENTS:
        setting = Setting(event=event)
        x, towards = setting.states("x"), setting.states("other")
        try:
            reward.value(x)
        except UsageError:
            continue
        leaf = x.clone().requires_grad_()
        with torch.enable_grad():
            value = reward.value(leaf)
            if not value.requires_grad:
                raise Violation("value(x) does not depend on x for automatic differentiation")
            slope = torch.autograd.grad(value.sum(), leaf)[0]
        found = (reward.value(x + _STEP * towards) - reward.value(x - _STEP * towards)) / (2 * _STEP)
        expected = (slope * towards).reshape(len(x), -1).sum(1)
        # A central difference errs by the square of its step, and by rounding over it.
        deviations.close(found, expected, 1e-5 * (1 + float(expected.abs().max())), f"events {event}")
    return deviations.result()


class RewardChecks(Conformance):
    """The checks of a reward."""

    kind = "reward"
    SUITE = Suite("reward", _exercise, (gradient,), events=_EVENTS)
