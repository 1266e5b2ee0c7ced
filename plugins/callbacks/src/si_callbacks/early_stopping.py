"""Early stopping: training ends when the validation loss no longer falls."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from si_core import Callback, Largest, Run, StochasticInterpolant, UsageError

__all__ = ["EarlyStopping"]


class EarlyStopping(Callback):
    """Ends training after ``patience`` looks at the validation loss in which it fell by no more than ``min_delta``.

    The loss is ``validation`` of the run's records, on rows that the target keeps from training (``train.log_every``
    steps apart); what is compared is the lowest so far. A run that is resumed goes on counting.

    Args:
        patience: looks without improvement after which training ends.
        min_delta: by how much the loss must fall for an improvement.
        every: steps between two looks at least; each is at a record.
        process: the run's process, from the builder.

    Raises:
        UsageError: the target holds no rows out, so there is no such loss.
    """

    def __init__(
        self,
        patience: Annotated[int, Field(ge=1, le=Largest.EVENTS)] = 10,
        min_delta: Annotated[float, Field(ge=0)] = 0.0,
        every: Annotated[int, Field(ge=1, le=Largest.EVENTS)] = 1,
        process: StochasticInterpolant | None = None,
    ) -> None:
        held_out = None if process is None else process.target.held_out()
        if process is not None and (held_out is None or len(held_out[0]) == 0):
            raise UsageError(
                "early stopping needs rows that are kept from training",
                where="early-stopping",
                fix="a target of data with held_out > 0, or leave this callback out",
            )
        self.patience, self.min_delta, self.every = patience, min_delta, every
        self._best, self._waited, self._looked, self._restored = math.inf, 0, 0, False

    def before_training(self, run: Run) -> None:
        """Count anew where a training begins and goes on from no state: one object may follow several."""
        if run.step == 0 and not self._restored:
            self._best, self._waited, self._looked = math.inf, 0, 0
        self._restored = False

    def after_step(self, run: Run) -> None:
        """Look at the record of this step, if there is one."""
        record = run.metrics
        if record.get("step") != run.step or run.step - self._looked < self.every:
            return
        if "validation" not in record:
            raise UsageError(
                "this run has no validation loss",
                where="early-stopping",
                fix="a coupling of independent draws and a target with held_out > 0, or leave this callback out",
            )
        self._looked = run.step
        loss = float(record["validation"]["total"])
        if loss < self._best - self.min_delta:
            self._best, self._waited = loss, 0
            return
        self._waited += 1
        if self._waited >= self.patience:
            run.request_stop(f"the validation loss has not fallen below {self._best:.6g} in {self._waited} looks")

    def state(self) -> dict[str, Any]:
        """What the next look depends on."""
        return {
            "best": self._best if math.isfinite(self._best) else None,
            "waited": self._waited,
            "looked": self._looked,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        best = state["best"]
        self._best = math.inf if best is None else float(best)
        self._waited, self._looked, self._restored = int(state["waited"]), int(state["looked"]), True
