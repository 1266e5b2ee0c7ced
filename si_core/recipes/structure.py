"""The second check of a recipe: its own keys, their types and ranges; all problems at once, each at its place."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from si_core.discovery.lookup import load
from si_core.discovery.lost_sections import owner_wanted
from si_core.discovery.parameters import constructor_names
from si_core.discovery.suggest import did_you_mean
from si_core.errors import RecipeError, SIError
from si_core.recipes.descriptions import described, remedy
from si_core.recipes.fragments import properties_at, wanted_at
from si_core.recipes.live import MISPLACED, Live
from si_core.recipes.nodes import Mapping, Node, Path, Scalar, Sequence, dotted, leaves, node_at, plain, position
from si_core.recipes.owners import kind_at
from si_core.recipes.problems import fail
from si_core.recipes.schema import Sections
from si_core.recipes.sections import default_use, sections_model

__all__ = ["check_structure"]

# Where a key that stands in the wrong place may belong.
_HOMES: tuple[Path, ...] = (("train",), ("sample",), ("train", "optimizer"), ("train", "schedule"))


def check_structure(root: Mapping) -> Sections:
    """The sections of a recipe.

    Raises:
        RecipeError: all unknown or missing keys, wrong types and values out of range.
    """
    problems: dict[Path, SIError] = {}
    for path, leaf in leaves(root):
        if isinstance(leaf.value, float) and not math.isfinite(leaf.value):
            problems[path] = _error(root, path, "is no finite number", got=leaf.text, wanted=wanted_at(root, path))
        elif isinstance(leaf.value, Live) and not any(kind_at(path[:length]) for length in range(1, len(path) + 1)):
            # Where anything is allowed, an object would pass, and could not be written. Which options of a component
            # are components is known when its class is.
            wanted = wanted_at(root, path)
            problems[path] = _error(root, path, MISPLACED, wanted=wanted)
    other_choices: set[Path] = set()
    sections, known = None, functools.cache(lambda home: _known_at(root, home))
    try:
        sections = sections_model().model_validate(plain(root))
    except ValidationError as invalid:
        for detail in invalid.errors():
            path = _path(root, detail)
            # A choice of types reports once for each of them.
            if path not in problems:
                problems[path] = _problem(root, path, detail, known)
                if detail["type"].endswith("_type"):
                    other_choices.add(path)
    # Where one choice of types fails deeper, it was meant, and that another wants no mapping or list says nothing.
    for path in other_choices:
        if any(len(deeper) > len(path) and deeper[: len(path)] == path for deeper in problems):
            del problems[path]
    fail([problems[path] for path in sorted(problems, key=lambda path: _order(root, path))])
    if sections is None:
        raise RecipeError("the recipe can't be read", where=str(root.where))
    return sections


def _order(root: Mapping, path: Path) -> tuple[int, int]:
    where = position(root, path)
    return where.line or 0, where.column or 0


def _path(root: Node, detail: ErrorDetails) -> Path:
    """The keys of the recipe in a location of pydantic, which also names the choices it tried."""
    loc = [*detail["loc"], *([key] if (key := detail.get("ctx", {}).get("key")) else [])]
    path: Path = ()
    node: Node | None = root
    for index, part in enumerate(loc):
        if isinstance(node, Mapping) and isinstance(part, str) and part in node.entries:
            node = node.entries[part].node
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        elif index == len(loc) - 1 and (detail["type"] == "missing" or key):
            node = None
        else:
            continue
        path = (*path, part)
    return path


def _problem(root: Mapping, path: Path, detail: ErrorDetails, known: Callable[[Path], Collection[object]]) -> SIError:
    context, kind = detail.get("ctx", {}), detail["type"]
    if kind == "extra_forbidden":
        return _unknown(root, path, known)
    if kind == "missing":
        return _missing(root, path)
    if kind == "union_tag_invalid":
        expected = str(context.get("expected_tags", "")).replace("'", "")
        return _error(root, (*path, "use"), "names no such choice", wanted=expected)
    wanted = context.get("allowed") or wanted_at(root, path)
    if kind == "recipe":
        return _error(root, path, context["problem"], wanted=wanted, fix=context.get("fix"))
    if kind in ("too_short", "too_long"):
        return _error(root, path, "has the wrong number of items", wanted=wanted)
    if "than" in kind or kind in ("literal_error", "finite_number"):
        return _error(root, path, "is out of range" if "than" in kind else "has a wrong value", wanted=wanted)
    return _error(root, path, "has the wrong type", wanted=wanted)


def _error(
    root: Mapping,
    path: Path,
    problem: str,
    *,
    got: str | None = None,
    wanted: str | None = None,
    fix: str | None = None,
) -> RecipeError:
    node = node_at(root, path)
    if node is not None:
        got = got or described(node)
        fix = fix or remedy(node, wanted or "")
    return RecipeError(
        f"'{dotted(path)}' {problem}", where=str(position(root, path)), got=got, allowed=wanted or None, fix=fix or None
    )


def _unknown(root: Mapping, path: Path, known_at: Callable[[Path], Collection[object]]) -> RecipeError:
    *parent, key = path
    properties = properties_at(root, tuple(parent))
    known, kind = list(properties), str(key).replace("_", "-")
    homes = [dotted((*home, key)) for home in _HOMES if key in known_at(home) and path != (*home, key)]
    # Who knows the kind of what is to be selected may not know the key that selects it.
    homes += [dotted((*parent, name)) for name, inner in properties.items() if inner.get("x-select") == kind]
    # A key that is right elsewhere was meant for there, however near it is to a key that is known here.
    wanted = None if parent else owner_wanted(str(key))
    fix = wanted or (f"write it as {' or '.join(homes)}" if homes else did_you_mean(str(key), known))
    if fix is None and not parent:
        fix = "remove it; a key that belongs to a plugin is known where that plugin is installed (`si plugins`)"
    where = str(position(root, path, key=True))
    return RecipeError(f"unknown key '{dotted(path)}'", where=where, allowed=", ".join(known), fix=fix)


def _known_at(root: Mapping, home: Path) -> Collection[object]:
    """The recipe's own keys at a place, or the options of the component that is selected there."""
    default = default_use(home)
    if default is None:
        return properties_at(root, home)
    node = node_at(root, home)
    use = node_at(root, (*home, "use")) if isinstance(node, Mapping) else node
    name = use.value if isinstance(use, Scalar) else default
    kind = str(properties_at(root, home[:-1])[str(home[-1])].get("x-select"))
    try:
        return set(constructor_names(load(kind, str(name))))
    except SIError:  # that it is not there is told by the check of components
        return ()


def _missing(root: Mapping, path: Path) -> RecipeError:
    fragment = properties_at(root, path[:-1]).get(str(path[-1]), {})
    examples = fragment.get("examples", ())
    return RecipeError(
        f"the key '{dotted(path)}' is missing",
        where=str(position(root, path[:-1])),
        allowed=fragment.get("description"),
        fix=f"add `{examples[0]}`" if examples else None,
    )
