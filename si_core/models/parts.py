"""The parts that a recipe selects, built; what fails says where in the recipe it was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import torch

from si_core.discovery.build import build
from si_core.discovery.deadline import Overdue
from si_core.discovery.host_state import one_at_a_time
from si_core.errors import DataError, NumericsError, RecipeError, SIError, UsageError
from si_core.models.needs import growing
from si_core.models.streams import stream_seed
from si_core.process.process import StochasticInterpolant
from si_core.recipes.paths import buildable_options
from si_core.recipes.recipe import Recipe
from si_core.recipes.selection import Selection

__all__ = ["build_path", "build_process", "build_selection", "error_of_key", "located", "own_stream", "selected"]


@contextmanager
def located(
    recipe: Recipe, path: str, only: type[SIError] | tuple[type[SIError], ...] = (UsageError, DataError, NumericsError)
) -> Iterator[None]:
    """Give an error without a position that of a key of the recipe.

    Args:
        recipe: the recipe.
        path: the key.
        only: the errors that are meant; others pass as they are.
    """
    try:
        yield
    except only as error:
        raise error_of_key(error, recipe, path) from error


def error_of_key(error: SIError, recipe: Recipe, path: str) -> SIError:
    """An error, as that of a key of the recipe; usage of parts is then the recipe's.

    Args:
        error: what happened.
        recipe: the recipe.
        path: the key.
    """
    kind = next((kind for kind in (DataError, NumericsError) if isinstance(error, kind)), RecipeError)
    return kind(
        error.problem if error.where is None else f"{error.where}: {error.problem}",
        where=recipe.where(path),
        got=error.got,
        allowed=error.allowed,
        fix=error.fix,
    )


@contextmanager
def own_stream(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """torch's global generator at the start of a stream; its state is put back.

    Initialisers of layers draw from it. Parts are made on the CPU; torch.manual_seed would set the generators of all
    accelerators too. Threads take turns, for they share the generator.

    Args:
        seed: of the stream.
        device: a CUDA device whose global generator is put there as well.
    """
    cuda = device if device is not None and device.type == "cuda" else None
    with one_at_a_time, torch.random.fork_rng(devices=[] if cuda is None else [cuda]):
        torch.default_generator.manual_seed(seed)
        if cuda is not None:
            with torch.cuda.device(cuda):
                torch.cuda.manual_seed(seed)
        yield


def selected(recipe: Recipe, path: str, selection: Selection, /, **context: object) -> object:
    """The component that a recipe selects at a key, the object itself where it was given; errors carry the position.

    Raises:
        RecipeError: the recipe says that there was an object in memory, and nobody gave one.
    """
    if selection.in_memory:
        return _given(recipe, path, selection)
    for keys, nested in selection.with_nested():
        if nested.in_memory:
            _given(recipe, ".".join((path, *keys)), nested)
    with located(recipe, path), growing(), _named(path):
        return build(selection.kind, selection.qualified, context=context, **buildable_options(selection))


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Note on a time limit what was being built."""
    try:
        yield
    except Overdue as overdue:
        overdue.add_note(path)
        raise


def _given(recipe: Recipe, path: str, selection: Selection) -> object:
    if selection.instance is not None:
        return selection.instance
    example = f"{selection.name.rpartition('.')[2]}(...)"
    key, _, rest = path.partition(".")
    given = f"{key}={example}" if not rest else f"**{{{path!r}: {example}}}"
    raise RecipeError(
        f"the {selection.kind} was an object in memory, which no file holds",
        where=recipe.where(path),
        got=f"its class, {selection.name}",
        fix=f"give it anew: si.load_model(folder, {given})",
    )


def build_selection(recipe: Recipe, path: str, selection: Selection, /, **context: object) -> object:
    """The component that a recipe selects at a key, whose first parameters follow from the recipe's seed and the key.

    The stream is ``(seed, "initialisation of <key>")``, another for each part.
    """
    with own_stream(stream_seed(recipe.seed, f"initialisation of {path}")):
        return selected(recipe, path, selection, **context)


def build_path(recipe: Recipe, path: str, selection: Selection, latent: object, target: object) -> object:
    """The interpolant that a recipe selects at a key, given the latent and the event shape of its process."""
    return build_selection(recipe, path, selection, latent=latent, shape=getattr(target, "shape", ()))


def build_process(recipe: Recipe, kept: Mapping[str, object] = MappingProxyType({})) -> StochasticInterpolant:
    """The process of a recipe.

    Args:
        recipe: the recipe.
        kept: parts that are there already, by their key.
    """

    def part(name: str, **context: object) -> object:
        selection = getattr(recipe, name)
        return kept[name] if name in kept else selection and build_selection(recipe, name, selection, **context)

    target = part("target")
    source = part("source", default_shape=getattr(target, "shape", None))
    coupling = part("coupling")
    latent = build_selection(recipe, "latent", recipe.latent)
    interpolant = build_path(recipe, "interpolant", recipe.interpolant, latent, target)
    with located(recipe, "source" if recipe.source is not None else "target"):
        return StochasticInterpolant(interpolant, latent, coupling, source, target)  # type: ignore[arg-type]
