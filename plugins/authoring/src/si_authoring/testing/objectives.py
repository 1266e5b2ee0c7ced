"""Conformance of objectives: between Gaussians the minimiser of the loss is the closed-form field, at each x and t.

Nothing is sampled. Draws stand on nodes given ``x_t = x`` (:mod:`.conditional`), so the expected loss at
each x is a finite sum, and its gradient at the field is zero to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from si_authoring.testing.called_objectives import comes_to_rest
from si_authoring.testing.check import Deviations, Measured, NotApplicable, Violation, check
from si_authoring.testing.gaussian_cases import GaussianCase, gaussian_cases, gaussian_processes
from si_authoring.testing.minimisers import describe_minimiser, gradient_at
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_core import FIELDS, Condition, Draw, Objective, Regression, StochasticInterpolant, UsageError
from si_core.public.process import spread, stack

__all__ = ["SUITE"]

_SHIFTS = ((0.5, 0.0), (0.0, -0.5), (1.0, 1.0), (-0.2, 0.3))
_ROUNDING = 1e-9
"""Of sums of a few hundred terms of size about one: a million times what they lose in float64."""


def _names_its_field(objective: Objective) -> bool:
    name = getattr(objective, "field", None)
    return name in FIELDS or (isinstance(name, str) and type(objective).coefficients is not Objective.coefficients)


def _has_field(objective: Objective, process: StochasticInterpolant) -> bool:
    if not _names_its_field(objective):
        raise NotApplicable("its field is none of those that are known")
    try:
        objective.check(process)
        objective.coefficients(process.structure, process.schedule(process.clock, torch.tensor([0.5])))
    except UsageError:
        return False
    return True


def _check_predicts(objective: Objective) -> None:
    if objective.calls_network:
        raise NotApplicable("it calls the network itself")


def _cases(objective: Objective, dimensions: int = 2) -> Iterator[GaussianCase]:
    _check_predicts(objective)
    return (case for case in gaussian_cases(dimensions) if _has_field(objective, case.process))


def _best(objective: Objective, case: GaussianCase) -> Tensor:
    """The field in closed form: by its name where that is known, else by its coefficients."""
    if objective.field in FIELDS:
        return case.exact(objective.field)
    return case.of_coefficients(objective.coefficients(case.process.structure, case.schedule))


def _expected(objective: Objective, case: GaussianCase, prediction: Tensor) -> Tensor:
    """``E[loss | x_t]`` at each time and point."""
    loss = objective.loss(case.draws.draw, prediction.clone())
    if loss.shape != prediction.shape[:1]:
        raise Violation(f"loss gives shape {tuple(loss.shape)} instead of one number for each draw")
    return case.draws.given(loss.detach())


@check
def known_field(objective: Objective) -> None:
    """``field`` names a field of the process, such as its velocity, or one with coefficients of its own."""
    if not _names_its_field(objective):
        name = getattr(objective, "field", None)
        got = "it has no attribute 'field'" if name is None else f"its field is {name!r}"
        raise Violation(f"{got}; one of {', '.join(FIELDS)}, or a name of its own with a method `coefficients`")
    if not any(_has_field(objective, process) for process in gaussian_processes((2,)).values()):
        raise Violation(
            f"no process between Gaussians has its field {objective.field!r}: `coefficients` refuses them all"
        )


@check
def minimiser(objective: Objective) -> Measured | None:
    """Between Gaussians, given any x_t, the expected loss has gradient zero at the closed-form field."""
    gradients = [(case, gradient_at(objective, case, _best(objective, case))) for case in _cases(objective)]
    missed = [case for case, gradient in gradients if not bool((gradient.abs() <= _ROUNDING).all())]
    words = describe_minimiser(objective, missed, lambda case: _best(objective, case)) if missed else ""
    deviations = Deviations(words)
    for case, gradient in gradients:
        deviations.close(gradient, 0.0, _ROUNDING, case.name)
    return deviations.result()


@check
def unique(objective: Objective) -> None:
    """Given any x_t, the expected loss of any other prediction is larger than that of the field."""
    for case in _cases(objective):
        field, best = objective.field, _best(objective, case)
        lowest = _expected(objective, case, best)
        for shift in _SHIFTS:
            more = _expected(objective, case, best + torch.tensor(shift, dtype=best.dtype)) - lowest
            if not bool((more > 0).all()):
                raise Violation(
                    f"a prediction off by {shift} from the {field} has no larger loss than the {field} itself: "
                    f"the difference is {float(more.min()):.3g} ({case.name})"
                )


@check
def excess(objective: Objective) -> Measured | None:
    """Of a regression, loss minus least loss is ``c/2 |f - field|^2``, with a weight c > 0 of time alone.

    The weight of an event of two coordinates is that of an event of one: the loss sums over the event.
    """
    if not isinstance(objective, Regression):
        raise NotApplicable("it is no Regression")
    deviations = Deviations("the excess loss is not c/2 |f - field|^2 with a weight c of time alone")
    sums = Deviations("it does not sum over the event: its weight depends on the number of coordinates")
    for case, narrow in zip(_cases(objective), _cases(objective, dimensions=1), strict=True):
        weight = _weight(objective, case, (1.0, 1.0))[:, :1]
        for shift in _SHIFTS:
            deviations.close(_weight(objective, case, shift) / weight, 1.0, _ROUNDING, f"off by {shift}, {case.name}")
        sums.close(_weight(objective, narrow, (1.0,)) / weight, 1.0, _ROUNDING, case.name)
    worst = deviations.result()
    sums.result()
    return worst


def _weight(objective: Objective, case: GaussianCase, shift: Sequence[float]) -> Tensor:
    """The excess loss over half the squared error, at each time and point."""
    best, off = _best(objective, case), torch.tensor(shift, dtype=torch.float64)
    return 2 * (_expected(objective, case, best + off) - _expected(objective, case, best)) / off.square().sum()


@check
def least(objective: Objective) -> Measured | None:
    """Of a regression, the least loss is ``-c/2 |field|^2``: it has the expanded form, in which nothing is infinite."""
    if not isinstance(objective, Regression):
        raise NotApplicable("it is no Regression")
    deviations = Deviations("the loss of the field is not -c/2 |field|^2; write 1/2 |f|^2 - <target, f>, no square")
    for case in _cases(objective):
        best = _best(objective, case)
        half = case.draws.given(best.square().flatten(1).sum(1)) / 2
        found = _expected(objective, case, best) / _weight(objective, case, (1.0, 1.0))
        deviations.close(found / (1 + half), -half / (1 + half), _ROUNDING, case.name)
    return deviations.result()


@check
def gradient(objective: Objective) -> None:
    """The loss of each row has a gradient in its prediction, finite and other than zero beside the field."""
    for case in _cases(objective):
        draw = case.draws.draw
        prediction = (draw.xt.sin() + 0.3).requires_grad_()
        loss = objective.loss(draw, prediction.clone())
        if not loss.requires_grad:
            raise Violation("the loss has no gradient in the prediction: nothing is learned; detach the target alone")
        (found,) = torch.autograd.grad(loss.sum(), prediction)
        if not bool(torch.isfinite(found).all()):
            raise Violation(f"the gradient of the loss is not finite ({case.name})")
        if not bool((found != 0).flatten(1).any(1).all()):
            raise Violation(f"rows have no gradient in their prediction ({case.name})")


@check
def finite_at_the_ends(objective: Objective) -> None:
    """In the clock of its process the loss is finite near both ends, and at them where the field's target is."""
    _check_predicts(objective)
    u = torch.tensor([0.0, 1e-9, 1e-4, 1 - 1e-4, 1 - 1e-9, 1.0], dtype=torch.float64)
    for name, process in gaussian_processes((2,)).items():
        if not _has_field(objective, process):
            continue
        for antithetic in (False, True) if process.structure.latent else (False,):
            s = process.schedule(process.clock, torch.cat([u, u]) if antithetic else u)
            draw = process.draw(len(u), torch.Generator().manual_seed(5), antithetic=antithetic, schedule=s)
            prediction = (draw.xt.sin() + 0.3).requires_grad_()
            loss = objective.loss(draw, prediction.clone())
            (gradient,) = torch.autograd.grad(loss.sum(), prediction)
            fine = torch.isfinite(loss) & torch.isfinite(gradient).flatten(1).all(1)
            wrong = torch.isfinite(stack(objective.coefficients(process.structure, s), s)).all(-1) & ~fine
            if bool(wrong.any()):
                raise Violation(
                    f"the loss or its gradient is not finite at u = {float(s.u[wrong][0]):g} of the clock, where the "
                    f"target is ({name}{', pairs' if antithetic else ''})"
                )


