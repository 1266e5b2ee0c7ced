"""Conformance of distributions: draws of the promised form, a density that is theirs, units, labels and rows."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from si_authoring.testing.aligned_rows import conditions_of_held_out_rows, conditions_of_rows
from si_authoring.testing.breakpoints import breakpoints
from si_authoring.testing.check import Deviations, Measured, NotApplicable, Violation, check
from si_authoring.testing.densities import density_of_draws, drawn, entropy
from si_authoring.testing.moments import moments
from si_authoring.testing.noise import seeded
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_core import Condition, ConditionSpec, Distribution, Frame, UsageError, check_classes, check_condition

__all__ = ["SUITE"]

_ERRORS = 5.0
_DRAWS, _PLANAR = 20_000, 5_000
_LABELLED = 500


def _points(law: Distribution, n: int, seed: int = 0) -> Tensor:
    """Draws; of an energy, which has none, standard normal numbers."""
    return law.sample(n, seeded(seed)) if law.has_samples else torch.randn(n, *law.shape, generator=seeded(seed))


def _check_samples(law: Distribution) -> None:
    if not law.has_samples:
        raise NotApplicable("it is an energy: there are no draws of it")


def _exercise(law: Distribution, setting: Setting) -> Sequence[Output]:
    return (_exercise_draws(law, setting) if law.has_samples else []) + _exercise_points(law, setting)


def _exercise_draws(law: Distribution, setting: Setting) -> list[Output]:
    outputs = [Output("sample(7, generator)", law.sample(7, setting.generator), (7, *law.shape), False, False)]
    x, given = law.draw(7, setting.generator)
    outputs.append(Output("the draws of draw(7, generator)", x, (7, *law.shape), False, False))
    for name, values in (given or {}).items():
        shape = (7, *law.conditions[name].shape) if name in law.conditions else tuple(values.shape)
        outputs.append(Output(f"the condition {name!r} of draw(7, generator)", values, shape, False, False))
    return outputs


def _exercise_points(law: Distribution, setting: Setting) -> list[Output]:
    points = setting.given("x", _points(law, setting.rows, 5))
    shape = (setting.count, *law.shape)
    data = law.decode(points)
    # Units that single precision can't tell apart, and those with bounds, are told in double precision.
    like = law.frame.dtype_of(points.dtype) == points.dtype if isinstance(law.frame, Frame) else True
    outputs = [
        Output("decode(x)", data, shape, like=like),
        Output("encode(decode(x))", law.encode(data), shape, like=like),
    ]
    if law.has_density:
        outputs.append(Output("log_prob(x)", law.log_prob(points), (setting.count,)))
    return outputs


@check
def draws(law: Distribution) -> None:
    """``shape`` is a tuple of whole numbers, and n draws are floating-point numbers of shape (n, *shape)."""
    if not isinstance(law.shape, tuple) or not all(isinstance(size, int) and size > 0 for size in law.shape):
        raise Violation(f"shape is {law.shape!r}, no tuple of whole numbers > 0")
    if not law.has_samples and not law.has_density:
        raise Violation("it has neither samples nor a density: write `sample`, `draw` or `log_prob`")
    _check_samples(law)
    for n in (1, 7):
        x = law.sample(n, seeded(0))
        if not isinstance(x, Tensor) or tuple(x.shape) != (n, *law.shape):
            raise Violation(f"sample({n}) gives {_described(x)} in place of shape {(n, *law.shape)}")
        if x.dtype not in (torch.float32, torch.float64):
            raise Violation(f"sample({n}) gives {x.dtype}, no float32 or float64")
        if not bool(torch.isfinite(x).all()):
            raise Violation(f"sample({n}) is not finite")


def _described(x: object) -> str:
    return f"shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__


@check
def draws_differ(law: Distribution) -> None:
    """Draws of one call differ from those of the next and of another generator, but for a constant, which says so."""
    _check_samples(law)
    generator = seeded(0)
    first, second, other = law.sample(64, generator), law.sample(64, generator), law.sample(64, seeded(1))
    constant = bool((torch.cat([first, second, other]) == first[:1]).all())
    if law.point is not None:
        point = torch.as_tensor(law.point)
        if tuple(point.shape) != tuple(law.shape):
            raise Violation(f"point has shape {tuple(point.shape)} in place of {tuple(law.shape)}")
        if not constant or not torch.equal(first[0].double(), point.to(first.dtype).double()):
            raise Violation("it says that it is a point, and its draws are not that point")
        return
    if constant:
        raise Violation("all draws are one point; say which by `point`")
    if torch.equal(first, other):
        raise Violation("another generator gives the same draws: the generator given is not used")
    if torch.equal(first, second):
        raise Violation("the next draws from one generator are the same: it goes back, or is seeded again")
    if bool((first == first[:1]).all()):
        raise Violation("the draws of one call are all equal; they must be independent")


@check
def density_at_draws(law: Distribution) -> None:
    """The log-density is finite at every draw, in the precision in which it was drawn (of an energy near 0)."""
    if not law.has_density:
        raise NotApplicable("it has no density")
    x = _points(law, _PLANAR if math.prod(law.shape) <= 2 else _LABELLED)
    values = law.log_prob(x)
    if tuple(values.shape) != (len(x),):
        raise Violation(f"log_prob has shape {tuple(values.shape)} in place of {(len(x),)}: one number for each row")
    finite = torch.isfinite(values)
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0])
        raise Violation(f"log_prob is {float(values[row])} at a draw of its own, {x[row].flatten()[:4].tolist()}")


@check
def standard_normal(law: Distribution) -> Measured | None:
    """``standard_normal`` is set only for N(0, I)."""
    if not law.standard_normal:
        raise NotApplicable("it does not say that it is standard normal")
    deviations = Deviations("it says that it is standard normal, and it is not")
    x = drawn(law, _DRAWS)
    if law.has_density:
        rows = x[:100]
        expected = -0.5 * rows.square().sum(1) - 0.5 * rows.shape[1] * math.log(2 * math.pi)
        got = law.log_prob(rows.reshape(-1, *law.shape))
        deviations.close(got, expected, 1e-9 * (1 + float(expected.abs().max())), "log_prob")
    # Over all coordinates: mean, variance and kurtosis of n standard normal numbers have variances 1/n, 2/n, 96/n.
    for power, moment, variance in ((1, 0.0, 1.0), (2, 1.0, 2.0), (4, 3.0, 96.0)):
        deviations.close(x.pow(power).mean(), moment, _ERRORS * math.sqrt(variance / x.numel()), f"E x^{power}")
    neighbours = (x * x.roll(1, 1)).mean(0) if x.shape[1] > 1 else x.new_zeros(1)
    deviations.close(x.mean(0), 0.0, _ERRORS / math.sqrt(len(x)), "the mean of a coordinate")
    deviations.close(neighbours, 0.0, _ERRORS / math.sqrt(len(x)), "the covariance of two coordinates")
    return deviations.result()


@check
def units(law: Distribution) -> Measured:
    """The ``frame`` is that of events of this shape, it alone says the units, and it comes back from plain data."""
    frame = law.frame
    if not isinstance(frame, Frame):
        raise Violation(f"frame is a {type(frame).__name__}, and no Frame")
    if frame.shape != law.shape:
        raise Violation(f"frame is that of events {frame.shape}, and events are {law.shape}")
    for name in ("encode", "decode"):
        if getattr(type(law), name) is not getattr(Distribution, name):
            raise Violation(f"{name} is overridden: a model keeps the frame alone, so the units belong there")
    if "log_volume_at" in vars(type(law)) or "log_volume_at" in vars(law):
        raise Violation("log_volume_at is that of the frame: give its scale there")
    again = Frame.of_plain(json.loads(json.dumps(frame.plain())))
    x = _points(law, 7).double()
    data = frame.decode(x)
    deviations = Deviations("the frame does not come back from plain data")
    deviations.close(again.decode(x), data, 0.0, "decode(x)")
    if (again.columns, again.pixels, again.labels is None) != (frame.columns, frame.pixels, frame.labels is None):
        raise Violation("the frame does not come back from plain data: columns, pixels or labels")
    deviations.close(law.encode(data), x, 1e-9 * (1 + float(data.abs().max() + x.abs().max())), "encode(decode(x))")
    return deviations.result()


@check
def conditions(law: Distribution) -> None:
    """Draws have the conditions that ``conditions`` declares, and no others: shapes, and labels 0..classes-1."""
    _check_samples(law)
    for name, spec in law.conditions.items():
        if not isinstance(name, str) or not isinstance(spec, ConditionSpec):
            raise Violation(f"conditions has {name!r}: {type(spec).__name__}, no name with a ConditionSpec")
    _check_conditions(law, law.draw(_LABELLED, seeded(0))[1], _LABELLED, "draw")
    _check_conditions(law, law.draw_conditions(_LABELLED, seeded(0)), _LABELLED, "draw_conditions")


def _check_conditions(law: Distribution, given: Condition | None, n: int, call: str) -> None:
    try:
        check_condition(law.conditions, given, n)
        check_classes(law.conditions, given or {})
    except UsageError as error:
        raise Violation(f"{call}: {error.problem}; got {error.got}, due {error.allowed}") from error
    for name, values in (given or {}).items():
        if len(values) != n:
            raise Violation(f"{call} gives {len(values)} values of the condition {name!r} for {n} draws")


@check
def finite_rows(law: Distribution) -> None:
    """A finite data set gives its ``size`` rows by index, the same each time; others say that they have none."""
    if law.size is None:
        try:
            law.rows(torch.tensor([0]))
        except TypeError:
            raise NotApplicable("it is no finite data set") from None
        raise Violation("it gives rows, and size is None; say how many there are")
    if isinstance(law.size, bool) or not isinstance(law.size, int) or law.size < 1:
        raise Violation(f"size is {law.size!r}, no whole number >= 1")
    index = torch.arange(law.size)
    rows, found = law.rows(index)
    if tuple(rows.shape) != (law.size, *law.shape):
        raise Violation(f"rows of all {law.size} indices have shape {tuple(rows.shape)}")
    _check_conditions(law, found, law.size, "rows")
    chosen = index.flip(0)[:3]
    again, told_again = law.rows(chosen)
    if not torch.equal(again, rows[chosen]):
        raise Violation("rows by another index are not those rows")
    for name, values in (found or {}).items():
        if told_again is None or not torch.equal(told_again[name], values[chosen]):
            raise Violation(f"the condition {name!r} by another index is not that of these rows")


@check
def held_out_rows(law: Distribution) -> None:
    """Rows kept from training have the shape of draws, with their conditions, and are always the same."""
    found = law.held_out()
    if found is None:
        raise NotApplicable("it keeps no rows from training")
    x, kept = found
    if x.ndim < 1 or len(x) == 0 or tuple(x.shape[1:]) != tuple(law.shape):
        raise Violation(
            f"held_out gives shape {tuple(x.shape)}, not (n, *{tuple(law.shape)}) with n >= 1; None for none"
        )
    _check_conditions(law, kept, len(x), "held_out")
    again = law.held_out()
    if again is None or not torch.equal(again[0], x):
        raise Violation("held_out gives other rows each time")


SUITE = Suite(
    kind="distribution",
    exercise=_exercise,
    own=(
        draws,
        draws_differ,
        density_at_draws,
        density_of_draws,
        entropy,
        breakpoints,
        moments,
        standard_normal,
        units,
        conditions,
        finite_rows,
        held_out_rows,
        conditions_of_rows,
        conditions_of_held_out_rows,
    ),
    events=((),),
)
