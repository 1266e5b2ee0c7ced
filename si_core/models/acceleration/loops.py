"""Loops that are recorded once and replayed: the whole solution of an initial value problem as one piece of work.

A loop that is met for the first time runs as it is, and computes the scalars of its grid on the way. At the second
meeting it runs where waiting for the device is refused, and is recorded, with other states and another seed; then the
recording is tried on the states and the seed at hand. Only if it gives the same numbers, bit for bit, and leaves the
generator in the same state, is it replayed from the third meeting on. In all other cases the loop goes on as it is:
recording changes how long a solution takes and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from si_core.contract.data import Trajectory
from si_core.contract.integrator import Integrator
from si_core.contract.problem import Problem
from si_core.errors import one_line
from si_core.models.acceleration.identity import method_key
from si_core.models.acceleration.recent import Recent
from si_core.models.acceleration.recorder import Recorder

__all__ = ["Loop", "RecordedIntegrator"]

Note = Callable[[str], None]


class _Recording:
    """A recorded loop with the memory that it reads and writes."""

    def __init__(
        self, recorder: Recorder, method: Integrator, problem: Problem, x: Tensor, generator: torch.Generator | None
    ) -> None:
        self._x = torch.zeros_like(x)
        # Its own generator: a failure leaves that of the caller alone, and so does a replay until its end.
        self._generator = None if generator is None else torch.Generator(x.device)
        self._repeat, self._solution = recorder.record(
            lambda: method.solve(problem, self._x, self._generator), x.device, self._generator
        )

    def replay(self, x: Tensor, generator: torch.Generator | None) -> Trajectory:
        self._x.copy_(x)
        if generator is not None and self._generator is not None:
            self._generator.set_state(generator.get_state())
        self._repeat.replay()
        if generator is not None and self._generator is not None:
            generator.set_state(self._generator.get_state())
        solution = self._solution
        copied = (None if part is None else part.clone() for part in (solution.log_weights, solution.log_density))
        return Trajectory(solution.t.clone(), solution.x.clone(), solution.evaluations, *copied)

    def close(self) -> None:
        self._repeat.close()


class Loop:
    """One method on one problem, for states of one form.

    Args:
        recorder: what records it.
        note: told why it is not recorded.
    """

    def __init__(self, recorder: Recorder, note: Note) -> None:
        self._recorder, self._note = recorder, note
        self._met, self._refused = False, False
        self._recording: _Recording | None = None

    def solve(self, method: Integrator, problem: Problem, x: Tensor, generator: torch.Generator | None) -> Trajectory:
        """The solution, as the method gives it."""
        if self._recording is not None:
            return self._recording.replay(x, generator)
        if self._refused:
            return method.solve(problem, x, generator)
        if not self._met:
            solution = method.solve(problem, x, generator)
            self._met = True
            return solution
        return self._recorded(method, problem, x, generator)

    def _recorded(
        self, method: Integrator, problem: Problem, x: Tensor, generator: torch.Generator | None
    ) -> Trajectory:
        before = _state(generator)
        try:
            with self._recorder.watched():
                solution = method.solve(problem, x, generator)
        except RuntimeError as error:
            self._refuse(one_line(error, 200))
            _restore(generator, before)
            return method.solve(problem, x, generator)
        after = _state(generator)
        # The solution is there: whatever goes wrong from here on costs it nothing.
        try:
            recording = _Recording(self._recorder, method, problem, x, generator)
        except Exception as error:
            self._refuse(one_line(error, 200))
            return solution
        try:
            _restore(generator, before)
            replayed = recording.replay(x, generator)
            if torch.equal(replayed.x, solution.x) and _equal(_state(generator), after):
                self._recording = recording
            else:
                self._refuse("a replay gave other numbers than the steps themselves")
        except Exception as error:
            self._refuse(one_line(error, 200))
        finally:
            _restore(generator, after)
            if self._recording is None:
                recording.close()
        return solution

    def _refuse(self, why: str) -> None:
        self._refused = True
        self._note(f"sample.graph: the steps are not recorded, and run one by one as ever: {why}")

    def close(self) -> None:
        """Forget the recording."""
        if self._recording is not None:
            self._recording.close()
            self._recording = None


class RecordedIntegrator(Integrator):
    """A method whose loops are recorded, where that can be done.

    Args:
        method: the method.
        loops: its loops so far.
        recorder: what records them.
        note: told why one is not recorded.
    """

    def __init__(self, method: Integrator, loops: Recent[Loop], recorder: Recorder, note: Note) -> None:
        self.method, self._loops, self._recorder, self._note = method, loops, recorder, note
        self.stochastic, self.adaptive = method.stochastic, method.adaptive
        self.multistep, self.order = method.multistep, method.order

    def solve(self, transport: Problem, x: Tensor, generator: torch.Generator | None = None) -> Trajectory:
        """Integrate; see :meth:`si_core.Integrator.solve`."""
        key = (method_key(self.method), transport.start, transport.stop, generator is None)
        loop = self._loops.get(key, lambda: Loop(self._recorder, self._note))
        return loop.solve(self.method, transport, x, generator)

    def solve_at(
        self, transport: Problem, x: Tensor, times: Sequence[float], generator: torch.Generator | None = None
    ) -> Trajectory | None:
        """Integrate and keep states on the way, step by step as ever; see :meth:`si_core.Integrator.solve_at`."""
        return self.method.solve_at(transport, x, times, generator)

    def part(self, fraction: float) -> RecordedIntegrator:
        """The part of the method, recorded as well."""
        return RecordedIntegrator(self.method.part(fraction), self._loops, self._recorder, self._note)


def _state(generator: torch.Generator | None) -> Tensor | None:
    return None if generator is None else generator.get_state()


def _restore(generator: torch.Generator | None, state: Tensor | None) -> None:
    if generator is not None and state is not None:
        generator.set_state(state)


def _equal(one: Tensor | None, other: Tensor | None) -> bool:
    return one is other if one is None or other is None else torch.equal(one, other)
