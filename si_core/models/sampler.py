"""The sampler of a recipe: along which process, with which method and noise level fields are sampled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from si_core.contract.clock import Clock
from si_core.contract.diffusion import Diffusion
from si_core.contract.guidance import Guidance
from si_core.contract.integrator import Integrator
from si_core.discovery.build import build
from si_core.discovery.lookup import find
from si_core.discovery.owners import DEFAULTS
from si_core.errors import DataError, RecipeError, StorageError, UsageError
from si_core.fields.learned import LearnedFields
from si_core.fields.noise_level import Epsilon
from si_core.fields.rescheduled import RescheduledFields
from si_core.models.acceleration.accelerator import Accelerator
from si_core.models.given_values import given_values
from si_core.models.missing_guidance import MissingGuidance
from si_core.models.model import Model
from si_core.models.parts import build_path, build_selection, located, selected
from si_core.models.sampler_parts import build_clock, build_diffusion
from si_core.models.streams import generator
from si_core.process.process import StochasticInterpolant
from si_core.recipes.paths import buildable_options
from si_core.recipes.recipe import Recipe
from si_core.recipes.selection import Selection
from si_core.transport.rehearsal import refuse_long_steps

__all__ = ["Sampler", "build_sampler", "check_sampling", "default_integrator", "fitting_default"]


@dataclass(frozen=True)
class Sampler:
    """How the fields of a recipe are sampled.

    Args:
        recipe: the recipe.
        process: the process that samples follow: the one that is learned, or one of another schedule.
        integrator: the method.
        epsilon: the noise level.
        clock: the clock; ``"auto"`` for the process's own, ``"uniform"`` for time itself.
        guidance: what changes the fields before they are sampled, in order.
        loaded: whether the model is a trained one, which is of use without its guidance: where files of that are gone
            it is missed when the model is sampled (:mod:`.missing_guidance`).
    """

    recipe: Recipe
    process: StochasticInterpolant
    integrator: Integrator
    epsilon: Epsilon
    clock: Clock | Literal["auto", "uniform"] = "auto"
    guidance: tuple[Guidance, ...] = ()
    loaded: bool = False

    def model(self, fields: LearnedFields) -> Model:
        """The model that samples these fields.

        Raises:
            UsageError: fields of a process whose schedule can't be changed.
            RecipeError: fields that can't be guided as the recipe asks.
        """
        sample = self.recipe.sample
        model = Model(
            self.process,
            fields if fields.process is self.process else RescheduledFields(fields, self.process),
            self.integrator,
            self.epsilon,
            sample.start,
            sample.stop,
            self.clock,
            sample.denoise,
            self.recipe,
            Accelerator(sample.precision, sample.channels_last, sample.compile, sample.graph),
            sample.freeze,
        )
        if not self.guidance:
            return model
        try:
            with located(self.recipe, "sample.guidance"):
                return model.with_guidance(self.guidance)
        except (DataError, StorageError) as error:
            if not self.loaded:
                raise
            return model.with_guidance((MissingGuidance(error),))


def build_sampler(recipe: Recipe, process: StochasticInterpolant, loaded: bool = False) -> Sampler:
    """The sampler of a recipe whose fields are those of a process.

    Args:
        recipe: the recipe.
        process: the process.
        loaded: whether the fields are trained already.

    Raises:
        RecipeError: an integrator that does not fit the noise level.
    """
    if recipe.sample.interpolant is not None:
        path = build_path(recipe, "sample.interpolant", recipe.sample.interpolant, process.latent, process.target)
        with located(recipe, "sample.interpolant"):
            ends = (process.latent, process.coupling, process.source, process.target)
            process = StochasticInterpolant(path, *ends)  # type: ignore[arg-type]
    epsilon = _epsilon(recipe, process)
    guidance = _guidance(recipe, loaded)
    integrator = _integrator(recipe, epsilon, any(each.weights for each in guidance))
    return Sampler(recipe, process, integrator, epsilon, _clock(recipe, process), guidance, loaded)


def check_sampling(sampler: Sampler, fields: LearnedFields) -> None:
    """Refuse what would be noticed only after training, or never.

    Raises:
        RecipeError: with the position of what can't work.
        NumericsError: steps that are too long for the noise.
    """
    recipe = sampler.recipe
    with located(recipe, "objectives" if fields.process is sampler.process else "sample.interpolant"):
        model = sampler.model(fields)
        transport = model.transport()
    with located(recipe, "sample.integrator" if recipe.sample.integrator is not None else "sample.epsilon"):
        refuse_long_steps(transport, model.integrator)
    if recipe.sample.condition is not None:
        with located(recipe, "sample.condition"):
            model.initial(1, generator(recipe.seed, "sample"), given_values(model, recipe.condition))
    whole = {recipe.sample.start, recipe.sample.stop} == {0.0, 1.0}
    if model.process.structure.mirror and model.epsilon == 0.0 and whole:
        raise RecipeError(
            "the ODE of a mirror comes back to where it started: its samples would be the data themselves",
            where=recipe.where("sample.epsilon"),
            got=f"epsilon 0, coupling {recipe.coupling.name}",
            allowed="epsilon > 0",
            fix="epsilon: 1.0",
        )


def _epsilon(recipe: Recipe, process: StochasticInterpolant) -> Epsilon:
    epsilon = recipe.sample.epsilon
    if not isinstance(epsilon, Selection):
        return epsilon
    with located(recipe, "sample.epsilon"):
        built = _of_process(recipe, "sample.epsilon", epsilon, process, build_diffusion)
        if not isinstance(built, Diffusion):
            raise UsageError("epsilon is a number or a diffusion", got=type(built).__name__)
    return built


def _clock(recipe: Recipe, process: StochasticInterpolant) -> Clock | Literal["auto", "uniform"]:
    clock = recipe.sample.clock
    if not isinstance(clock, Selection):
        return clock
    with located(recipe, "sample.clock"):
        built: Clock = _of_process(recipe, "sample.clock", clock, process, build_clock)
        return built


def _of_process(
    recipe: Recipe, path: str, selection: Selection, process: StochasticInterpolant, made: Callable[..., Any]
) -> Any:
    """What a recipe selects for a process: by name, or an object in memory."""
    if selection.in_memory:
        return selected(recipe, path, selection)
    return made(selection.qualified, process, **buildable_options(selection))


def _guidance(recipe: Recipe, loaded: bool) -> tuple[Guidance, ...]:
    built = []
    for i, selection in enumerate(recipe.sample.guidance):
        try:
            guidance = build_selection(recipe, f"sample.guidance.{i}", selection)
        except (DataError, StorageError) as error:
            if not loaded:
                raise
            return (MissingGuidance(error),)
        if not isinstance(guidance, Guidance):
            raise RecipeError("no guidance", where=recipe.where(f"sample.guidance.{i}"), got=repr(guidance))
        built.append(guidance)
    return tuple(built)


def _integrator(recipe: Recipe, epsilon: Epsilon, weighted: bool) -> Integrator:
    selection = recipe.sample.integrator
    stochastic = epsilon != 0.0
    if selection is None:
        with located(recipe, "sample.integrator"):
            selection = default_integrator(stochastic, weighted)
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
    return integrator


def default_integrator(stochastic: bool, weighted: bool = False) -> Selection:
    """The integrator meant where none is named, of an SDE or an ODE: what goes furthest with few calls of networks.

    Args:
        stochastic: whether there is noise.
        weighted: whether states are weighted: weights change after each step, so the method has to have one.

    Raises:
        UsageError: it is not installed.
    """
    if stochastic or weighted:
        name, options = ("stochastic-heun" if stochastic else "heun"), {"steps": 50}
    else:
        name, options = "exponential", {"steps": 50, "order": 4, "corrector": True}
    owner = find("integrator", name, DEFAULTS).plugin.distribution
    return Selection("integrator", name, options, distribution=owner)


def fitting_default(model: Model, stochastic: bool) -> Integrator | None:
    """The method meant where none is named, for a model whose own does not fit; None where it does.

    It does not fit another kind of problem, nor the weights of states that change after each step, if nobody chose it.

    Args:
        model: the model, with its guidance.
        stochastic: whether there is to be noise.
    """
    unnamed = model.recipe is None or model.recipe.sample.integrator is None
    unfit = unnamed and model.fields.weighted and model.integrator.multistep
    if stochastic == model.integrator.stochastic and not unfit:
        return None
    default = default_integrator(stochastic, model.fields.weighted)
    method: Integrator = build(default.kind, default.qualified, **default.options)
    return method


def _shown(epsilon: object) -> str:
    return epsilon.name if isinstance(epsilon, Selection) else repr(epsilon)
