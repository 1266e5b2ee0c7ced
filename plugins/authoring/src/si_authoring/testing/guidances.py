"""Conformance of guidance: fields of the same process, told the same, whose flow and whose weights are their own."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from si_authoring.testing.check import Deviations, Measured, NotApplicable, Violation, check
from si_authoring.testing.common import accepted, first_accepted
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_authoring.testing.toy_model import OPTIONAL, given_conditions, toy_fields
from si_authoring.testing.weighted_guidance import WEIGHTED
from si_core import Fields, Guidance, LearnedFields, Transport, UsageError

__all__ = ["SUITE"]

_TIMES = (0.15, 0.4, 0.7)
_LEVEL = 0.3
_ROUNDING = 1e-12


def _fields(guidance: Guidance, setting: Setting, optional: frozenset[str] = OPTIONAL) -> tuple[LearnedFields, Fields]:
    """The toy's fields, and the guided ones."""
    fields = toy_fields(setting, optional)
    guided = guidance.guided(fields)
    if not isinstance(guided, Fields):
        raise Violation(f"it makes a {type(guided).__name__} of fields instead of Fields")
    return fields, guided


def _exercise(guidance: Guidance, setting: Setting) -> Sequence[Output]:
    x = setting.states("x")
    fields = _fields(guidance, setting)[1].conditioned(given_conditions(setting))
    problems = (("the drift of the ODE", Transport(fields)), ("the drift of the SDE", Transport(fields, _LEVEL)))
    return [Output(name, problem.drift(0.4, x), setting.shape) for name, problem in problems]


@check
def same_process(guidance: Guidance) -> None:
    """Guided fields are of the process of the fields: its clock, its schedule, its conditions."""
    fields, guided = _fields(guidance, first_accepted(SUITE, guidance))
    if guided.process is not fields.process:
        raise Violation("guided fields have another process, or none: sampling would take another clock")


@check
def conditioned_before_or_after(guidance: Guidance) -> Measured | None:
    """Guiding fields that are given a condition is guiding fields and giving it then; another one takes its place."""
    setting = first_accepted(SUITE, guidance)
    fields, guided = _fields(guidance, setting)
    given, t, x = given_conditions(setting), setting.times(), setting.states("x")
    deviations = Deviations("guided fields do not pass on what they are given (`conditioned`)")
    before, after = guidance.guided(fields.conditioned(given)), guided.conditioned(given)
    deviations.close(after.velocity(t, x), before.velocity(t, x), _ROUNDING)
    other = {"kind": 1 - given["kind"], "observation": given["observation"] + 1}
    deviations.close(
        after.conditioned(other).velocity(t, x), guidance.guided(fields.conditioned(other)).velocity(t, x), _ROUNDING
    )
    return deviations.result()


@check
def flow_of_the_fields(guidance: Guidance) -> Measured | None:
    """The drift that samples follow is made of the fields: ``b`` for the ODE, ``b +- epsilon s`` for an SDE."""
    deviations = Deviations("samples do not follow the guided fields: its `flow` is not that of its `field`")
    for setting in accepted(SUITE, guidance):
        guided = _fields(guidance, setting)[1].conditioned(given_conditions(setting))
        x = setting.states("x")
        for level, start, stop in ((0.0, 0.0, 1.0), (_LEVEL, 0.0, 1.0), (_LEVEL, 1.0, 0.0)):
            transport = Transport(guided, level, start, stop)
            for time in _TIMES:
                u = torch.tensor(time, dtype=torch.float64)
                t, rate = guided.clock.time(u), float(guided.clock.rate(u))
                sign = 1.0 if stop > start else -1.0
                expected = rate * (guided.velocity(t, x) + sign * level * guided.score(t, x))
                close = _ROUNDING * 1e3 * (1 + float(expected.abs().max()))
                deviations.close(transport.drift(time, x), expected, close, f"u = {time}, epsilon = {level}")
    return deviations.result()


@check
def fields_unchanged(guidance: Guidance) -> None:
    """The fields that it guides stay as they are, so that the model may be sampled without it as well."""
    setting = first_accepted(SUITE, guidance)
    fields, guided = _fields(guidance, setting)
    given, t, x = given_conditions(setting), setting.times(), setting.states("x")
    fresh = toy_fields(setting)
    guided.conditioned(given).velocity(t, x)
    weights = zip(fields.predictor.parameters(), fresh.predictor.parameters(), strict=True)
    alike = torch.equal(fields.conditioned(given).velocity(t, x), fresh.conditioned(given).velocity(t, x))
    if fields.condition is not None or not alike or not all(torch.equal(a, b) for a, b in weights):
        raise Violation("it changes the fields that it was given; `conditioned` gives others to work on")


@check
def conditions_checked(guidance: Guidance) -> None:
    """A condition that the fields need is refused where it is missing, with guidance as without."""
    setting = first_accepted(SUITE, guidance)
    try:
        guided = _fields(guidance, setting, frozenset({"kind"}))[1]
    except UsageError as error:
        raise NotApplicable(f"it does not guide fields with a condition of this sort: {error.problem}") from error
    given = given_conditions(setting)
    try:
        guided.conditioned({"kind": given["kind"]}).check_conditions(setting.count)
    except UsageError:
        return
    raise Violation("guided fields go on without a condition that they need (`check_conditions`)")


@check
def one_value_for_all(guidance: Guidance) -> Measured | None:
    """A condition with one value for all states is that value for each; any number of states will do."""
    setting = first_accepted(SUITE, guidance)
    guided = _fields(guidance, setting)[1]
    t, x = torch.tensor(0.4, dtype=torch.float64), setting.states("x")
    one = {name: values[:1] for name, values in given_conditions(setting).items()}
    each = {name: values.expand(setting.count, *values.shape[1:]) for name, values in one.items()}
    deviations = Deviations("one value for all states is taken for something else than that value for each")
    for rows in (slice(None), slice(1)):
        expected = guided.conditioned({name: values[rows] for name, values in each.items()}).velocity(t, x[rows])
        deviations.close(guided.conditioned(one).velocity(t, x[rows]), expected, _ROUNDING)
    return deviations.result()


SUITE = Suite(
    kind="guidance",
    exercise=_exercise,
    own=(
        same_process,
        conditioned_before_or_after,
        flow_of_the_fields,
        fields_unchanged,
        conditions_checked,
        one_value_for_all,
        *WEIGHTED,
    ),
    events=((2,), (), (1, 2, 3)),
    refusable=True,
)
