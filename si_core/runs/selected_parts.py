"""The parts that sections of a recipe select, built; what they raise is told in the name of their plugin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from si_core.contract.runtime import Runtime
from si_core.discovery.guard import cause_of
from si_core.discovery.kinds import section_kinds
from si_core.discovery.lookup import Found, find
from si_core.errors import PluginError, SIError
from si_core.models.assembly import Assembly
from si_core.models.parts import build_selection, located
from si_core.recipes.recipe import Recipe
from si_core.recipes.selection import Selection

__all__ = ["Part", "build_parts"]


@dataclass(frozen=True)
class Part:
    """A component that a section of the recipe selects, built.

    Args:
        path: its key.
        selection: what selects it.
        value: the component.
        found: whose it is; None for an object in memory.
    """

    path: str
    selection: Selection
    value: Any
    found: Found | None

    @property
    def label(self) -> str:
        """The component in an error."""
        return f"{self.selection.kind} {self.selection.name}" if self.found is None else self.found.label

    def call(self, method: str, *arguments: Any) -> Any:
        """What a method returns; None where the part has none of this name.

        Raises:
            PluginError: it raised something that is no error for users.
        """
        bound = getattr(self.value, method, None)
        if bound is None:
            return None
        try:
            return bound(*arguments)
        except (SIError, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            self.blame(method, error)

    def blame(self, method: str, error: BaseException) -> NoReturn:
        """Raise what a method raised as an error of the plugin."""
        fix = "mend it, or leave it out of the recipe"
        if self.found is not None:
            authors = f"the authors of {self.found.plugin.distribution}"
            fix = f"change its options, leave it out of the recipe, or report it to {authors}"
        raise PluginError(f"its {method} failed: {cause_of(error)}", where=self.label, fix=fix) from error


def build_parts(recipe: Recipe, assembly: Assembly, runtime: Runtime) -> tuple[Part, ...]:
    """Build what the sections of the recipe select, in the order of the table, and ask it whether it agrees.

    Raises:
        RecipeError: options that don't fit, or a part that refuses the recipe.
        PluginError: a part that fails.
    """
    process = assembly.process
    context = {
        "recipe": recipe,
        "process": process,
        "fields": assembly.fields.names,
        "shape": process.target.shape,
        "interpolant": process.interpolant,
        "latent": process.latent,
        "runtime": runtime,
    }
    parts = []
    for kind in section_kinds():
        for index, selection in enumerate(recipe.section(str(kind.section))):
            path = f"{kind.section}.{index}" if kind.many else str(kind.section)
            value = build_selection(recipe, path, selection, **context)
            found = None if selection.in_memory else find(selection.kind, selection.qualified)
            part = Part(path, selection, value, found)
            _refuse_half(part)
            parts.append(part)
    for part in parts:
        with located(recipe, part.path):
            part.call("before_run", recipe)
    return tuple(parts)


def _refuse_half(part: Part) -> None:
    # Its state would be lost without a word where a run is resumed.
    has = [name for name in ("state", "restore") if callable(getattr(part.value, name, None))]
    if len(has) == 1:
        raise PluginError(
            "what a run is resumed from needs both of `state` and `restore`",
            where=part.label,
            got=f"`{has[0]}` alone",
            fix="write the other one, or neither",
        )
