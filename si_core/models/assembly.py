"""From a recipe to the objects it names: process, objectives, networks, fields, sampler.

Everything a recipe asks for is put together and checked here, before the first step: what can't work says so now, with
the line of the recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from si_core.contract.clock import Clock, UniformClock
from si_core.contract.coupling import Coupling
from si_core.contract.data import Draw
from si_core.contract.objective import FIELDS, Objective
from si_core.errors import RecipeError
from si_core.fields.called import CalledField
from si_core.fields.learned import LearnedFields, Preconditioning
from si_core.fields.parametrisation import Parametrisation
from si_core.models.ends import Kept
from si_core.models.example_draw import example_draw
from si_core.models.first_draw import first_draw
from si_core.models.learnable import freeze
from si_core.models.model import Model
from si_core.models.objective_checks import check_calls, check_loss
from si_core.models.parts import build_process, build_selection, located
from si_core.models.predictor import build_predictor, dropout_of
from si_core.models.sampler import Sampler, build_sampler, check_sampling
from si_core.models.unit_sizes import tell_sizes
from si_core.process.process import StochasticInterpolant
from si_core.recipes.recipe import Recipe
from si_core.recipes.training import PowerAverages, SkipNonFinite

__all__ = ["Assembly", "assemble"]


@dataclass(frozen=True)
class Assembly:
    """What a recipe names, put together.

    Args:
        recipe: the recipe.
        process: its process.
        learned: the names of the process's parameters to train, by part.
        objectives: its objectives, in order.
        fields: the untrained fields they learn.
        antithetic: whether training draws antithetic pairs.
        sampler: how they are sampled.
    """

    recipe: Recipe
    process: StochasticInterpolant
    learned: frozenset[str]
    objectives: tuple[Objective, ...]
    fields: LearnedFields
    antithetic: bool
    sampler: Sampler

    @cached_property
    def calling(self) -> tuple[bool, ...]:
        """Whether each objective calls the network itself."""
        return tuple(objective.calls_network for objective in self.objectives)

    @property
    def two_times(self) -> bool:
        """Whether an objective needs second times."""
        return self.fields.predictor.two_times

    def predictions(
        self, draw: Draw, preconditioning: list[Preconditioning] | None = None, fields: LearnedFields | None = None
    ) -> Sequence[Tensor | None]:
        """The predictions of the fields at a draw, each (B, *event); None for objectives that call the network.

        Args:
            draw: made in the clock of learning.
            preconditioning: that of the draw's schedule, where it is at hand.
            fields: others than those of the recipe, such as averaged ones.
        """
        if all(self.calling):
            return [None] * len(self.calling)
        found = (fields or self.fields).predictions(draw, preconditioning)
        if not any(self.calling):
            return found
        return [None if calls else prediction for calls, prediction in zip(self.calling, found, strict=True)]

    def losses(
        self, draw: Draw, predictions: Sequence[Tensor | None], fields: LearnedFields | None = None
    ) -> list[Tensor]:
        """The loss of each objective at a draw, each of shape (B,), with the weights of the pairs.

        Args:
            draw: made in the clock of learning.
            predictions: from :meth:`predictions`.
            fields: as there.

        Raises:
            PluginError: a loss that is not one number for each draw.
        """
        each = []
        for i, (objective, prediction) in enumerate(zip(self.objectives, predictions, strict=True)):
            if prediction is not None:
                each.append(objective.loss(draw, prediction))
                continue
            # Such a loss may differentiate the field, also where its own gradient is not asked for.
            with torch.enable_grad():
                each.append(objective.loss_of(draw, CalledField(fields or self.fields, i, draw.condition, draw.x0)))
        for objective, loss in zip(self.objectives, each, strict=True):
            check_loss(objective, loss, len(draw.t))
        return each if draw.weight is None else [loss * draw.weight for loss in each]

    def model(self, fields: LearnedFields | None = None) -> Model:
        """The model as the recipe samples it."""
        return self.sampler.model(fields or self.fields)


def assemble(recipe: Recipe, kept: Kept | None = None) -> Assembly:
    """Put a recipe together and check that it can do what it asks.

    Args:
        recipe: the recipe.
        kept: of a model that was trained, what stands in for its data: nothing is then drawn, and what was checked is
            not checked again.

    Raises:
        RecipeError: parts that don't fit together, with the key's position.
        DataError: data that can't be used.
        PluginError: a plugin that fails.
    """
    process = build_process(recipe, {} if kept is None else kept.parts)
    learned = freeze(process)
    _check_averages(recipe)
    objectives: list[Objective] = [
        build_selection(recipe, f"objectives.{i}", selection)  # type: ignore[misc]
        for i, selection in enumerate(recipe.objectives)
    ]
    names = [objective.field for objective in objectives]
    called = check_calls(recipe, objectives)
    in_time = called or recipe.train.clock == "uniform" or process.structure.intervals
    clock = UniformClock() if in_time else process.clock
    antithetic = _antithetic(recipe, process, names, clock, in_time)
    # Where pairs cancel what is singular, the network must learn the field itself: its remainder would be singular too.
    # Where they live on intervals of their own, nothing is known of it beside.
    intervals = process.structure.intervals
    parametrisation = Parametrisation(clock, recipe.train.precondition and not antithetic and not intervals)
    two_times = any(objective.two_times for objective in objectives)
    draw = first_draw(recipe, process, clock) if kept is None else example_draw(process, clock, kept.dtype)
    if kept is None and recipe.train.steps:
        tell_sizes(recipe, process, draw)
    predictor = build_predictor(recipe, process, names, parametrisation, draw, two_times)
    for index, objective in enumerate(objectives if kept is None else []):
        with located(recipe, f"objectives.{index}"):
            objective.check(process)
    with located(recipe, "objectives"):
        coefficients = {
            objective.field: objective.coefficients for objective in objectives if objective.field not in FIELDS
        }
        optional = frozenset(dropout_of(recipe, process))
        fields = LearnedFields(process, names, predictor, parametrisation, coefficients=coefficients, optional=optional)
    _check_players(recipe, process, objectives, learned)
    sampler = build_sampler(recipe, process, kept is not None)
    if kept is None:
        check_sampling(sampler, fields)
    return Assembly(recipe, process, learned, tuple(objectives), fields, antithetic, sampler)


def _check_players(
    recipe: Recipe, process: StochasticInterpolant, objectives: list[Objective], learned: frozenset[str]
) -> None:
    """Whoever is to learn has something to learn from, and one player does not go on where the other's step is none."""
    if learned and isinstance(recipe.train.on_nonfinite, SkipNonFinite):
        raise RecipeError(
            "steps can't be left out where the process is trained as well: each answers to what the other learned",
            where=recipe.where("train.on_nonfinite"),
            got=f"to train: {', '.join(sorted({parameter.partition('.')[0] for parameter in learned}))}",
            fix="train.on_nonfinite: stop",
        )
    if learned and recipe.train.precision == "float16":
        raise RecipeError(
            "steps are left out where half precision overflows, and can't be where the process is trained as well",
            where=recipe.where("train.precision"),
            got=recipe.train.precision,
            fix="train.precision: bfloat16",
        )
    for name in sorted({parameter.partition(".")[0] for parameter in learned}):
        if all(each.process_role == "none" for each in objectives):
            raise RecipeError(
                f"the {name} has parameters to train, and no objective trains them",
                where=recipe.where(name),
                got=f"objectives {', '.join(selection.name for selection in recipe.objectives)}",
                fix="add one that does, such as `schrodinger-bridge`",
            )
    if recipe.train.rounds > 1 and type(process.coupling).refit is Coupling.refit:
        raise RecipeError(
            f"coupling {recipe.coupling.name!r} does not learn from a model, so there is nothing to do between rounds",
            where=recipe.where("train.rounds"),
            got=recipe.train.rounds,
            fix="train.rounds: 1, or a coupling that is refitted",
        )


def _check_averages(recipe: Recipe) -> None:
    """An average is chosen among some."""
    if recipe.sample.ema is not None and not isinstance(recipe.train.ema, PowerAverages):
        raise RecipeError(
            "training keeps no averages of several lengths to choose from",
            where=recipe.where("sample.ema"),
            got=f"sample.ema {recipe.sample.ema}, train.ema {recipe.train.ema}",
            fix="train.ema: {use: power, lengths: [0.05, 0.1]}",
        )


def _antithetic(recipe: Recipe, process: StochasticInterpolant, names: list[str], clock: Clock, in_time: bool) -> bool:
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
    return in_time and process.structure.latent and ((steep and "velocity" in names) or "score" in names)