def _smooth(t: Tensor, x: Tensor, condition: Condition | None = None, s: Tensor | None = None) -> Tensor:
    """A field of one time or two."""
    return x.sin() + spread(t if s is None else t * s, x)


def _exercise(objective: Objective, setting: Setting) -> Sequence[Output]:
    # Scalars are looked at on the processor, where torch's device meta has values; then all goes where states are.
    full = Setting(rows=setting.rows, event=setting.event, seed=setting.seed)
    process = gaussian_processes(setting.event)["two-sided"]
    s = process.schedule(process.clock, full.times())
    x0, x1, z = (full.states(name) for name in ("x0", "x1", "z"))
    scalars = {name: value for name, value in vars(s).items() if isinstance(value, Tensor)}
    placed = {name: setting.given(f"schedule.{name}", value, torch.float64) for name, value in scalars.items()}
    schedule = replace(s, **placed)  # type: ignore[arg-type]
    xt = process.position(s, x0, x1, z)
    t, x0, x1, z, x = (setting.given(n, v) for n, v in (("t", s.t), ("x0", x0), ("x1", x1), ("z", z), ("xt", xt)))
    draw = Draw(t, x0, x1, z, x, schedule=schedule, structure=process.structure)
    if objective.calls_network:
        if objective.two_times:
            draw = replace(draw, s=setting.given("s", 1 - s.t))
        return [Output("loss_of(draw, field)", objective.loss_of(draw, _smooth), (setting.count,))]
    prediction = setting.given("prediction", xt.sin() + 0.3)
    return [Output("loss(draw, prediction)", objective.loss(draw, prediction), (setting.count,))]


SUITE = Suite(
    kind="objective",
    exercise=_exercise,
    own=(known_field, gradient, minimiser, unique, excess, least, finite_at_the_ends, comes_to_rest),
    events=((2,), (1,), (3, 4), (1, 2, 3)),
    placeable=True,
)
