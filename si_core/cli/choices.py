"""Components chosen on the command line: a name, or JSON ``{"use": name, ...options}``."""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from si_core.errors import UsageError

if TYPE_CHECKING:
    from si_core.fields.noise_level import Epsilon
    from si_core.models.model import Model

__all__ = ["add_sampler", "chosen", "in_command_words", "resampled"]


def add_sampler(parser: argparse.ArgumentParser) -> None:
    """Add what is sampled by in place of the recipe's: see :func:`resampled`."""
    parser.add_argument(
        "--integrator", metavar="NAME|JSON", help='a name, or \'{"use": "heun", "steps": 50}\' (default: the recipe\'s)'
    )
    parser.add_argument(
        "--epsilon",
        metavar="E|JSON",
        help='noise level: 0 for the ODE, a number, or \'{"use": "gamma", "scale": 1.0}\' (default: the recipe\'s)',
    )
    parser.add_argument(
        "--clock",
        metavar="NAME|JSON",
        help="time of the steps: auto, uniform, a clock by name, or JSON with its options (default: the recipe's)",
    )
    parser.add_argument(
        "--guidance",
        metavar="NAME|JSON",
        action="append",
        help="guidance in place of the recipe's: a name, JSON with its options, or none; given several times, in this "
        "order",
    )


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


@contextmanager
def in_command_words(freeze: bool) -> Iterator[None]:
    """Say in options of the command line what errors of sampling advise in keys of recipes.

    Args:
        freeze: whether the command has ``--freeze``.
    """
    try:
        yield
    except UsageError as error:
        fix, allowed = (_in_options(text, freeze) for text in (error.fix, error.allowed))
        if (fix, allowed) == (error.fix, error.allowed):
            raise
        raise type(error)(error.problem, where=error.where, got=error.got, allowed=allowed, fix=fix) from error


def _in_options(text: Any, freeze: bool) -> Any:
    if not isinstance(text, str):
        return text
    text = re.sub(r"`(epsilon|clock): ([^`]+)`", r"`--\1 \2`", text)
    return text.replace("`freeze: true`", "`--freeze`") if freeze else text


def resampled(model: Model, arguments: argparse.Namespace) -> Model:
    """The model with the integrator, the noise level and the clock of the command line.

    Where the noise level changes between none and some and no integrator is given, the default one of its kind is used.
    A clock that is fitted is fitted to what is asked for; for the run's own sampler it is kept, and fitted once.

    Args:
        model: the trained model.
        arguments: with ``run_directory``, ``integrator``, ``epsilon``, ``clock``, ``guidance`` and ``seed``.

    Raises:
        UsageError: an unknown component or a wrong option; an integrator that does not fit the noise level.
    """
    from si_core.discovery.build import build
    from si_core.models.sampler import fitting_default

    model = _guided(model, arguments.guidance)
    integrator, epsilon, seed = arguments.integrator, arguments.epsilon, arguments.seed
    run = Path(arguments.run_directory)
    level = None if epsilon is None else _noise_level(model, run, epsilon, seed)
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
    else:
        method = fitting_default(model, stochastic)
    other = model.with_sampler(method, level)
    if arguments.clock is None:
        return other
    own = integrator is None and epsilon is None and arguments.guidance is None
    return _clocked(other, arguments.clock, run if own else None, seed)


def _guided(model: Model, texts: list[str] | None) -> Model:
    """The model with the guidance of the command line."""
    if texts is None:
        return model
    from si_core.discovery.build import build

    guidance = []
    for text in texts if texts != ["none"] else []:
        name, options = chosen(text, "--guidance", '{"use": "classifier-free", "weight": 2}')
        guidance.append(build("guidance", name, **options))
    return model.with_guidance(guidance)


def _clocked(model: Model, text: str, run: Path | None, seed: int) -> Model:
    """The model in the clock of the command line; ``run`` where it is the run's own sampler otherwise."""
    from si_core.models.sampler_parts import build_clock
    from si_core.runs.directory import RunDirectory
    from si_core.runs.sampling_clock import fit_clock, stored_clock

    if text == "auto" or text == "uniform":
        return model.with_sampler(clock="auto" if text == "auto" else "uniform")
    name, options = chosen(text, "--clock", '{"use": "sine", "start": false}')
    directory = None if options or run is None else RunDirectory.open(run)
    stored = None if directory is None else stored_clock(directory, name, model.process, model.recipe)
    clocked = model.with_sampler(clock=stored or build_clock(name, model.process, **options))
    return fit_clock(directory, clocked, name, seed)


def _noise_level(model: Model, run: Path, text: str, seed: int) -> Epsilon:
    from si_core.models.sampler_parts import build_diffusion
    from si_core.recipes.selection import Selection
    from si_core.runs.directory import RunDirectory
    from si_core.runs.noise_level import fit_noise_level, stored_noise_level

    try:
        level = float(text)
    except ValueError:
        if text[:1] in "+-.,0123456789":  # meant as a number, such as 0,5
            raise _no_level(text) from None
        name, options = chosen(text, "--epsilon", '{"use": "gamma", "scale": 1.0}')
        directory = RunDirectory.open(run)
        stored = None if options else stored_noise_level(directory, name, model.process, model.recipe)
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
