"""The third and fourth check of a recipe: its components are installed, and their options fit.

A component's class is imported here, so a recipe that passes can be built.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticCustomError, PydanticSerializationError, to_jsonable_python

from si_core.contract.coupling import starts_from_target
from si_core.discovery import lookup, options
from si_core.discovery.kinds import KINDS
from si_core.discovery.nested import CHECKED
from si_core.errors import PluginError, RecipeError, SIError
from si_core.recipes.emit import inline
from si_core.recipes.live import MISPLACED, Live, why_not
from si_core.recipes.nested import nested_selections, without_nested
from si_core.recipes.nodes import Mapping, Path, dotted, leaves, node_at, position
from si_core.recipes.owners import found_at
from si_core.recipes.problems import fail
from si_core.recipes.schema import Sections
from si_core.recipes.selection import Selection

__all__ = ["check_components", "complete", "selections"]


def selections(value: Any, path: Path = ()) -> list[tuple[Path, Selection]]:
    """All selections of the sections, with their places; of a checked recipe those among options as well."""
    if isinstance(value, Selection):
        return [((*path, *inner), each) for inner, each in value.with_nested()]
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return [found for name in fields for found in selections(getattr(value, name), (*path, name))]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in selections(item, (*path, index))]
    return []


def check_components(root: Mapping, sections: Sections) -> None:
    """Look up and import every component, then check its options and what a recipe needs beside it.

    Raises:
        RecipeError: unknown components, or options that don't fit; all of them.
        PluginError: only plugins are at fault.
    """
    problems: list[SIError] = []
    classes: list[tuple[Path, Selection, type[Any]]] = []
    pending = selections(sections)
    while pending:
        path, selection = pending.pop(0)
        if selection.in_memory:
            problems += _object_problems(root, path, selection)
            if selection.instance is not None:
                classes.append((path, selection, type(selection.instance)))
            continue
        try:
            cls = lookup.load_class(found_at(root, path, selection))
            pending += [((*path, name), each) for name, each in nested_selections(selection, cls).items()]
        except SIError as error:
            problems.append(_at(error, str(position(root, (*path, "use")))))
        except PydanticCustomError as error:
            told = error.context or {}
            place = (*path, *str(told.get("key") or "use").split("."))
            problems.append(
                RecipeError(
                    f"{dotted(path)!r} {told.get('problem')}",
                    where=str(position(root, place)),
                    allowed=told.get("allowed") or None,
                    fix=told.get("fix") or None,
                )
            )
        else:
            classes.append((path, selection, cls))
    fail(problems)
    for path, selection, cls in classes:
        if not selection.in_memory:
            problems += _misplaced(root, path, selection, cls) or _option_problems(root, path, selection, cls)
        if path == ("coupling",):
            problems += _source_problems(root, sections, selection.name, starts_from_target(cls))
    fail(problems)


def _object_problems(root: Mapping, path: Path, selection: Selection) -> list[SIError]:
    """Why an object in memory can't stand there; that a text names one without giving it is told when it is needed."""
    found = None if selection.instance is None else why_not(selection.kind, selection.instance)
    if found is None:
        return []
    where, kind = str(position(root, (*path, "use"))), selection.kind
    return [
        RecipeError(
            f"'{dotted(path)}' {found[0]}", where=where, got=selection.name, allowed=f"{_a(kind)} {kind}", fix=found[1]
        )
    ]


def _a(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def complete(selection: Selection) -> dict[str, Any]:
    """The options with the defaults of the constructor, as plain data.

    A default that a recipe can't express (an object, an infinite number) is left to the constructor. An object in
    memory has no options.
    """
    if selection.in_memory:
        return {}
    cls, context = lookup.load(selection.kind, selection.qualified), KINDS[selection.kind].context
    given = without_nested(selection, cls)
    model = options.options_model(cls, context).model_validate(given)
    values: dict[str, Any] = {}
    for name in (*type(model).model_fields, *(model.model_extra or {})):
        if given.get(name) is CHECKED:
            values[name] = CHECKED
            continue
        value = _plain(getattr(model, name))
        if value is not _NO_DATA:
            values[name] = value
        elif name in selection.options:
            values[name] = selection.options[name]
    defaults = {problem.path[0] for problem in options.option_problems(cls, values, context)} - set(selection.options)
    return {
        name: _completed(selection.options[name]) if value is CHECKED else value
        for name, value in values.items()
        if name not in defaults
    }


def _completed(nested: Selection) -> dict[str, Any]:
    return {nested.key: nested.qualified, **complete(nested)}


_NO_DATA: Any = object()


def _plain(value: Any) -> Any:
    """The value as YAML can hold it, or the mark for one it can't."""
    try:
        data = to_jsonable_python(value, inf_nan_mode="constants")
        inline(data)
    except (PydanticSerializationError, ValueError):
        return _NO_DATA
    return data


def _misplaced(root: Mapping, path: Path, selection: Selection, cls: type[Any]) -> list[SIError]:
    """Objects in memory among the options that are no components."""
    node, nested = node_at(root, path), nested_selections(selection, cls)
    return [
        RecipeError(f"'{dotted(place)}' {MISPLACED}", where=str(position(root, place)), got=str(leaf.value))
        for place, leaf in (leaves(node, path) if isinstance(node, Mapping) else ())
        if isinstance(leaf.value, Live) and place[len(path)] not in nested
    ]


def _option_problems(root: Mapping, path: Path, selection: Selection, cls: type[Any]) -> list[SIError]:
    try:
        found = options.option_problems(cls, without_nested(selection, cls), KINDS[selection.kind].context)
    except SIError as error:
        return [_at(error, str(position(root, path)))]
    return [
        RecipeError(
            f"{selection.kind} '{selection.name}': {problem.problem} (key '{dotted((*path, *problem.path))}')",
            # A value that was found is pointed at; an unknown option at its key, a missing one at the mapping.
            where=str(position(root, (*path, *problem.path), key=problem.got is None)),
            got=problem.got,
            allowed=problem.allowed,
            fix=problem.fix,
        )
        for problem in found
    ]


def _source_problems(root: Mapping, sections: Sections, coupling: str, from_target: bool) -> list[SIError]:
    if from_target and sections.source is not None:
        fix = "remove 'source' (or write `source: null`), or choose another coupling"
        problem = f"'source' has no effect: 'coupling' {coupling!r} takes x0 from the target"
        return [
            RecipeError(problem, where=str(position(root, ("source",), key=True)), got=sections.source.name, fix=fix)
        ]
    if not from_target and sections.source is None:
        problem = f"the key 'source' is missing, and 'coupling' {coupling!r} needs one"
        allowed, fix = "distribution at time 0", "add `source: gaussian`"
        return [RecipeError(problem, where=str(position(root, ("source",))), allowed=allowed, fix=fix)]
    return []


def _at(error: SIError, where: str) -> SIError:
    """The error of a look-up, at the place in the recipe that needs the component."""
    problem = f"{error.where}: {error.problem}" if error.where else error.problem
    kind = PluginError if isinstance(error, PluginError) else RecipeError
    placed = kind(problem, where=where, got=error.got, allowed=error.allowed, fix=error.fix)
    placed.__cause__ = error.__cause__
    return placed
