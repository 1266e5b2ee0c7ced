"""From a recipe to the objects it names: process, objectives, networks, fields, sampler.

Everything a recipe asks for is put together and checked here, before the first step: what can't work says so now, with
the line of the recipe.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from si_core.contract.clock import Clock, UniformClock
from si_core.contract.data import Draw
from si_core.contract.diffusion import Diffusion
from si_core.contract.integrator import Integrator
from si_core.contract.objective import Objective
from si_core.discovery.build import build
from si_core.discovery.lookup import load
from si_core.discovery.parameters import constructor_names
from si_core.errors import DataError, RecipeError, SIError, UsageError
from si_core.fields.base import Epsilon
from si_core.fields.learned import LearnedFields, Predictor
from si_core.fields.parametrisation import Parametrisation
from si_core.process.process import StochasticInterpolant
from si_core.recipes.recipe import Recipe
from si_core.recipes.selection import Selection
from si_core.runs.model import Model
from si_core.runs.streams import generator, stream_seed
from si_core.transport.transport import Transport

__all__ = ["Assembly", "assemble", "build_process", "build_selection", "default_integrator"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Assembly:
    """What a recipe names, put together.

    Args:
        recipe: the recipe.
        process: its process.
        objectives: its objectives, in order.
        fields: the untrained fields they learn.
        antithetic: whether training draws antithetic pairs.
        integrator: of sampling.
        epsilon: of sampling.
    """

    recipe: Recipe
    process: StochasticInterpolant
    objectives: tuple[Objective, ...]
    fields: LearnedFields
    antithetic: bool
    integrator: Integrator
    epsilon: Epsilon

    def model(self, fields: LearnedFields | None = None) -> Model:
        """The model as the recipe samples it."""
        sample = self.recipe.sample
        return Model(
            self.process,
            fields or self.fields,
            self.integrator,
            self.epsilon,
            sample.start,
            sample.stop,
            sample.clock,
            sample.denoise,
            self.recipe,
        )


@contextmanager
def _located(recipe: Recipe, path: str) -> Iterator[None]:
    """Give an error without a position that of a key of the recipe."""
    try:
        yield
    except (UsageError, DataError) as error:
        kind = DataError if isinstance(error, DataError) else RecipeError
        raise kind(
            error.problem if error.where is None else f"{error.where}: {error.problem}",
            where=recipe.where(path),
            got=error.got,
            allowed=error.allowed,
            fix=error.fix,
        ) from error


def build_selection(recipe: Recipe, path: str, selection: Selection, **context: object) -> object:
    """The component that a recipe selects at a key; errors carry the key's position."""
    with _located(recipe, path):
        return build(selection.kind, selection.name, context=context, **selection.options)


def build_process(recipe: Recipe) -> StochasticInterpolant:
    """The process of a recipe."""
    source = build_selection(recipe, "source", recipe.source) if recipe.source is not None else None
    target = build_selection(recipe, "target", recipe.target)
    coupling = build_selection(recipe, "coupling", recipe.coupling)
    latent = build_selection(recipe, "latent", recipe.latent)
    interpolant = build_selection(recipe, "interpolant", recipe.interpolant, latent=latent)
    with _located(recipe, "source" if recipe.source is not None else "target"):
        return StochasticInterpolant(interpolant, latent, coupling, source, target)  # type: ignore[arg-type]


def assemble(recipe: Recipe) -> Assembly:
    """Put a recipe together and check that it can do what it asks.

    Raises:
        RecipeError: parts that don't fit together, with the key's position.
        DataError: data that can't be used.
        PluginError: a plugin that fails.
    """
    process = build_process(recipe)
    objectives = tuple(
        build_selection(recipe, f"objectives.{i}", selection) for i, selection in enumerate(recipe.objectives)
    )
    names = [objective.field for objective in objectives]  # type: ignore[attr-defined]
    clock = process.clock if recipe.train.clock == "auto" else UniformClock()
    antithetic = _antithetic(recipe, process, names, clock)
    # Where pairs cancel what is singular, the network must learn the field itself: its remainder would be singular too.
    parametrisation = Parametrisation(clock, recipe.train.precondition and not antithetic)
    predictor = _predictor(recipe, process, len(names))
    with _located(recipe, "coupling"):
        draw = process.draw(2, generator(0, "initialisation"), clock=clock)
    with _located(recipe, "network"):
        _try(predictor, process.shape, draw, len(names), f"the target at {recipe.where('target')}")
    with _located(recipe, "objectives"):
        fields = LearnedFields(process, names, predictor, parametrisation)
    epsilon = _epsilon(recipe, process)
    integrator = _integrator(recipe, epsilon)
    with _located(recipe, "objectives"):
        Transport(fields, epsilon, recipe.sample.start, recipe.sample.stop, recipe.sample.clock)
    assembly = Assembly(recipe, process, objectives, fields, antithetic, integrator, epsilon)  # type: ignore[arg-type]
    _check_sampling(assembly)
    return assembly


def _check_sampling(assembly: Assembly) -> None:
    """Refuse what would be noticed only after training, or never."""
    recipe, model = assembly.recipe, assembly.model()
    if recipe.sample.condition is not None:
        with _located(recipe, "sample.condition"):
            model.initial(1, generator(recipe.seed, "sample"), recipe.sample.condition)
    whole = {recipe.sample.start, recipe.sample.stop} == {0.0, 1.0}
    if assembly.process.structure.mirror and assembly.epsilon == 0.0 and whole:
        raise RecipeError(
            "the ODE of a mirror comes back to where it started: its samples would be the data themselves",
            where=recipe.where("sample.epsilon"),
            got=f"epsilon 0, coupling {recipe.coupling.name}",
            allowed="epsilon > 0",
            fix="epsilon: 1.0",
        )


