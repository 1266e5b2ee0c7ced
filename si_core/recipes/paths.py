"""Paths in a recipe: they stay as they were written, and start from one folder, the recipe's base.

A relative path starts from the folder of the file it is written in, or from the one that the file names by ``base``; on
the command line from the current directory, as in any command. A recipe made of several of them (``extends``,
arguments) has one base, that of the file that was named, and the paths of the others are told anew from there. So a
resolved recipe holds no folder of anybody's but where it must, and a project that is moved as a whole still finds its
data. What is a path is told by the types of a component's constructor: every option annotated with
:class:`pathlib.Path`. They become absolute when the component is built, and nothing that is written down has them so.
"""

from __future__ import annotations

import os
import pathlib
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from si_core.discovery import lookup
from si_core.discovery.kinds import KINDS
from si_core.discovery.parameters import parameters
from si_core.recipes.nodes import Mapping as MappingNode
from si_core.recipes.nodes import Path, Where, position
from si_core.recipes.selection import Selection

__all__ = [
    "Folders",
    "absolute",
    "all_paths",
    "buildable_options",
    "changed_condition",
    "condition_files",
    "is_relative",
    "path_texts",
    "rebased",
    "shown_path",
]

_Change = Callable[[str, Path], str]


@dataclass(frozen=True)
class Folders:
    """Where the relative paths of a recipe start.

    Args:
        base: those of the recipe as a whole; an absolute path.
        of_files: those that are written in each of its files, by the file's name in positions.
    """

    base: str
    of_files: Mapping[str, str] = field(default_factory=dict)

    def rebase(self, text: str, where: Where) -> str:
        """A path written at a position, told from the base; symbolic links stay, ``~`` is a name like any other."""
        folder = os.getcwd() if where.line is None else self.of_files.get(where.source, self.base)
        if not is_relative(text) or folder == self.base:
            return text
        return os.path.relpath(os.path.join(folder, text), self.base)


def is_relative(text: str) -> bool:
    """Whether a path depends on where it starts; an empty text is none."""
    return bool(text) and not os.path.isabs(text)


def absolute(text: str, base: str) -> str:
    """The path told from a base, as a file is opened by."""
    return os.path.abspath(os.path.join(base, text)) if text else text


def shown_path(text: str, base: str) -> str:
    """The path as a person in the current directory types it; an absolute one as it is."""
    return os.path.relpath(os.path.join(base, text)) if is_relative(text) else text


def rebased(selection: Selection, root: MappingNode, place: Path, folders: Folders) -> Selection:
    """The selection with its paths told from the recipe's base, which it knows from now on.

    Args:
        selection: whose component is installed and whose options fit.
        root: the recipe's keys with their positions.
        place: where the selection stands.
        folders: where paths start.
    """
    options = _changed_options(selection, lambda text, path: folders.rebase(text, position(root, (*place, *path))))
    return replace(selection, options=options, base=folders.base)


def buildable_options(selection: Selection) -> dict[str, Any]:
    """The options as :func:`si_core.build` takes them: with absolute paths, and components that are selected named."""
    options = _changed_options(selection, lambda text, _: absolute(text, selection.base))
    return {name: _buildable(option) if isinstance(option, Selection) else option for name, option in options.items()}


def _buildable(nested: Selection) -> Any:
    return nested.instance if nested.in_memory else {"use": nested.qualified, **buildable_options(nested)}


def path_texts(selection: Selection) -> list[tuple[str, str]]:
    """Each path in the options, as the recipe has it, with the name of its option."""
    found: list[tuple[str, str]] = []

    def note(text: str, path: Path) -> str:
        found.append((str(path[0]), text))
        return text

    _changed_options(selection, note)
    return found


def all_paths(selection: Selection) -> list[str]:
    """Each path in the options of a selection and of those among them, as the recipe has it."""
    return [text for _, each in selection.with_nested() for _, text in path_texts(each)]


def changed_condition(condition: Any, change: _Change) -> Any:
    """``sample.condition`` with the names of its files changed: texts that end in ``.npy``."""
    if isinstance(condition, Mapping):
        return {name: _changed_file(value, (name,), change) for name, value in condition.items()}
    return _changed_file(condition, (), change)


def condition_files(condition: Any) -> list[str]:
    """The files that ``sample.condition`` names."""
    found: list[str] = []

    def note(text: str, path: Path) -> str:
        found.append(text)
        return text

    changed_condition(condition, note)
    return found


def _changed_file(value: Any, path: Path, change: _Change) -> Any:
    return change(value, path) if isinstance(value, str) and pathlib.Path(value).suffix == ".npy" else value


def _changed_options(selection: Selection, change: _Change) -> dict[str, Any]:
    """The options with each text that stands for a path changed; told the text and its place below the selection."""
    options = dict(selection.options)
    for name, annotation in _path_types(selection).items():
        options[name] = _changed(options[name], annotation, (name,), change)
    return options


def _path_types(selection: Selection) -> dict[str, Any]:
    """The types of the options that are given and hold paths."""
    if not selection.options:
        return {}
    cls, context = lookup.load(selection.kind, selection.qualified), KINDS[selection.kind].context
    return {
        parameter.name: parameter.annotation
        for parameter in parameters(cls, context)
        if parameter.name in selection.options and _holds_path(parameter.annotation)
    }


def _holds_path(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, pathlib.PurePath):
        return True
    arguments = get_args(annotation)
    inner = arguments[:1] if get_origin(annotation) is Annotated else arguments
    return any(_holds_path(argument) for argument in inner)


def _changed(value: Any, annotation: Any, path: Path, change: _Change) -> Any:
    """The value with the texts that stand for paths changed."""
    if isinstance(value, str):
        return change(value, path) if value and value not in _words(annotation) else value
    if isinstance(value, list):
        inner = _item_type(annotation)
        return [_changed(item, inner, (*path, index), change) for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        inner = _item_type(annotation)
        return {key: _changed(item, inner, (*path, key), change) for key, item in value.items()}
    return value


def _words(annotation: Any) -> tuple[Any, ...]:
    """Texts that a type names one by one, which are no paths: ``"none"`` in ``Path | Literal["none"]``."""
    arguments = get_args(annotation)
    return arguments if get_origin(annotation) is Literal else tuple(w for part in arguments for w in _words(part))


def _item_type(annotation: Any) -> Any:
    """The part of a type that holds the path: of ``list[Path] | None`` it is ``Path``, of ``dict[str, Path]`` too."""
    inner = next((argument for argument in get_args(annotation) if _holds_path(argument)), annotation)
    nested = get_origin(annotation) in (Annotated, Union, types.UnionType) and get_args(inner)
    return _item_type(inner) if nested else inner
