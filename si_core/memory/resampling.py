"""Another sampler for a model, its parts by name, by name with options, or as objects: as recipes say them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from si_core.contract.clock import Clock
from si_core.contract.diffusion import Diffusion
from si_core.contract.guidance import Guidance
from si_core.contract.integrator import Integrator
from si_core.discovery.build import build
from si_core.errors import UsageError
from si_core.models.model import Model
from si_core.models.sampler import fitting_default
from si_core.models.sampler_parts import build_clock, build_diffusion
from si_core.recipes.selection import Selection
from si_core.runs.noise_level import fit_noise_level
from si_core.runs.sampling_clock import fit_clock

__all__ = ["resampled"]


def resampled(
    model: Model, seed: int, integrator: Any = None, epsilon: Any = None, clock: Any = None, guidance: Any = None
) -> Model:
    """The model with another integrator, noise level, clock or guidance; None for its own.

    Where the noise level changes between none and some and no integrator is given, the default one of its kind is used.
    Levels and clocks that are measured on a model are measured on this one.

    Args:
        model: the model.
        seed: of what is drawn to measure.
        integrator: an integrator, its name, or a mapping of ``use`` and its options.
        epsilon: a number >= 0, or a diffusion in any of these forms.
        clock: ``"auto"``, ``"uniform"``, or a clock in any of these forms.
        guidance: one guidance or several in order, each in any of these forms; ``()`` for none.

    Raises:
        UsageError: what is none of these; an unknown component or a wrong option; an integrator of ODEs for noise.
    """
    if guidance is not None:
        several = guidance if isinstance(guidance, Sequence) and not isinstance(guidance, str) else [guidance]
        model = model.with_guidance([_guidance(each) for each in several])
    if epsilon is not None:
        model = _levelled(model, epsilon, seed)
    stochastic = model.epsilon != 0.0
    if integrator is not None:
        method = _chosen("integrator", integrator, Integrator, _build("integrator"), '"heun"')
        if stochastic and not method.stochastic:
            raise UsageError(
                "this integrator is of ODEs, and the noise level is positive",
                where="integrator",
                got=f"{integrator if isinstance(integrator, str) else type(method).__name__}, epsilon {model.epsilon}",
                fix='epsilon=0, or an integrator of SDEs such as "stochastic-heun"',
            )
        model = model.with_sampler(method)
    else:
        # A method of SDEs that was chosen for an ODE stays, unless another noise level is asked for.
        model = model.with_sampler(
            fitting_default(model, stochastic if epsilon is not None else model.integrator.stochastic)
        )
    return model if clock is None else _clocked(model, clock, seed)


def _build(kind: str) -> Callable[..., Any]:
    return lambda name, **options: build(kind, name, **options)


def _chosen(where: str, given: Any, kind: type[Any], made: Callable[..., Any], example: str) -> Any:
    """The component that is given, or is built of its name."""
    if isinstance(given, kind):
        return given
    name, options = given, {}
    if isinstance(given, Mapping):
        options = {str(key): value for key, value in given.items()}
        name = options.pop("use", None)
    if not isinstance(name, str):
        raise UsageError(
            "a component is chosen by name, or given as an object",
            where=where,
            got=f"{given!r}"[:80],
            allowed=f'{example}, {{"use": NAME, ...options}}, or an object (see `si list {kind.__name__.lower()}`)',
        )
    return made(name, **options)


def _guidance(given: Any) -> Guidance:
    guidance: Guidance = _chosen("guidance", given, Guidance, _build("guidance"), '"classifier-free"')
    return guidance


def _levelled(model: Model, given: Any, seed: int) -> Model:
    """The model with another noise level."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        if not (math.isfinite(given) and given >= 0):
            raise UsageError("no noise level", where="epsilon", got=given, allowed="a finite number >= 0 such as 0.5")
        return model.with_sampler(epsilon=float(given))
    diffusion = _chosen(
        "epsilon", given, Diffusion, lambda name, **o: build_diffusion(name, model.process, **o), '0.5, "gamma"'
    )
    model = model.with_sampler(epsilon=diffusion)
    return model if isinstance(given, Diffusion) else fit_noise_level(None, model, _named("diffusion", given), seed)


def _clocked(model: Model, given: Any, seed: int) -> Model:
    """The model in another clock."""
    if given == "auto" or given == "uniform":
        return model.with_sampler(clock="auto" if given == "auto" else "uniform")
    clock = _chosen(
        "clock", given, Clock, lambda name, **o: build_clock(name, model.process, **o), '"auto", "uniform", "sine"'
    )
    model = model.with_sampler(clock=clock)
    return model if isinstance(given, Clock) else fit_clock(None, model, _named("clock", given).name, seed)


def _named(kind: str, given: Any) -> Selection:
    return Selection(kind, given["use"] if isinstance(given, Mapping) else given)