def _antithetic(recipe: Recipe, process: StochasticInterpolant, names: list[str], clock: Clock) -> bool:
    wanted = recipe.train.antithetic
    if wanted != "auto":
        if wanted and not process.structure.latent:
            raise RecipeError(
                "antithetic pairs need a latent: there is no noise to turn around",
                where=recipe.where("train.antithetic"),
                fix="train.antithetic: auto",
            )
        return bool(wanted)
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    s = process.schedule(clock, ends)
    steep = not bool(torch.isfinite(torch.as_tensor(s.gamma_rate)).all())
    in_time = recipe.train.clock == "uniform" and process.structure.latent
    return in_time and ((steep and "velocity" in names) or "score" in names)


def _predictor(recipe: Recipe, process: StochasticInterpolant, count: int) -> Predictor:
    selection = recipe.network
    with _located(recipe, "network"):
        parameters = constructor_names(load("network", selection.name))
    if process.coupling.anchored and "given" not in parameters:
        raise RecipeError(
            f"the coupling tells networks x0, and {selection.name!r} takes no given state",
            where=recipe.where("network"),
            got=f"coupling {recipe.coupling.name} at {recipe.where('coupling')}",
            fix="network: mlp",
        )
    one = selection.shared and count > 1 and "heads" in parameters
    networks = []
    # Initialisers draw from the global generator; its state is put back.
    with torch.random.fork_rng(devices=[]):
        # Networks are made on the CPU; torch.manual_seed would set the generators of accelerators too.
        torch.default_generator.manual_seed(stream_seed(recipe.seed, "initialisation"))
        for _ in range(1 if one else count):
            networks.append(
                build_selection(
                    recipe,
                    "network",
                    selection,
                    shape=process.shape,
                    heads=count if one else None,
                    classes=process.target.classes,
                    given=process.shape if process.coupling.anchored else None,
                )
            )
    return Predictor(networks, count)  # type: ignore[arg-type]


def _try(predictor: Predictor, shape: tuple[int, ...], draw: Draw, count: int, target: str) -> None:
    """Give the networks the precision of the process and draws of it.

    An output of another shape would be broadcast against its target without a word.

    Raises:
        UsageError: they fail, or give something else than fields.
    """
    if draw.schedule is None:
        raise TypeError("the process drew without a schedule")
    predictor.to(draw.xt.dtype).eval()
    try:
        with torch.no_grad():
            outputs = predictor(draw.schedule.u.to(draw.xt.dtype), draw.xt, draw.condition)
    except (SIError, MemoryError):
        raise
    except Exception as error:
        raise UsageError(
            "the network fails on draws of the process",
            got=f"{type(error).__name__}: {error}",
            allowed=f"a network for events of shape {shape}, those of {target}",
        ) from error
    finally:
        predictor.train()
    shapes = [tuple(output.shape[1:]) for output in outputs]
    if shapes != [shape] * count:
        raise UsageError(
            "the network's outputs have another shape than the events",
            got=", ".join(map(str, shapes)),
            allowed=f"{shape} for each of {count} objectives, as {target} has",
        )


def _epsilon(recipe: Recipe, process: StochasticInterpolant) -> Epsilon:
    epsilon = recipe.sample.epsilon
    if not isinstance(epsilon, Selection):
        return epsilon
    built = build_selection(recipe, "sample.epsilon", epsilon, interpolant=process.interpolant, latent=process.latent)
    if not isinstance(built, Diffusion):
        raise RecipeError("epsilon is a number or a diffusion", where=recipe.where("sample.epsilon"))
    return built


def _integrator(recipe: Recipe, epsilon: Epsilon) -> Integrator:
    selection = recipe.sample.integrator
    stochastic = epsilon != 0.0
    if selection is None:
        selection = default_integrator(stochastic)
    integrator = build_selection(recipe, "sample.integrator", selection)
    if not isinstance(integrator, Integrator):
        raise RecipeError("no integrator", where=recipe.where("sample.integrator"), got=repr(integrator))
    if stochastic and not integrator.stochastic:
        raise RecipeError(
            f"integrator {selection.name!r} solves ODEs, and epsilon asks for noise",
            where=recipe.where("sample.integrator"),
            got=f"epsilon at {recipe.where('sample.epsilon')}: {_shown(recipe.sample.epsilon)}",
            allowed="an SDE method, or epsilon 0",
            fix="integrator: stochastic-heun",
        )
    if not stochastic and integrator.stochastic:
        raise RecipeError(
            f"integrator {selection.name!r} is stochastic, and epsilon is 0: there is no noise to integrate",
            where=recipe.where("sample.integrator"),
            got="epsilon 0",
            allowed="an ODE method, or epsilon > 0",
            fix="epsilon: 0.5, or integrator: rk4",
        )
    return integrator


def default_integrator(stochastic: bool) -> Selection:
    """The integrator meant where none is named, of an SDE or an ODE."""
    return Selection("integrator", "stochastic-heun" if stochastic else "rk4")


def _shown(epsilon: object) -> str:
    return epsilon.name if isinstance(epsilon, Selection) else repr(epsilon)
