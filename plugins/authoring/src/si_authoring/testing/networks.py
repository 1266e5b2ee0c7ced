"""Conformance of networks: their form, what their outputs depend on, and where their weights come from and go to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from si_authoring.testing.check import Deviations, Measured, NotApplicable, Violation, check
from si_authoring.testing.common import accepted, first_accepted
from si_authoring.testing.differences import central_difference
from si_authoring.testing.network_variants import Factory, Variant, call, made, variants_of
from si_authoring.testing.own_divergence import compare_divergence
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite

__all__ = ["SUITE"]

_ROUNDING = 256.0
"""How many units in the last place two ways to the same output may differ by: they sum in other orders."""
_NUMBERS = 12
"""The most numbers of a condition that are changed one by one."""
_SMALL = 1e-9
"""Below the resolution of single precision, and far above that of double precision."""


def _exercise(factory: Factory, setting: Setting) -> Sequence[Output]:
    t, one, x = setting.times(), setting.given("s", torch.full((setting.rows,), 0.3))[0], setting.states("x")
    outputs = []
    for variant in variants_of(factory):
        network, condition, shape = made(factory, variant, setting), variant.condition(setting), variant.shape(setting)
        network.train()
        for name, time in (("forward(t, x)", t), ("forward(s, x) with s of shape ()", one)):
            value = call(factory, network, time, x, condition)
            outputs.append(Output(name + variant.name, _detached(value), shape))
        network.eval()
        with torch.no_grad():
            value = call(factory, network, t, x, condition)
        outputs.append(Output(f"forward(t, x) in evaluation mode{variant.name}", value, shape))
    return outputs


def _detached(value: Tensor) -> Tensor:
    return value.detach() if isinstance(value, Tensor) else value


def _trials(factory: Factory) -> Iterator[tuple[Variant, Setting, nn.Module]]:
    """A network of each variant for each event shape, moved."""
    for base in accepted(SUITE, factory):
        for variant in variants_of(factory):
            setting = base.anew()
            yield variant, setting, _moved(made(factory, variant, setting))


def _moved(network: nn.Module) -> nn.Module:
    """A network away from its first weights: those may be zero."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in network.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(noise.to(parameter), alpha=0.1)
    return network


def _where(variant: Variant, setting: Setting) -> str:
    return f"event {setting.event}{variant.name}"


def _allowed(value: Tensor) -> float:
    return _ROUNDING * torch.finfo(value.dtype).eps * (1 + float(value.detach().abs().max()))


@check
def one_time(factory: Factory) -> Measured | None:
    """One time t of shape () means that time for each state."""
    deviations = Deviations("one time of shape () gives something else than that time for each state")
    for variant, setting, network in _trials(factory):
        x, condition = setting.states("x"), variant.condition(setting)
        times = torch.full((len(x),), 0.37, dtype=x.dtype)
        expected = call(factory, network, times, x, condition).detach()
        got = call(factory, network, times[0], x, condition).detach()
        deviations.close(got, expected, _allowed(expected), _where(variant, setting))
    return deviations.result()


@check
def second_time(factory: Factory) -> Measured | None:
    """A network of two times hears the second one, for each state or one for all; without one it is the first."""
    deviations = Deviations("without a second time, or with one for all states, it gives something else")
    setting = first_accepted(SUITE, factory)
    try:
        network = _moved(made(factory, Variant(" of two times", two_times=True), setting))
        t, x = setting.times(), setting.states("x")
        alone = network(t, x).detach()
        same, other = (network(t, x, s=s).detach() for s in (t, 1 - t))
    except TypeError as error:
        raise NotApplicable("it takes one time") from error
    deviations.close(same, alone, _allowed(alone), "s = t")
    last = torch.full_like(t, 0.8)
    expected = network(t, x, s=last).detach()
    deviations.close(network(t, x, s=last[0]).detach(), expected, _allowed(expected), "one s for all states")
    if torch.equal(other, alone):
        raise Violation("it takes a second time, and its output does not depend on it")
    return deviations.result()


@check
def one_value(factory: Factory) -> Measured | None:
    """One value of a condition, of shape (1, *shape), means that value for each state."""
    deviations = Deviations("one value of a condition gives something else than that value for each state")
    for variant, setting, network in _trials(factory):
        conditions = variant.condition(setting)
        if conditions is None:
            continue
        t, x = setting.times(), setting.states("x")
        for name, values in conditions.items():
            each = {**conditions, name: values[:1].expand_as(values)}
            expected = call(factory, network, t, x, each).detach()
            got = call(factory, network, t, x, {**conditions, name: values[:1]}).detach()
            deviations.close(got, expected, _allowed(expected), f"{name}, {_where(variant, setting)}")
    if deviations.result() is None:
        raise NotApplicable("it takes no conditions")
    return deviations.result()


@check
def gradients(factory: Factory) -> None:
    """Every parameter takes part: for some event shape the output has a gradient in it, and all are finite."""
    idle: dict[str, bool] = {}
    for variant, setting, network in _trials(factory):
        outputs = [call(factory, network, setting.times(), setting.states("x"), variant.condition(setting))]
        outputs += _where_left_out(factory, variant, setting, network)
        for output in outputs:
            weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(8), dtype=output.dtype)
            (output * weights).sum().backward()  # type: ignore[no-untyped-call]
        for name, parameter in network.named_parameters():
            gradient = parameter.grad
            if gradient is not None and not bool(torch.isfinite(gradient).all()):
                raise Violation(f"the gradient in its parameter {name!r} is not finite ({_where(variant, setting)})")
            if parameter.requires_grad:
                idle[name] = idle.get(name, True) and (gradient is None or not bool(gradient.any()))
    never = [name for name, is_idle in idle.items() if is_idle]
    if never:
        raise Violation(
            f"no gradient reaches its parameter {', '.join(map(repr, never))}: it takes no part, or is cut off"
        )


