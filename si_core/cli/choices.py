"""Components chosen on the command line: a name, or JSON ``{"use": name, ...options}``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from si_core.errors import UsageError

if TYPE_CHECKING:
    from si_core.fields.base import Epsilon
    from si_core.runs.model import Model

__all__ = ["chosen", "resampled"]


def chosen(text: str, where: str, example: str) -> tuple[str, dict[str, Any]]:
    """The name and the options of a component.

    Args:
        text: as given.
        where: the argument's name, for errors.
        example: JSON that would do.

    Raises:
        UsageError: JSON that is none, or says no name.
    """
    if not text.lstrip().startswith(("{", "[", '"')):
        return text, {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not JSON: {error}", where=where, got=text, fix=f"write '{example}'") from error
    if not isinstance(value, dict) or not isinstance(value.get("use"), str):
        raise UsageError(
            "a component is chosen by name", where=where, got=text, allowed='NAME, or {"use": NAME, ...options}'
        )
    return value.pop("use"), value


def resampled(model: Model, run: str, integrator: str | None, epsilon: str | None, seed: int) -> Model:
    """The model with the integrator and the noise level of the command line.

    Where the noise level changes between none and some and no integrator is given, the default one of its kind is used.

    Raises:
        UsageError: an unknown component or a wrong option; an integrator that does not fit the noise level.
    """
    from si_core.discovery.build import build
    from si_core.runs.sampler import default_integrator

    level = None if epsilon is None else _noise_level(model, Path(run), epsilon, seed)
    stochastic = (model.epsilon if level is None else level) != 0.0
    method = None
    if integrator is not None:
        name, options = chosen(integrator, "--integrator", '{"use": "heun", "steps": 50}')
        method = build("integrator", name, **options)
        if stochastic and not method.stochastic:
            raise UsageError(
                f"integrator {name!r} is of ODEs, and the noise level is positive",
                where="--integrator",
                fix="--epsilon 0, or an --integrator of SDEs such as stochastic-heun",
            )
    elif stochastic != model.integrator.stochastic:
        method = build("integrator", default_integrator(stochastic).name)
    return model.with_sampler(method, level)


def _noise_level(model: Model, run: Path, text: str, seed: int) -> Epsilon:
    from si_core.recipes.selection import Selection
    from si_core.runs.directory import RunDirectory
    from si_core.runs.noise_level import build_diffusion, fit_noise_level, stored_noise_level

    try:
        level = float(text)
    except ValueError:
        if text[:1] in "+-.,0123456789":  # meant as a number, such as 0,5
            raise _no_level(text) from None
        name, options = chosen(text, "--epsilon", '{"use": "gamma", "scale": 1.0}')
        directory = RunDirectory.open(run)
        stored = None if options else stored_noise_level(directory, name, model.process)
        diffusion = stored or build_diffusion(name, model.process, **options)
        return fit_noise_level(
            directory, model.with_sampler(epsilon=diffusion), Selection("diffusion", name), seed
        ).epsilon
    if not (math.isfinite(level) and level >= 0):
        raise _no_level(text)
    return level


def _no_level(text: str) -> UsageError:
    return UsageError(
        "no noise level",
        where="--epsilon",
        got=text,
        allowed="a finite number >= 0 such as 0.5, or a diffusion (see `si list diffusion`)",
    )
