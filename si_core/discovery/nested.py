"""Components as options of components: ``operator: Annotated[Operator, si.Nested("operator")]``.

A recipe selects one as anywhere, by a name or a mapping ``{use: name, ...options}``; a program may give the object.
The constructor gets the component itself.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from si_core.discovery.parameters import parameters

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["CHECKED", "Nested", "nested_options", "use_and_options"]

CHECKED: Any = object()
"""Stands for a nested selection where the options around it are checked, and it is checked by itself."""


@dataclass(frozen=True)
class Nested:
    """Annotation of a constructor's parameter: a component of this kind.

    ``Annotated[Operator, Nested("operator")]``, and ``Annotated[Operator, Nested("operator")] | None`` where there need
    not be one. A default is None or a text, the component's qualified name.

    Args:
        kind: the kind of component.
    """

    kind: str

    @property
    def form(self) -> str:
        """What a recipe may write, in words."""
        return f"the name of {'an' if self.kind[0] in 'aeiou' else 'a'} {self.kind}, or a mapping {{use: name, ...}}"

    def _validate(self, value: Any, functions: bool = False) -> Any:
        from pydantic_core import PydanticCustomError

        from si_core.discovery.lookup import interface_of

        selected = isinstance(value, str) or (isinstance(value, Mapping) and isinstance(value.get("use"), str))
        given = isinstance(value, interface_of(self.kind)) or (functions and callable(value))
        if value is CHECKED or selected or given:
            return value
        raise PydanticCustomError("nested", "{form}", {"form": self.form})

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        # Where the annotation has functions beside the component, Python may give one.
        functions = any(get_origin(part) is Callable for part in get_args(source))
        own = core_schema.no_info_plain_validator_function(
            partial(self._validate, functions=functions),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value),
        )
        return core_schema.nullable_schema(own) if type(None) in get_args(source) else own

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # Discovery knows no recipes: whoever prints the schema fills in what is installed.
        place = {"x-select": self.kind, "x-default": None, "x-form": self.form}
        return {"anyOf": [place, {"type": "null"}]} if schema["type"] == "nullable" else place


def nested_options(cls: type[Any], context: Collection[str] = ()) -> dict[str, str]:
    """The options of a component class that are components themselves, with their kinds."""
    kinds = {parameter.name: _kind_in(parameter.annotation) for parameter in parameters(cls, context)}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def _kind_in(annotation: Any) -> str | None:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return next((mark.kind for mark in arguments[1:] if isinstance(mark, Nested)), _kind_in(arguments[0]))
    if origin in (Union, types.UnionType):
        return next((kind for kind in map(_kind_in, arguments) if kind is not None), None)
    return None


def use_and_options(value: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name and the options of what a text or a mapping selects."""
    if isinstance(value, str):
        return value, {}
    return value["use"], {key: option for key, option in value.items() if key != "use"}