def _where_left_out(factory: Factory, variant: Variant, setting: Setting, network: nn.Module) -> list[Tensor]:
    """The output where conditions are left out, which parameters may be there for; none of networks that can't be asked
    for it: only training with ``condition_dropout`` leaves some out."""
    x, specs = setting.states("x"), variant.specs(setting.event)
    if not specs:
        return []
    try:
        output = call(factory, network, setting.times(), x, {name: spec.absent(x) for name, spec in specs.items()})
    except Exception:
        return []
    return [output] if bool(torch.isfinite(output).all()) else []


@check
def inputs_heard(factory: Factory) -> None:
    """The output depends on t, on x and on each condition that the network is made for: on each number of values, and
    on changes of them by a billionth, in double precision."""
    for variant, setting, network in _trials(factory):
        t, x, condition = setting.times(), setting.states("x"), variant.condition(setting)
        first = call(factory, network, t, x, condition)
        changed = {"t": (1 - t, x, condition), "x": (t, x + 1, condition)}
        for own, values in (condition or {}).items():
            changed[f"the condition {own!r}"] = (t, x, {**(condition or {}), own: values.roll(1, 0)})
            for what, others in _changes(values).items():
                changed[f"{what} of the condition {own!r}"] = (t, x, {**(condition or {}), own: others})
        for name, (time, state, conditions) in changed.items():
            if torch.equal(call(factory, network, time, state, conditions), first):
                raise Violation(f"the output does not depend on {name} ({_where(variant, setting)})")


def _changes(values: Tensor) -> dict[str, Tensor]:
    """The values of a condition with one of their numbers changed, or all of them by very little."""
    if not values.is_floating_point():
        return {}
    flat, found = values.flatten(1), {}
    for k in range(min(flat.shape[1], _NUMBERS)):
        other = flat.clone()
        other[:, k] += 1
        found[f"number {k}"] = other.reshape(values.shape)
    if values.dtype == torch.float64:
        found["digits beyond single precision"] = values + _SMALL
    return found


@check
def derivative(factory: Factory) -> Measured | None:
    """The output can be differentiated in x, as densities need, and the derivative is that of its values."""
    deviations = Deviations("the derivative in x is not that of the output")
    for variant, setting, network in _trials(factory):
        t, condition = setting.times(), variant.condition(setting)
        x, direction = setting.states("x").requires_grad_(), setting.states("direction")
        output = call(factory, network, t, x, condition)
        weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(9), dtype=output.dtype)
        (gradient,) = torch.autograd.grad((output * weights).sum(), x, allow_unused=True)
        if gradient is None:
            raise Violation("the output has no gradient in x: it was detached on the way")

        def along(h: Tensor) -> Tensor:
            with torch.no_grad():
                values = call(factory, network, t, x + h * direction, condition)  # noqa: B023 - called at once
            return (values * weights).flatten(1).sum(1)  # noqa: B023

        expected, error = central_difference(along, torch.zeros((), dtype=x.dtype))
        found = (gradient * direction).flatten(1).sum(1)
        # Piecewise linear networks have kinks, and a row may stand on one.
        deviations.close((found - expected).abs().median(), 0.0, error, _where(variant, setting))
    return deviations.result()


@check
def own_divergence(factory: Factory) -> Measured | None:
    """A divergence that the network offers (``with_divergence``) is that of its output, and can be differentiated."""
    deviations = Deviations("the divergence it offers is not that of its output")
    for variant, setting, network in _trials(factory):
        where = _where(variant, setting)
        compare_divergence(network, setting, variant.heads, variant.condition(setting), where, deviations)
    return deviations.result()


@check
def initial_weights(factory: Factory) -> None:
    """First weights come from torch's global generator alone, which training seeds: equal seeds give equal weights."""
    setting = first_accepted(SUITE, factory)
    for variant in variants_of(factory):
        first, second = (made(factory, variant, setting).state_dict() for _ in range(2))
        for name, value in first.items():
            if isinstance(value, Tensor) and not torch.equal(value, second[name]):
                raise Violation(
                    f"two networks made under one seed of torch's global generator differ in {name!r}{variant.name}"
                )


@check
def state(factory: Factory) -> None:
    """The state dict is all there is to keep: tensors, which make another network of the same options the same."""
    for variant, setting, network in _trials(factory):
        kept = network.state_dict()
        odd = [name for name, value in kept.items() if not isinstance(value, Tensor)]
        if odd:
            raise Violation(f"its state dict holds {', '.join(odd)}, which is no tensor: a model file can't hold it")
        other = made(factory, variant, setting, seed=1)
        other.load_state_dict(kept)
        t, x, condition = setting.times(), setting.states("x"), variant.condition(setting)
        outputs = [call(factory, each.eval(), t, x, condition) for each in (network, other)]
        if not torch.equal(*outputs):
            raise Violation(
                f"a network with the same state dict gives something else ({_where(variant, setting)}): it draws or "
                "keeps numbers that are neither parameters nor persistent buffers"
            )


SUITE = Suite(
    kind="network",
    exercise=_exercise,
    own=(one_time, second_time, one_value, gradients, inputs_heard, derivative, own_divergence, initial_weights, state),
    factory=True,
    events=((2,), (1,), (3, 4), (1, 2, 3), (1, 8, 8)),
    placeable=True,
)
