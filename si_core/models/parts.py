"""The parts that a recipe selects, built; what fails says where in the recipe it was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from si_core.discovery.build import build
from si_core.errors import DataError, RecipeError, UsageError
from si_core.models.learnable import learnable_parts
from si_core.process.process import StochasticInterpolant
from si_core.recipes.recipe import Recipe
from si_core.recipes.selection import Selection

__all__ = ["build_path", "build_process", "build_selection", "located"]


@contextmanager
def located(recipe: Recipe, path: str) -> Iterator[None]:
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


def build_selection(recipe: Recipe, path: str, selection: Selection, /, **context: object) -> object:
    """The component that a recipe selects at a key; errors carry the key's position."""
    with located(recipe, path):
        return build(selection.kind, selection.name, context=context, **selection.options)


def build_path(recipe: Recipe, path: str, selection: Selection, latent: object, target: object) -> object:
    """The interpolant that a recipe selects at a key, told the latent and the event shape of its process."""
    return build_selection(recipe, path, selection, latent=latent, shape=getattr(target, "shape", ()))


def build_process(recipe: Recipe) -> StochasticInterpolant:
    """The process of a recipe."""
    source = build_selection(recipe, "source", recipe.source) if recipe.source is not None else None
    target = build_selection(recipe, "target", recipe.target)
    coupling = build_selection(recipe, "coupling", recipe.coupling)
    latent = build_selection(recipe, "latent", recipe.latent)
    interpolant = build_path(recipe, "interpolant", recipe.interpolant, latent, target)
    with located(recipe, "source" if recipe.source is not None else "target"):
        process = StochasticInterpolant(interpolant, latent, coupling, source, target)  # type: ignore[arg-type]
    # Whoever trains its parameters turns gradients on for that alone.
    learnable_parts(process).requires_grad_(False)
    return process
