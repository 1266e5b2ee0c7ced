"""The whole recipe: the core's own keys, and the sections of those kinds in the table that own one.

A section holds one selection, or a list; of a list a single selection is one of length 1. Which sections there are
depends on what is installed, so the model is made when it is asked for, once for each set of kinds.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

from pydantic import Field, create_model

from si_core.discovery.kind import Kind
from si_core.discovery.kinds import section_kinds
from si_core.recipes.descriptions import NO_BOOLS
from si_core.recipes.live import Live
from si_core.recipes.nodes import Entry, Mapping, Scalar, Sequence
from si_core.recipes.schema import Sections
from si_core.recipes.selection import OneOf, OneOrMany, Select, Selection
from si_core.recipes.training import Section

__all__ = ["default_use", "listed", "sections_model"]

_MOST = 100
"""Selections in one section."""


def sections_model() -> type[Sections]:
    """The model of a recipe, with the sections of the kinds that are installed."""
    return _model(section_kinds())


def default_use(path: tuple[str | int, ...]) -> str | None:
    """The component meant at this place where ``use`` is left out; empty for none, None where nothing is selected."""
    place = tuple("*" if isinstance(part, int) else part for part in path)
    return _places(sections_model()).get(place)


def listed(root: Mapping) -> Mapping:
    """The keys with a single selection that stands for a list made a list of one, and nothing an empty one."""
    return _listed(root, sections_model())


def _listed(root: Mapping, section: type[Section]) -> Mapping:
    entries = dict(root.entries)
    for key, field in section.model_fields.items():
        entry = entries.get(key)
        inner = field.annotation
        if entry is not None and isinstance(inner, type) and issubclass(inner, Section):
            if isinstance(entry.node, Mapping):
                entries[key] = Entry(entry.where, _listed(entry.node, inner))
            continue
        if entry is None or not any(isinstance(mark, OneOrMany) for mark in field.metadata):
            continue
        node = entry.node
        name = node.value if isinstance(node, Scalar) else None
        named = isinstance(name, Live) or (isinstance(name, str) and name.lower() not in NO_BOOLS)
        if isinstance(node, Mapping) or named:
            entries[key] = Entry(entry.where, Sequence(node.where, [node]))
        elif isinstance(node, Scalar) and node.value is None:
            entries[key] = Entry(entry.where, Sequence(node.where))
    return Mapping(root.where, entries)


class _OpenSections(Sections):
    """Sections of a set of kinds; pickled by the kinds, as no module holds the class."""

    kinds: ClassVar[tuple[Kind, ...]] = ()

    def __reduce__(self) -> Any:
        return _blank, (self.kinds,), self.__getstate__()


def _blank(kinds: tuple[Kind, ...]) -> Sections:
    model = _model(kinds)
    return model.__new__(model)


@functools.cache
def _model(kinds: tuple[Kind, ...]) -> type[Sections]:
    fields: dict[str, Any] = {str(kind.section): _field(kind) for kind in kinds}
    model: type[_OpenSections] = create_model("Sections", __base__=_OpenSections, __doc__=Sections.__doc__, **fields)
    model.kinds = kinds
    return model


def _field(kind: Kind) -> tuple[Any, Any]:
    one = Annotated[Selection, Select(kind.name, kind.default)]
    if kind.many:
        many = Annotated[list[one], Field(max_length=_MOST), OneOrMany()]
        return many, Field(default=[], description=kind.summary)
    return one | None, Field(default=None, description=kind.summary)


@functools.cache
def _places(section: type[Section], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """All places of selections, ``*`` for the index of a list, with their defaults."""
    found: dict[tuple[str, ...], str] = {}
    for name, field in section.model_fields.items():
        here = (*path, name)
        one_or_many = any(isinstance(mark, OneOrMany) for mark in field.metadata)
        for mark, several in _marks(field.annotation, field.metadata):
            if isinstance(mark, Select | OneOf):
                found |= {(*here, "*") if several else here: mark.default or ""}
                found |= {here: mark.default or ""} if one_or_many else {}
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            found |= _places(field.annotation, here)
    return found


def _marks(annotation: Any, metadata: Iterable[Any] = (), several: bool = False) -> Iterator[tuple[Any, bool]]:
    """The marks of a field, each with whether it is of the items of a list."""
    yield from ((mark, several) for mark in metadata)
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        yield from _marks(inner, marks, several)
    elif get_origin(annotation) in (list, Union, types.UnionType):
        for part in get_args(annotation):
            yield from _marks(part, (), several or get_origin(annotation) is list)
