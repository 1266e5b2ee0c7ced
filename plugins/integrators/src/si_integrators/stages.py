"""The stages of an embedded Runge-Kutta method: the arithmetic of a step in few kernels, and its error in one number.

Drifts are rows of one tensor K, (stages, B * event), so the state of a stage is one matrix-vector product
``x + h K^T a``, in place; where gradients are recorded, the same product makes new tensors. Of each step one number
goes from the device to the host: its error.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from si_core import Problem, largest_state
from si_integrators.tolerance import Tolerance

__all__ = ["Stages"]


class Stages:
    """The state, the drifts and the error of the step at hand.

    Args:
        problem: whose drift is evaluated.
        x: the initial state, shape (B, *event).
        nodes: the times of the stages, as fractions of the step; the last two are 1.
        rows: the coefficients ``a_i`` of each stage after the first; the last ones give the state after the step.
        error: the coefficients ``e`` of the error, one a stage.
        tolerance: of a step.
    """

    def __init__(
        self,
        problem: Problem,
        x: Tensor,
        nodes: Sequence[float],
        rows: Sequence[Sequence[float]],
        error: Sequence[float],
        tolerance: Tolerance,
    ) -> None:
        self.evaluations = 0
        self._drift_of = problem.drift_parts()
        self._problem, self._x, self._nodes, self._tolerance = problem, x, nodes, tolerance
        # Scalars go over once, and with them no number again.
        self._rows, self._error = [x.new_tensor(row) for row in rows], x.new_tensor(error)
        self._recording = torch.is_grad_enabled()
        self._now = x.reshape(-1)
        self._new = self._now
        self._size = self._now.detach().abs()
        self._drifts: list[Tensor] = []
        if not self._recording:
            self._stack = self._now.new_empty(len(error), self._now.numel())
            self._buffers = [torch.empty_like(self._now), torch.empty_like(self._now)]

    def begin(self, time: float) -> None:
        """Evaluate the first drift."""
        self._problem.prepare([time], self._x)
        self._put(0, time, self._now)

    def sizes(self) -> tuple[float, float]:
        """The sizes of the state and of the first drift, in units of the tolerance."""
        scale = self._tolerance.scale(self._size)
        both = [self._tolerance.norm(part.detach() / scale) for part in (self._now, self._drift(0))]
        state, drift = torch.stack(both).tolist()
        return state, drift

    def bend(self, time: float, step: float) -> float:
        """The change of the drift over an Euler step, by its length, in units of the tolerance; one evaluation."""
        self._problem.prepare([time], self._x)
        with torch.no_grad():
            drift = self._drift(0).detach()
            change = self._evaluated(time, torch.add(self._now.detach(), drift, alpha=step)).reshape(-1) - drift
            return float(self._tolerance.norm(change / self._tolerance.scale(self._size))) / abs(step)

    def step(self, time: float, end: float) -> float:
        """Try the step from the time of the state to another; the error in units of the tolerance."""
        self._length = step = end - time
        times = [*(time + node * step for node in self._nodes[1:-2]), end, end]
        self._problem.prepare(times, self._x)
        for i, (row, time) in enumerate(zip(self._rows, times, strict=True), 1):
            if self._recording:
                del self._drifts[i:]
                self._new = torch.addmv(self._now, torch.stack(self._drifts, 1), row, alpha=step)
            else:
                self._new = torch.addmv(self._now, self._stack[:i].T, row, alpha=step, out=self._buffers[0])
            self._put(i, time, self._new)
        with torch.no_grad():
            drifts = torch.stack(self._drifts) if self._recording else self._stack
            error = torch.mv(drifts.T, self._error).mul_(step)
            self._new_size = self._new.detach().abs()
            scale = self._tolerance.scale(torch.maximum(self._size, self._new_size))
            return float(self._tolerance.norm(error.div_(scale)))

    def within(self, weights: Sequence[float]) -> Tensor:
        """A state within the step tried, ``x + h sum_j w_j k_j``, shape (B, *event)."""
        drifts = torch.stack(self._drifts) if self._recording else self._stack
        row = self._x.new_tensor(weights)
        return torch.addmv(self._now, drifts.T, row, alpha=self._length).reshape(self._x.shape)

    def accept(self) -> None:
        """Go on from the state after the step."""
        self._now, self._size = self._new, self._new_size
        if self._recording:
            self._drifts = self._drifts[-1:]
        else:
            self._buffers.reverse()
            self._stack[0].copy_(self._stack[-1])

    def state(self) -> Tensor:
        """The state, shape (B, *event)."""
        return self._now.reshape(self._x.shape)

    def described(self) -> str:
        """The state and the latest drifts, for an error."""
        finite = torch.isfinite(self._drift(-1).reshape(self._x.shape))
        size = largest_state(self.state())
        if bool(finite.all()):
            return f"{size}, largest drift {float(self._drift(-1).detach().abs().max()):g}"
        bad = (~finite).reshape(len(finite), -1).any(1)
        first = int(bad.nonzero()[0])
        return f"{size}; the drift is not finite for {int(bad.sum())} of {len(bad)} states, first for state {first}"

    def _evaluated(self, time: float, x: Tensor, out: Tensor | None = None) -> Tensor:
        self.evaluations += 1
        return self._drift_of(time, x.reshape(self._x.shape)).value(out)

    def _put(self, i: int, time: float, x: Tensor) -> None:
        if self._recording:
            self._drifts.append(self._evaluated(time, x).reshape(-1))
        else:
            self._evaluated(time, x, self._stack[i].view(self._x.shape))

    def _drift(self, i: int) -> Tensor:
        return self._drifts[i] if self._recording else self._stack[i]
