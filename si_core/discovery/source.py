"""Classes as their source says they are, for what must answer at once: nothing is imported, so torch is not either.

Completion in a shell asks this way for the options of components and the keys of recipes. What Python's grammar does
not tell (a class made by a function, a module that is compiled) is unknown here, never an error.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SourceClass", "find_class", "find_value", "source_options"]

_DEEPEST = 10
"""Imports and base classes that are followed, one after another."""


@dataclass(frozen=True)
class SourceClass:
    """A class and the module that defines it."""

    module: str
    node: ast.ClassDef

    def fields(self) -> Iterator[ast.AnnAssign]:
        """Its annotated names, in their order: the fields of a dataclass, or of a model of pydantic."""
        for each in self.node.body:
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                yield each


def source_options(target: str) -> tuple[str, ...]:
    """The names of the constructor's parameters of a component, in their order; none where they can't be told.

    Args:
        target: ``"module:Class"``.
    """
    module, _, name = target.partition(":")
    found = find_class(module, name)
    return () if found is None else tuple(dict.fromkeys(_constructor(found, _DEEPEST)))


def find_class(module: str, name: str) -> SourceClass | None:
    """The class that a module calls by this name, wherever it is defined."""
    found = _find(module, name, _DEEPEST)
    return SourceClass(found[0], found[1]) if found and isinstance(found[1], ast.ClassDef) else None


def find_value(module: str, name: str) -> tuple[str, ast.expr] | None:
    """What is assigned to this name of a module, as an expression, with the module where it stands."""
    found = _find(module, name, _DEEPEST)
    return (found[0], found[1]) if found and isinstance(found[1], ast.expr) else None


@functools.cache
def _find(module: str, name: str, depth: int) -> tuple[str, ast.ClassDef | ast.expr] | None:
    for node in _body(module):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return module, node
        if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in node.targets):
            return module, node.value
        if isinstance(node, ast.ImportFrom) and depth:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _find(_absolute(node, module), alias.name, depth - 1)
    return None


def _constructor(found: SourceClass, depth: int) -> Iterator[str]:
    """Parameters of ``__init__``; of a dataclass its fields, those of its bases first; else what the base has."""
    for node in found.node.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            yield from (each.arg for each in [*node.args.args[1:], *node.args.kwonlyargs])
            return
    bases = [each.id for each in found.node.bases if isinstance(each, ast.Name)] if depth else []
    for base in bases:
        parent = find_class(found.module, base)
        inherited = [] if parent is None else list(_constructor(parent, depth - 1))
        yield from inherited
        if inherited:
            break
    if any("dataclass" in ast.unparse(each) for each in found.node.decorator_list):
        for field in found.fields():
            kept = "ClassVar" not in ast.unparse(field.annotation) and "init=False" not in ast.unparse(field)
            if kept and isinstance(field.target, ast.Name):
                yield field.target.id


@functools.cache
def _body(module: str) -> tuple[ast.stmt, ...]:
    """The statements of a module, those for type checkers among them; none of one without source."""
    path = _path(module)
    try:
        tree = ast.parse(path.read_text(encoding="utf-8")) if path is not None else ast.Module([], [])
    except (OSError, SyntaxError, ValueError):
        return ()
    guarded = [each for node in tree.body if isinstance(node, ast.If) for each in node.body]
    return (*tree.body, *guarded)


def _path(module: str) -> Path | None:
    """The file of a module, by the folder of its package: to ask the import system would import its parents."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not spec.submodule_search_locations:
        return Path(spec.origin) if spec.origin and not rest else None
    for folder in spec.submodule_search_locations:
        place = Path(folder).joinpath(*rest)
        for path in (place / "__init__.py", place.with_suffix(".py") if rest else place / "__init__.py"):
            if path.is_file():
                return path
    return None


def _absolute(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    path = _path(module)
    own = module.split(".") if path is not None and path.name == "__init__.py" else module.split(".")[:-1]
    parts = own[: len(own) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])
