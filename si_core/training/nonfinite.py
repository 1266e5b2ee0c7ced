"""Steps whose loss or gradient is not finite: why, and whether training goes on without them.

Such a step is found before anything has moved. By ``train.on_nonfinite: stop`` it ends training; by ``skip`` it is left
out whole: weights, averages, moments of the optimizer and what the networks keep in buffers are as before it, the step
counts, and the next one draws its own batch. What would come again whatever is left out is refused by both: data,
coefficients of the process and weights that are not finite.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from si_core.contract.data import Draw
from si_core.errors import NumericsError
from si_core.models.assembly import Assembly
from si_core.recipes.training import SkipNonFinite
from si_core.training.broken_coefficients import broken_coefficient

__all__ = ["NonFiniteStep", "NonFiniteSteps"]

_log = logging.getLogger(__name__)
_TOLD, _NEWEST, _NAMED = 5, 20, 3
"""Steps that are told one by one; those whose numbers are kept; names in a message."""

_SMALLER = "a smaller learning rate (train.optimizer.lr), train.clip: 1.0, or look at the data"


class NonFiniteStep(NumericsError):
    """A loss or a gradient is not finite, and training ends.

    Attributes:
        record: what is known of the step, as plain data of JSON.
    """

    record: dict[str, Any] | None = None


class NonFiniteSteps:
    """The policy of a training, and the steps that were left out.

    Args:
        assembly: the recipe, put together.
        predictor: the networks that are trained.
    """

    def __init__(self, assembly: Assembly, predictor: nn.Module) -> None:
        self._assembly, self._predictor = assembly, predictor
        chosen = assembly.recipe.train.on_nonfinite
        self._skip = chosen if isinstance(chosen, SkipNonFinite) else None
        # Beyond 65504 there is nothing in half precision, however small the loss.
        half = assembly.recipe.train.precision == "float16"
        self._fix = _SMALLER + ("; or train.precision: bfloat16, of a larger range" if half else "")
        self._total, self._row, self._since, self._steps = 0, 0, 0, list[int]()
        self._told = 0
        leaves_out = self._skip is not None or half
        self.watches_buffers = leaves_out and next(predictor.buffers(), None) is not None
        """Whether :meth:`remember` is due before each step: running statistics move in a forward pass already."""
        self._buffers: dict[str, Tensor] = {}

    def remember(self) -> None:
        """Keep the networks' buffers as they are before a step."""
        self._buffers = {name: value.detach().clone() for name, value in self._predictor.named_buffers()}

    def met(self, step: int, draw: Draw, losses: list[float], norm: float) -> None:
        """A step's loss or gradient is not finite; returns where the step is to be left out.

        Args:
            step: the steps done before it.
            draw: its draw.
            losses: the mean loss of each objective.
            norm: of the gradient, before clipping.

        Raises:
            NonFiniteStep: training ends; nothing has moved.
        """
        self.put_back()
        problem, got, record = self._described(step, draw, losses, norm)

        def refused(problem: str, got: str, fix: str = self._fix, allowed: str | None = None) -> NonFiniteStep:
            error = NonFiniteStep(problem, where=f"step {step + 1}", got=got, allowed=allowed, fix=fix)
            error.record = {**record, "problem": problem, "left_out": {"total": self._total, "steps": self._steps}}
            return error

        if not bool(torch.isfinite(draw.x0).all() and torch.isfinite(draw.x1).all()):
            raise refused(problem, f"{got}; the data are not finite either")
        blamed = broken_coefficient(self._assembly.process, draw.schedule, draw.x0, draw.x1)
        if blamed is not None:
            part, coefficient, fix = blamed
            raise refused(f"{problem}, for a coefficient of the {part} is not", f"{coefficient}; {got}", fix)
        weights = _not_finite([*self._predictor.named_parameters(), *self._buffers.items()])
        if weights:
            raise refused(f"{problem}, for weights are not: {_listed(weights)}", got)
        if self._skip is None:
            raise refused(problem, got, f"{self._fix}; or train.on_nonfinite: skip, to leave a few such steps out")
        reached = self._reached(self._skip, step)
        if reached is not None:
            newest = (
                f"; left out so far: {self._total}, the newest {', '.join(map(str, self._steps))}"
                if self._total
                else ""
            )
            allowed = f"train.on_nonfinite: limit {self._skip.limit}, in_a_row {self._skip.in_a_row}"
            raise refused(f"{problem}, and {reached}", got + newest, allowed=allowed)
        self._leave_out(step, f"{problem} ({got})")

    def _described(self, step: int, draw: Draw, losses: list[float], norm: float) -> tuple[str, str, dict[str, Any]]:
        """What is not finite and what was found, in words; and all of it as plain data."""
        values = dict(zip(self._assembly.fields.names, losses, strict=True))
        terms = [name for name, value in values.items() if not math.isfinite(value)]
        # A norm may overflow where the numbers do not.
        norms = [(name, p.grad.norm()) for name, p in self._predictor.named_parameters() if p.grad is not None]
        parameters, times = _not_finite(norms), [float(draw.t.min()), float(draw.t.max())]
        got = f"losses {values}, gradient norm {norm}, times {times[0]:.6g} to {times[1]:.6g}"
        if not terms:
            got += f", parameters {_listed(parameters)}"
        record = {"step": step + 1, "losses": _plain(values), "grad_norm": _plain(norm), "times": times}
        problem = f"the {'loss of ' + ', '.join(terms) if terms else 'gradient'} is not finite"
        return problem, got, record | {"terms": terms, "parameters": parameters}

    def record(self) -> int:
        """The steps left out since this was asked last."""
        self.tell()
        since, self._since = self._since, 0
        return since

    def tell(self) -> None:
        """Say how many were left out that were not told one by one."""
        if self._told < self._total:
            untold, self._told = self._total - self._told, self._total
            newest = ", ".join(map(str, self._steps[-min(untold, _TOLD) :]))
            more = f" and {untold - _TOLD} before" if untold > _TOLD else ""
            _log.warning("left out as well: step %s%s; %d steps in all", newest, more, self._total)

    @property
    def recorded(self) -> bool:
        """Whether records say how many steps were left out: where any may be."""
        return self._skip is not None

    def state(self) -> dict[str, Any]:
        """What a training goes on with, as plain data."""
        return {"total": self._total, "row": self._row, "since": self._since, "steps": list(self._steps)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        total, row, since, steps = state["total"], state["row"], state["since"], list(state["steps"])
        if not all(type(number) is int and number >= 0 for number in (total, row, since, *steps)):
            raise ValueError(f"steps that were left out: {state!r}")
        if len(steps) != min(total, _NEWEST) or max(row, since) > total:
            raise ValueError(f"{total} steps that were left out, the newest {steps}")
        self._total, self._row, self._since, self._steps, self._told = total, row, since, steps, total

    def _leave_out(self, step: int, why: str) -> None:
        self._row = self._row_with(step)
        self._total, self._since = self._total + 1, self._since + 1
        self._steps = [*self._steps, step + 1][-_NEWEST:]
        if self._total <= _TOLD:
            self._told = self._total
            _log.warning("step %d is left out: %s", step + 1, why)

    def _row_with(self, step: int) -> int:
        """How many steps in a row are left out with this one."""
        return self._row + 1 if self._steps and self._steps[-1] == step else 1

    def _reached(self, skip: SkipNonFinite, step: int) -> str | None:
        """Which limit forbids to leave this step out, in words."""
        if self._total >= skip.limit:
            return f"as many were left out as may be: {self._total} in all"
        if self._row_with(step) > skip.in_a_row:
            return f"as many were left out as may be: {self._row} in a row"
        if self._total + 1 == self._assembly.recipe.train.steps:
            return "so was every step before: nothing would be trained"
        return None

    @torch.no_grad()
    def put_back(self) -> None:
        """Put buffers back as they were when they were remembered."""
        for name, value in self._predictor.named_buffers() if self._buffers else ():
            value.copy_(self._buffers[name])


def _not_finite(named: Iterable[tuple[str, object]]) -> list[str]:
    return [name for name, value in named if isinstance(value, Tensor) and not bool(torch.isfinite(value).all())]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _plain(value: Any) -> Any:
    """A number as JSON has it; one that is not finite as its word."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value if math.isfinite(value) else str(value)
