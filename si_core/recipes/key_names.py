"""The keys of recipes by their dotted names, read from the source of their models: without pydantic, in milliseconds.

For completion and for hints, which must answer while a key is pressed; what a recipe is checked by are the models
themselves (:mod:`si_core.recipes.sections`), and a test holds the two together.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from si_core.discovery.kinds import section_kinds
from si_core.discovery.source import SourceClass, find_class, find_value

__all__ = ["KeyName", "key_names"]

_HOME = "si_core.recipes.schema"


@dataclass(frozen=True)
class KeyName:
    """One key.

    Args:
        path: dotted, such as ``train.optimizer``.
        kind: of the components that are selected there; None for none.
        default: the component meant where ``use`` is left out.
        words: values that are named: true and false, or the names of a choice.
        listed: whether the value is a list, for which a single name does not stand.
    """

    path: str
    kind: str | None = None
    default: str | None = None
    words: tuple[str, ...] = ()
    listed: bool = False


def key_names() -> tuple[KeyName, ...]:
    """Every key that a recipe may have by itself, those of installed sections last; options of components apart."""
    sections = (KeyName(str(kind.section), kind.name, kind.default) for kind in section_kinds())
    return (*_own(), *sections)


@functools.cache
def _own() -> tuple[KeyName, ...]:
    found = find_class(_HOME, "Sections")
    return () if found is None else tuple(_keys(found, ""))


def _keys(section: SourceClass, before: str) -> Iterator[KeyName]:
    for field in section.fields():
        path = before + _alias(field)
        parts = list(_parts(field.annotation, section.module))
        selects = [each for each in parts if isinstance(each, ast.Call) and _name(each.func).startswith("Select")]
        texts = [_text(each) for call in selects for each in call.args]
        words = dict.fromkeys(word for each in parts for word in _words(each))
        # `use` of a choice is its name itself.
        if not (before and path.endswith(".use")):
            names = {_name(each.func if isinstance(each, ast.Call) else each) for each in parts}
            kind, default, *_ = (*texts, None, None)
            yield KeyName(path, kind, default, tuple(words), "list" in names and "OneOrMany" not in names)
        for each in parts:
            inner = find_class(section.module, each.id) if isinstance(each, ast.Name) else None
            if inner is not None and any(_name(base) == "Section" for base in inner.node.bases):
                yield from _keys(inner, f"{path}.")


def _alias(field: ast.AnnAssign) -> str:
    """The key of a field: another name where it has one."""
    keywords = field.value.keywords if isinstance(field.value, ast.Call) else []
    given = next((_text(each.value) for each in keywords if each.arg == "alias"), None)
    return given or _name(field.target)


def _parts(annotation: ast.expr, module: str) -> Iterator[ast.expr]:
    """Every expression in an annotation, that of a name which stands for a type in its place."""
    for node in ast.walk(annotation):
        if not isinstance(node, ast.expr):
            continue
        meant = find_value(module, node.id) if isinstance(node, ast.Name) else None
        if meant is None:
            yield node
        else:
            yield from _parts(meant[1], meant[0])


def _words(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Name) and node.id == "bool":
        yield from ("true", "false")
    named = isinstance(node, ast.Subscript) and _name(node.value) == "Literal"
    choice = isinstance(node, ast.Call) and (_name(node.func) == "OneOf" or _name(node.func).startswith("Select"))
    if named or choice:
        within: list[ast.expr] = [node.slice] if isinstance(node, ast.Subscript) else []
        if isinstance(node, ast.Call):
            within = node.args[:1] if _name(node.func) == "OneOf" else []
            within += [each.value for each in node.keywords if each.arg == "words"]
        texts = (_text(each) for one in within for each in ast.walk(one) if isinstance(each, ast.expr))
        yield from (text for text in texts if text is not None)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
