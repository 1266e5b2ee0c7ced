"""Conformance of integrators: trajectories from start to stop, the claimed order, and noise of the right law."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from si_authoring.testing.bent_drifts import bent_drift
from si_authoring.testing.borrowed_drift import drift_left_alone
from si_authoring.testing.check import Measured, NotApplicable, Violation, check
from si_authoring.testing.initial_values import KNOWN, ROUNDING, SPANS, Counted, direction, observed_order
from si_authoring.testing.noise import noise_drawn_anew, noise_size, noise_without_mixing
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_authoring.testing.weak_order import adaptive_moments, weak_order
from si_core import FunctionFields, Integrator, Trajectory, Transport, UsageError, integrate
from si_core.public.process import Epsilon

__all__ = ["SUITE"]

_EVENTS = ((2,), (), (3,), (3, 4), (1, 2, 3))
_INNER = ((0.1, 0.7), (0.9, 0.2))
_SHARE = 0.1
_SHORTFALL = 0.3
_ADAPTIVE_ERROR = 1e-2
_FEW_TIMES, _HALF_COST = 8, 0.75
"""A half with its part of at least so many steps costs half as much, and less than this for any rounding of them."""

_SHARES, _WORSE = (0.3, 0.7), 10.0
"""Where inner states are looked at, as fractions of the span, and how many times worse than others they may be."""


def _velocity(t: Tensor, x: Tensor) -> Tensor:
    return torch.sin((1 + t) * x) - x / 2


def _score(t: Tensor, x: Tensor) -> Tensor:
    return -x


def _rising(t: Tensor) -> Tensor:
    """A noise level that vanishes at an end, as that of a process may."""
    return 0.5 * t


def _exercise(method: Integrator, setting: Setting) -> Sequence[Output]:
    # A fraction of the span with its part of the steps: a whole solution costs more and shows no more.
    x, short = setting.states("x"), method.part(_SHARE)
    fields = FunctionFields(velocity=_velocity, score=_score)

    def end(epsilon: Epsilon, generator: torch.Generator | None) -> Tensor:
        transport = Transport(fields, epsilon, 0.0, _SHARE, clock="uniform")
        # As sampling does, where a method may work in place; the checks of this kind leave gradients on.
        with torch.no_grad():
            return short.solve(transport, x, generator).final

    outputs = [Output("the final state of an ODE", end(0.0, None), setting.shape, rows=not method.adaptive)]
    if method.stochastic:
        final = end(_rising, setting.generator)
        outputs.append(Output("the final state of an SDE", final, setting.shape, rows=False))
    return outputs


@check
def trajectory(method: Integrator) -> None:
    """A trajectory runs from x at the start to a state at exactly the stop, for any event shape, and counts truly."""
    short = method.part(_SHARE)
    cases = [(short, event, SPANS[0]) for event in _EVENTS] + [(method, (2,), span) for span in (*SPANS, *_INNER)]
    for solver, event, span in cases:
        for epsilon in (0.0, _rising) if method.stochastic else (0.0,):
            setting = Setting(rows=3, event=event)
            velocity = Counted(_velocity)
            fields = FunctionFields(velocity=velocity, score=_score)
            transport = Transport(fields, epsilon, *span, clock="uniform")
            where = f"{'SDE' if epsilon else 'ODE'} from t = {span[0]:g} to {span[1]:g}, states {setting.shape}"
            try:
                found = solver.solve(transport, setting.states("x"), setting.generator)
            except UsageError as error:
                raise Violation(f"it refuses an {where}, where any event shape must do: {error}") from error
            _check_trajectory(found, setting.anew().states("x"), span, len(velocity.times), where)
            _check_times(velocity.times, span, where)


def _check_trajectory(found: Trajectory, x: Tensor, span: tuple[float, float], calls: int, where: str) -> None:
    t, states = found.t, found.x
    if t.ndim != 1 or len(t) < 2 or states.shape != (len(t), *x.shape):
        shapes = f"t {tuple(t.shape)} and x {tuple(states.shape)}"
        raise Violation(f"{where}: a trajectory has {shapes} in place of (K,) and (K, *{tuple(x.shape)}), K >= 2")
    first, last = torch.tensor(span, dtype=t.dtype).tolist()
    if float(t[-1]) != last:
        raise Violation(f"{where}: it stops at t = {float(t[-1])!r} in place of {last!r}")
    if float(t[0]) != first:
        raise Violation(f"{where}: its trajectory starts at t = {float(t[0])!r} in place of {first!r}")
    if not bool(((t[1:] - t[:-1]) * (last - first) > 0).all()):
        raise Violation(f"{where}: the times of its trajectory do not run from start to stop")
    if not torch.equal(states[0], x):
        raise Violation(f"{where}: the first state of its trajectory is not the initial one")
    count = found.evaluations
    if isinstance(count, bool) or not isinstance(count, int):
        raise Violation(f"{where}: evaluations is {count!r}, no whole number")
    if count != calls:
        raise Violation(f"{where}: it says {count} evaluations, and the drift was evaluated {calls} times")


def _check_times(times: Sequence[float], span: tuple[float, float], where: str) -> None:
    if not times:
        raise Violation(f"{where}: it does not evaluate the drift")
    if min(times) < min(span) or max(times) > max(span):
        outside = min(times) if min(times) < min(span) else max(times)
        raise Violation(f"{where}: it evaluates the drift outside of the span, at t = {outside!r}; there is none there")


@check
def ode_order(method: Integrator) -> Measured:
    """The error of an ODE falls with the step as fast as ``order`` says, forward and backward."""
    if method.adaptive:
        raise NotApplicable("it chooses its own steps")
    if not isinstance(method.order, (int, float)) or not method.order > 0:
        raise Violation(f"order is {method.order!r}, no number > 0")
    worst = Measured(-math.inf, _SHORTFALL)
    for problem in KNOWN:
        for span in SPANS:
            found = observed_order(method, problem, span, method.order)
            if found is not None and method.order - found > worst.deviation:
                worst = Measured(method.order - found, _SHORTFALL, f"{problem.name}, {direction(span)}")
    if worst.deviation == -math.inf:
        raise NotApplicable("its errors are near rounding")
    if not worst.deviation <= worst.allowed:
        found = method.order - worst.deviation
        hint = " (steps are signed, h = t - r, and the times run down)" if "backward" in worst.where else ""
        fails = f"the error does not fall with the step{hint}: " if found < _SHORTFALL else ""
        problem_text = f"{fails}observed order {found:.2f} {worst.where.rpartition(', ')[2]}, claimed {method.order:g}"
        raise Violation(problem_text, worst)
    return worst


@check
def adaptive_error(method: Integrator) -> Measured:
    """A method that chooses its own steps finds known solutions to two digits, forward and backward."""
    if not method.adaptive:
        raise NotApplicable("its steps are given, and its order is checked")
    worst = Measured(0.0, _ADAPTIVE_ERROR)
    for problem in KNOWN:
        for span in SPANS:
            error = problem.error(method, span, 1.0)
            if error >= worst.deviation:
                worst = Measured(error, _ADAPTIVE_ERROR, f"{problem.name}, {direction(span)}")
    if not worst.deviation <= worst.allowed:
        raise Violation("it misses a known solution", worst)
    return worst


@check
def further_times(method: Integrator) -> None:
    """``integrate`` keeps states at further times, by parts of the method at need, which itself stays as it was."""
    setting = Setting()
    epsilon = _rising if method.stochastic else 0.0
    transport = Transport(FunctionFields(velocity=_velocity, score=_score), epsilon, clock="uniform")
    before = integrate(transport, setting.states("x"), method, setting.generator)
    times = [0.25, 0.75]
    found = integrate(transport, setting.states("x"), method, setting.generator, times)
    if not isinstance(method.part(0.5), Integrator):
        raise Violation("part gives no integrator")
    if found.t.tolist() != [0.0, *times, 1.0] or found.x.shape != (4, *setting.shape):
        raise Violation(f"with times {times} a trajectory has t = {found.t.tolist()}, x {tuple(found.x.shape)}")
    for trait in ("stochastic", "adaptive", "order"):
        whole, part = getattr(method, trait), getattr(method.part(0.5), trait)
        if whole != part:
            raise Violation(f"part changes {trait} from {whole!r} to {part!r}")
    after = integrate(transport, setting.states("x"), method, setting.generator)
    if after.evaluations != before.evaluations or not torch.equal(after.final, before.final):
        raise Violation("part changes the method itself; give back a copy")


@check
def parts_share_the_steps(method: Integrator) -> None:
    """Two halves of a span, each solved by ``part(1/2)``, cost about what the whole does, where steps are given."""
    if method.adaptive:
        raise NotApplicable("it chooses its own steps")
    times = [_times_of(solver) for solver in (method, method.part(0.5))]
    if len(set(times[0])) < _FEW_TIMES:
        raise NotApplicable("it has too few steps to share them out")
    whole, half = (len(each) for each in times)
    if half > _HALF_COST * whole:
        what = "gives back the method itself" if method.part(0.5) is method else "does not share out its steps"
        raise Violation(
            f"part {what}: the whole span takes {whole} evaluations, and each of two halves {half}; "
            "give back a copy with `fraction` of the steps"
        )


def _times_of(method: Integrator) -> list[float]:
    """The times at which the method evaluates the drift of an ODE."""
    velocity = Counted(_velocity)
    fields = FunctionFields(velocity=velocity)
    method.solve(Transport(fields, 0.0, clock="uniform"), Setting().states("x"), None)
    return velocity.times


@check
def inner_states(method: Integrator) -> Measured:
    """The states that ``integrate`` keeps at further times are as near to a known solution as those of their own."""
    worst = Measured(0.0, 1.0)
    for problem in KNOWN:
        fields = FunctionFields(velocity=functools.partial(problem.velocity, 1.0))
        for start, stop in SPANS:
            times = [start + part * (stop - start) for part in _SHARES]
            x, transport = problem.solution(1.0, start), Transport(fields, 0.0, start, stop, clock="uniform")
            found = integrate(transport, x, method, None, times)
            ends = zip((*_SHARES, 1.0), (*times, stop), strict=True)
            parts = [problem.error(method.part(fraction), (start, end), 1.0) for fraction, end in ends]
            allowed = _WORSE * max(parts) + (_ADAPTIVE_ERROR if method.adaptive else _WORSE * ROUNDING)
            for time, state in zip((*times, stop), found.x[1:], strict=True):
                off = float((state - problem.solution(1.0, time)).abs().max())
                if not off <= allowed:
                    where = f"t = {time:g} of {problem.name}, {direction((start, stop))}"
                    raise Violation("it misses a known solution at a further time", Measured(off, allowed, where))
                if off / allowed > worst.deviation / worst.allowed:
                    worst = Measured(off, allowed, f"t = {time:g} of {problem.name}")
    return worst


@check
def noise_refused(method: Integrator) -> None:
    """A method without noise refuses a transport that has some."""
    if method.stochastic:
        raise NotApplicable("it integrates noise")
    setting = Setting()
    transport = Transport(FunctionFields(velocity=_velocity, score=_score), 0.5, clock="uniform")
    try:
        integrate(transport, setting.states("x"), method, setting.generator)
    except UsageError:
        return
    raise Violation("it leaves out the noise of an SDE in silence")


SUITE = Suite(
    kind="integrator",
    exercise=_exercise,
    own=(
        trajectory,
        ode_order,
        adaptive_error,
        further_times,
        parts_share_the_steps,
        inner_states,
        drift_left_alone,
        noise_refused,
        noise_size,
        noise_drawn_anew,
        noise_without_mixing,
        weak_order,
        bent_drift,
        adaptive_moments,
    ),
    events=((2,), (), (1, 2, 3)),
)
