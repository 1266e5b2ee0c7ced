"""A selection: the place in a recipe where an installed component is chosen by name.

Written as a bare name, or as a mapping with ``use`` and the component's options. A name is looked up among the
installed plugins and is never a path to import. A program may give the component itself, an object in memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from si_core.recipes.live import IN_MEMORY, Live

__all__ = ["NetworkSelection", "OneOf", "OneOrMany", "Select", "SelectNetwork", "Selection", "wrong"]


@dataclass(frozen=True)
class Selection:
    """A component chosen by a recipe.

    Args:
        kind: the kind, such as ``"latent"``.
        name: the component's name; ``distribution/name`` before the recipe is checked, where it says so.
        options: what the recipe says, without defaults; once the recipe is checked, what selects a component
            (:class:`si_core.Nested`) is a selection, too.
        where: ``file:line:column`` for later errors.
        distribution: whose component it is; known once the recipe is checked.
        in_memory: whether it is an object in memory, and ``name`` its class.
        instance: that object; None where a text was read, which says no more than that there was one.
        base: the folder where relative paths among the options start; empty for the current directory.
    """

    kind: str
    name: str
    options: dict[str, Any] = field(default_factory=dict)
    where: str = ""
    distribution: str = ""
    in_memory: bool = False
    instance: Any = field(default=None, compare=False)
    base: str = field(default="", compare=False, repr=False)

    @property
    def qualified(self) -> str:
        """The name to look up and to write down: ``distribution/name``, or as the recipe has it before the check."""
        return f"{self.distribution}/{self.name}" if self.distribution else self.name

    def plain(self) -> dict[str, Any]:
        """The selection as a recipe writes it."""
        return {self.key: self.qualified, **self.plain_options()}

    def with_nested(self) -> list[tuple[tuple[str, ...], Selection]]:
        """The selection and those among its options, at every depth, with the keys that lead to them."""
        found: list[tuple[tuple[str, ...], Selection]] = [((), self)]
        for name, option in self.options.items():
            if isinstance(option, Selection):
                found += [((name, *path), each) for path, each in option.with_nested()]
        return found

    def plain_options(self) -> dict[str, Any]:
        """The options as a recipe writes them."""
        return {
            name: option.plain() if isinstance(option, Selection) else option for name, option in self.options.items()
        }

    @property
    def key(self) -> str:
        """The key that says what is selected: ``use``, or ``in_memory``."""
        return IN_MEMORY if self.in_memory else "use"


@dataclass(frozen=True)
class NetworkSelection(Selection):
    """The network, with ``shared``: one trunk with a head per objective, or one network for each."""

    shared: bool = True

    def plain(self) -> dict[str, Any]:
        """The selection as a recipe writes it."""
        return {self.key: self.qualified, "shared": self.shared, **self.plain_options()}


def wrong(problem: str, *, key: str = "", allowed: str = "", fix: str = "") -> PydanticCustomError:
    """An error for a validator to raise; ``key`` names the key inside the value that is at fault."""
    return PydanticCustomError("recipe", "{problem}", {"problem": problem, "key": key, "allowed": allowed, "fix": fix})


@dataclass(frozen=True)
class Select:
    """Annotation of a field: a selection of this kind.

    Args:
        kind: the kind of component.
        default: the component meant where a mapping leaves out ``use``.
        number: whether a number >= 0 may stand there instead.
        words: names that the recipe itself gives a meaning; they stay text.
    """

    kind: str
    default: str | None = None
    number: bool = False
    words: tuple[str, ...] = ()

    def validate(self, value: Any) -> Any:
        """A :class:`Selection` (or a number) from plain data."""
        if isinstance(value, Selection):
            return value
        if self.number and isinstance(value, int | float) and not isinstance(value, bool):
            if not (math.isfinite(value) and value >= 0):
                raise wrong("is out of range", allowed=self.form)
            return float(value)
        if isinstance(value, str | Live):
            return value if value in self.words else self.make(value, {})
        if not isinstance(value, dict):
            raise wrong("has the wrong type", allowed=self.form)
        options = dict(value)
        if IN_MEMORY in value and "use" not in value:
            name = options.pop(IN_MEMORY)
            if not isinstance(name, str):
                raise wrong("has the wrong type", key=IN_MEMORY, allowed="the class of an object, as it was written")
            return self.make(name, options, in_memory=True)
        name = options.pop("use", self.default)
        if name is None and "use" not in value:
            raise wrong("is missing", key="use", allowed=self.name, fix="add `use: name`")
        if not isinstance(name, str | Live):
            raise wrong("has the wrong type", key="use", allowed=self.name)
        return self.make(name, options)

    @property
    def name(self) -> str:
        """What a bare name is, in words."""
        return f"the name of {'an' if self.kind[0] in 'aeiou' else 'a'} {self.kind}"

    @property
    def form(self) -> str:
        """What may stand there, in words."""
        words = f"{self.name}, or a mapping {{use: name, ...options}}"
        instead = [*(["a finite number >= 0"] if self.number else []), *self.words]
        return f"{', '.join(instead)}, or {words}" if instead else words

    def make(self, name: str | Live, options: dict[str, Any], in_memory: bool = False) -> Selection:
        """The selection from its parts: a name with options, or an object (or its class) without."""
        return Selection(self.kind, **_named(name, options, in_memory))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: value.plain() if isinstance(value, Selection) else value
            ),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # The core knows no components: whoever prints the schema fills in what is installed.
        place = {"x-select": self.kind, "x-default": self.default, "x-form": Select(self.kind).form}
        instead: list[dict[str, Any]] = [{"type": "number", "minimum": 0}] if self.number else []
        instead += [{"enum": list(self.words)}] if self.words else []
        return {"anyOf": [*instead, place]} if instead else place


@dataclass(frozen=True)
class SelectNetwork(Select):
    """Annotation of the network: its key ``shared`` is the recipe's own, no option of the component."""

    def make(self, name: str | Live, options: dict[str, Any], in_memory: bool = False) -> Selection:
        """The selection from its parts."""
        shared = options.pop("shared", True)
        if not isinstance(shared, bool):
            raise wrong("has the wrong type", key="shared", allowed="true or false")
        return NetworkSelection(self.kind, **_named(name, options, in_memory), shared=shared)


def _named(name: str | Live, options: dict[str, Any], in_memory: bool) -> dict[str, Any]:
    """What a selection says of its component."""
    if options and (isinstance(name, Live) or in_memory):
        raise wrong("stands beside an object in memory, which takes no options", key=next(iter(options)))
    if isinstance(name, Live):
        return {"name": name.path, "options": {}, "in_memory": True, "instance": name.value}
    return {"name": name, "options": options, "in_memory": in_memory}


@dataclass(frozen=True)
class OneOf:
    """Annotation of a closed choice between models told apart by ``use``; a bare name is one with its defaults."""

    names: tuple[str, ...]
    default: str

    def prepare(self, value: Any) -> Any:
        """The value with its ``use``."""
        if isinstance(value, str):
            return {"use": value}
        return {"use": self.default, **value} if isinstance(value, dict) else value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.prepare, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.names)}, handler(schema)]}


@dataclass(frozen=True)
class OneOrMany:
    """Annotation of a list of selections for which a single one may stand; the loader makes it a list."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler(source)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        whole = handler(schema)
        choices = whole.get("oneOf", [whole])
        return {"anyOf": [*(choice["items"] for choice in choices if "items" in choice), *choices]}
