"""From a recipe to the objects it names: process, objectives, networks, fields, sampler.

Everything a recipe asks for is put together and checked here, before the first step: what can't work says so now, with
the line of the recipe.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from si_core.contract.clock import Clock, UniformClock
from si_core.contract.diffusion import Diffusion
from si_core.contract.integrator import Integrator
from si_core.contract.objective import Objective
from si_core.discovery.build import build
from si_core.discovery.lookup import load
from si_core.discovery.parameters import constructor_names
from si_core.errors import RecipeError, UsageError
from si_core.fields.base import Epsilon
from si_core.fields.learned import LearnedFields, Predictor
from si_core.fields.parametrisation import Parametrisation
from si_core.process.process import StochasticInterpolant
from si_core.recipes.loader import load_recipe
from si_core.recipes.recipe import Recipe
from si_core.recipes.selection import Selection
from si_core.runs.directory import RunDirectory
from si_core.runs.model import Model
from si_core.runs.streams import stream_seed
from si_core.runs.tensors import load_tensors
from si_core.runs.weights import load_into
from si_core.transport.transport import Transport

__all__ = ["Assembly", "assemble", "build_process", "build_selection", "load_trained"]


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
            self.recipe,
        )


@contextmanager
def _located(recipe: Recipe, path: str) -> Iterator[None]:
    """Give an error without a position that of a key of the recipe."""
    try:
        yield
    except UsageError as error:
        raise RecipeError(
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
    with _located(recipe, "objectives"):
        fields = LearnedFields(process, names, predictor, parametrisation)
    epsilon = _epsilon(recipe, process)
    integrator = _integrator(recipe, epsilon)
    with _located(recipe, "objectives"):
        Transport(fields, epsilon, recipe.sample.start, recipe.sample.stop, recipe.sample.clock)
    return Assembly(recipe, process, objectives, fields, antithetic, integrator, epsilon)  # type: ignore[arg-type]


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
    one = selection.shared and count > 1 and "heads" in parameters
    networks = []
    # Initialisers draw from the global generator; its state is put back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(recipe.seed, "initialisation"))
        for _ in range(1 if one else count):
            networks.append(
                build_selection(
                    recipe,
                    "network",
                    selection,
                    shape=process.shape,
                    heads=count if one else None,
                    classes=process.target.classes,
                )
            )
    return Predictor(networks, count)  # type: ignore[arg-type]


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
        selection = Selection("integrator", "stochastic-heun" if stochastic else "rk4")
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


def _shown(epsilon: object) -> str:
    return epsilon.name if isinstance(epsilon, Selection) else repr(epsilon)


def load_trained(path: Path, device: torch.device) -> Model:
    """The model of a run's folder, with its trained (averaged) weights."""
    directory = RunDirectory.open(path)
    recipe = load_recipe(directory.resolved)
    assembly = assemble(recipe)
    stored = load_tensors(directory.model)
    load_into(assembly.fields.predictor, stored.tensors, str(directory.model))
    assembly.fields.predictor.to(device).eval().requires_grad_(False)
    return assembly.model()
