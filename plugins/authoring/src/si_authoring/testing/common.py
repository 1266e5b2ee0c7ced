"""Checks that hold for components of every kind, made of their kind's exercise."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from si_authoring.testing.check import Check, Deviations, Measured, NotApplicable, Violation
from si_authoring.testing.construction import made_twice, seed_globals
from si_authoring.testing.setting import Output, Setting
from si_core import UsageError
from si_core.public.discovery import (
    KINDS,
    host_state_restored,
    option_problems,
    options_model,
    random_states,
    same_random_state,
    unbounded_options,
)

if TYPE_CHECKING:
    from si_authoring.testing.suite import Suite

__all__ = ["common_checks"]

_CHOSEN = (4, 1, 3)
_UNUSUAL = 271828
"""A seed that nobody takes."""

_ROUNDING = 64.0
"""How many units in the last place rows may differ by when a batch is another: matrix products are summed in blocks."""


def common_checks(suite: Suite) -> tuple[Check, ...]:
    """The checks that hold for every kind, for the exercise of a suite."""
    bound: list[tuple[str, str, Callable[[Suite, Any], Measured | None]]] = [
        (
            "shape-and-dtype",
            "results have the shape, dtype and device of the states, for events of every rank",
            _shape_and_dtype,
        ),
        ("finite", "results are finite", _finite),
        ("inputs-unchanged", "inputs are left as they were", _inputs_unchanged),
        ("rows-independent", "a row's result depends on that row alone", _rows_independent),
        ("own-randomness", "randomness comes from the generator given, and from it alone", _own_randomness),
        ("made-alike", "made again with the same options it gives the same: constructors draw nothing", _made_alike),
        (
            "host-unchanged",
            "torch's defaults, signal handlers and the current directory are left alone",
            _host_unchanged,
        ),
        ("device", "results are where the states are", _device),
        ("pickling", "a pickled copy gives the same", _pickling),
        ("options", "options are typed keyword arguments whose defaults are allowed", _options),
        ("bounded-options", "whole numbers among its options have an upper bound", _bounded_options),
    ]
    return tuple(Check(name, claim, _bind(run, suite)) for name, claim, run in bound)


def _bind(run: Callable[[Suite, Any], Measured | None], suite: Suite) -> Callable[[Any], Measured | None]:
    return lambda component: run(suite, component)


def exercised(suite: Suite, component: Any) -> Iterator[tuple[Setting, Sequence[Output]]]:
    """A setting for each event shape that the component does not refuse, and what it gives there.

    Raises:
        Violation: it refuses all of them.
    """
    found, refusal = False, ""
    for event in suite.events:
        setting = Setting(event=event)
        try:
            outputs = suite.exercise(component, setting)
        except UsageError as error:
            refusal = error.problem
            continue
        found = True
        yield setting, outputs
    if not found and suite.refusable:
        raise NotApplicable(f"it refuses all that the kit has to offer: {refusal}")
    if not found:
        raise Violation(f"it refuses every event shape that was tried: {refusal}")


def accepted(suite: Suite, component: Any) -> Iterator[Setting]:
    """The settings of :func:`exercised`, with untouched inputs."""
    return (setting.anew() for setting, _ in exercised(suite, component))


def first_accepted(suite: Suite, component: Any) -> Setting:
    """The first of :func:`accepted`; the others are not tried."""
    return next(accepted(suite, component))


def _shape_and_dtype(suite: Suite, component: Any) -> None:
    for base, outputs in exercised(suite, component):
        for dtype in suite.dtypes:
            setting = base.anew(dtype=dtype)
            for output in outputs if dtype == base.dtype else suite.exercise(component, setting):
                _check_shape_and_dtype(output, setting)


def _check_shape_and_dtype(output: Output, setting: Setting) -> None:
    value, where = output.value, f"{output.name} at states of shape {setting.shape}, {setting.dtype}"
    if not isinstance(value, Tensor):
        raise Violation(f"{where} is no tensor but {type(value).__name__}")
    if tuple(value.shape) != output.shape:
        raise Violation(f"{where} has shape {tuple(value.shape)} instead of {output.shape}")
    if output.like and value.dtype != setting.dtype:
        raise Violation(f"{where} loses the states' dtype: it is {value.dtype}")
    if value.device.type != torch.device(setting.device).type:
        raise Violation(f"{where} is on {value.device} instead of {setting.device}")


def _finite(suite: Suite, component: Any) -> None:
    for setting, outputs in exercised(suite, component):
        for output in outputs:
            if output.value.is_floating_point() and not bool(torch.isfinite(output.value).all()):
                raise Violation(f"{output.name} is not finite at states of shape {setting.shape}")


def _inputs_unchanged(suite: Suite, component: Any) -> None:
    for setting, _ in exercised(suite, component):
        changed = setting.changed()
        if changed:
            names = ", ".join(dict.fromkeys(changed))
            raise Violation(f"it changes its inputs in place: {names}; work on a copy (x + y, not x += y)")


def _rows_independent(suite: Suite, component: Any) -> Measured | None:
    deviations = Deviations("a row's result depends on other rows of the batch")
    compared = False
    for setting, whole in exercised(suite, component):
        part = suite.exercise(component, setting.anew(chosen=_CHOSEN))
        for of_all, of_part in zip(whole, part, strict=True):
            if of_all.rows:
                compared = True
                expected = of_all.value[list(_CHOSEN)]
                allowed = _ROUNDING * torch.finfo(setting.dtype).eps * (1 + float(expected.abs().max()))
                deviations.close(of_part.value, expected, allowed, f"{of_all.name}, event {setting.event}")
    if not compared:
        raise NotApplicable("its results are not made row by row")
    return deviations.result()


def _own_randomness(suite: Suite, component: Any) -> None:
    setting = first_accepted(suite, component)
    with host_state_restored(generators=True):
        # At a place of their own, for a component may have seeded them in the exercise before.
        seed_globals(_UNUSUAL, _UNUSUAL)
        before = random_states()
        first = suite.exercise(component, setting)
        after = random_states()
    used = [name for name, state in before.items() if not same_random_state(state, after[name])]
    if used:
        raise Violation(f"it draws from the global generator of {' and '.join(used)}; use the generator it is given")
    again = suite.exercise(component, setting.anew())
    _same(first, again, "two calls with equal inputs and equal generators differ")


def _made_alike(suite: Suite, component: Any) -> None:
    if suite.factory:
        raise NotApplicable("its first weights have a check of their own")
    first, second = made_twice(component, suite.context())
    try:
        setting = first_accepted(suite, first)
        one, other = (suite.exercise(made, setting.anew()) for made in (first, second))
    except (UsageError, Violation) as error:
        raise NotApplicable(f"it can't be made again from its attributes: {error}") from error
    _same(one, other, "two made with equal options differ: draw from a generator seeded by an option, or not at all")


def _host_unchanged(suite: Suite, component: Any) -> None:
    with host_state_restored() as changed:
        for _ in exercised(suite, component):
            pass
    if changed:
        raise Violation(f"it changes {', '.join(changed)}")


def _device(suite: Suite, component: Any) -> None:
    base = first_accepted(suite, component)
    if torch.cuda.is_available():
        device = "cuda"
        if not suite.placeable and isinstance(component, torch.nn.Module):
            raise NotApplicable("a module is moved by who owns it")
    elif suite.placeable:
        device = "meta"
    else:
        raise NotApplicable("only the processor is at hand")
    setting = base.anew(device=device)
    try:
        outputs = suite.exercise(component, setting)
    except (RuntimeError, TypeError) as error:
        text = str(error)
        if "expected device" in text or "same device" in text:
            raise Violation(f"it makes tensors on the processor beside states that are elsewhere: {text}") from error
        if device == "meta" and "meta" in text:
            raise NotApplicable("it looks at values, which torch's device meta has not") from error
        raise
    for output in outputs:
        _check_shape_and_dtype(output, setting)


def _pickling(suite: Suite, component: Any) -> None:
    if suite.factory:
        raise NotApplicable("it is made by a function")
    setting = first_accepted(suite, component)
    first = suite.exercise(component, setting)
    try:
        copy = pickle.loads(pickle.dumps(component))
    except Exception as error:
        raise Violation(f"it can't be pickled: {error}; keep no lambdas, open files or generators in it") from error
    _same(first, suite.exercise(copy, setting.anew()), "a pickled copy gives something else")


def _class_of(suite: Suite, component: Any) -> type[Any]:
    cls = getattr(component, "func", component) if suite.factory else type(component)
    if not isinstance(cls, type):
        raise NotApplicable("it is made by a function")
    return cls


def _bounded_options(suite: Suite, component: Any) -> None:
    found = unbounded_options(_class_of(suite, component), KINDS[suite.kind].context)
    if found:
        raise Violation(
            f"{', '.join(found)} may be as large as one likes, beyond memory and beyond 64 bits: "
            "`steps: Annotated[int, Field(ge=1, le=si.Largest.STEPS)]`"
        )


def _options(suite: Suite, component: Any) -> None:
    cls, context = _class_of(suite, component), KINDS[suite.kind].context
    fields = options_model(cls, context).model_fields
    defaults = {
        name: entry.get_default(call_default_factory=True) for name, entry in fields.items() if not entry.is_required()
    }
    problems = [problem for problem in option_problems(cls, defaults, context) if problem.path[0] in defaults]
    if problems:
        raise Violation(f"its own defaults are not allowed: {'; '.join(map(str, problems))}")


def _same(one: Sequence[Output], other: Sequence[Output], problem: str) -> None:
    for first, second in zip(one, other, strict=True):
        if not torch.equal(first.value.nan_to_num(), second.value.nan_to_num()):
            raise Violation(f"{problem}: {first.name}")
