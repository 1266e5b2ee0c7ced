"""Options of a component, checked against its constructor.

The constructor's keyword parameters become a pydantic model: unknown keys are refused, and numbers mean what they
say (no NaN or infinity, no bool or text for a number, no 1.5 for a whole number), while an integer may stand for a
float and a list for a tuple, as in any recipe. The same model gives the JSON schema.

pydantic is imported here, and so only when a component is built or shown.
"""

from __future__ import annotations

import collections.abc
import enum
import math
import types
import typing
import warnings
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pydantic
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticCustomError, PydanticOmit

from si_core.discovery.option_problems import OptionProblem, problems_from
from si_core.discovery.parameters import REQUIRED, Parameter, further_options, parameters
from si_core.errors import PluginError, UsageError

__all__ = ["OptionProblem", "option_problems", "options_model", "options_schema", "validate_options"]

_CONFIG = pydantic.ConfigDict(
    extra="forbid", strict=True, allow_inf_nan=False, arbitrary_types_allowed=True, protected_namespaces=()
)
_LENIENT = (list, tuple, set, frozenset)


def options_model(cls: type[Any], context: Collection[str] = ()) -> type[pydantic.BaseModel]:
    """Return the pydantic model of a component's options.

    Args:
        cls: the component's class.
        context: names of constructor parameters that the builder supplies; no options.

    Raises:
        PluginError: the constructor has ``*args``, or a parameter (``**kwargs`` included) without a usable type.
    """
    component: Any = cls  # mypy doesn't take a class for hashable
    return _model(component, tuple(sorted(context)))


def options_schema(cls: type[Any], context: Collection[str] = ()) -> dict[str, Any]:
    """Return the JSON schema of a component's options: types, defaults, ranges and descriptions.

    Types that a recipe can't express (a tensor) are left out of it.
    """
    component: Any = cls
    return _schema(component, tuple(sorted(context)))


def option_problems(cls: type[Any], options: Mapping[str, Any], context: Collection[str] = ()) -> list[OptionProblem]:
    """Return everything that is wrong with ``options``; empty if they can be used.

    Each problem names the path of the key, so that a recipe loader can say where in the file it stands.
    """
    return _check(cls, options, context)[1]


def validate_options(
    cls: type[Any], options: Mapping[str, Any], where: str | None = None, context: Collection[str] = ()
) -> dict[str, Any]:
    """Return ``options`` in the types of the constructor (a list as tuple, an integer as float).

    Defaults are not filled in: they stay the constructor's.

    Args:
        cls: the component's class.
        options: values by name.
        where: place named by the error, by default the class.
        context: names of constructor parameters that the builder supplies.

    Raises:
        UsageError: a missing, unknown or wrong option; all of them are named.
    """
    values, problems = _check(cls, options, context)
    if not problems:
        return values
    where = where or cls.__name__
    if len(problems) > 1:
        raise UsageError("; ".join(map(str, problems)), where=where)
    only = problems[0]
    raise UsageError(only.problem, where=where, got=only.got, allowed=only.allowed, fix=only.fix)


def _check(
    cls: type[Any], options: Mapping[str, Any], context: Collection[str]
) -> tuple[dict[str, Any], list[OptionProblem]]:
    model = options_model(cls, context)
    try:
        checked = model.model_validate(dict(options))
    except pydantic.ValidationError as error:
        found = error.errors(include_url=False, include_context=True)
        return {}, problems_from(found, options, options_schema(cls, context))
    return {name: getattr(checked, name) for name in options}, []


@cache
def _model(cls: Any, context: tuple[str, ...]) -> type[pydantic.BaseModel]:
    fields: dict[str, Any] = {}
    for parameter in parameters(cls, context):
        fields[parameter.name] = (_readable(parameter.annotation), _field(parameter))
    further = further_options(cls)
    base: dict[str, Any] = {"__config__": _CONFIG}
    if further is not None:
        base = {"__base__": _open_to(_readable(further))}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an option may be called 'copy', a method of models
            return pydantic.create_model(cls.__name__, __doc__=cls.__doc__ or "", **base, **fields)
    except Exception as error:  # pydantic refuses in many ways what it can't express
        raise PluginError(
            f"the constructor of {cls.__module__}.{cls.__qualname__} has types that can't be options: {error}",
            fix="report it to the plugin's authors",
        ) from error


def _open_to(annotation: Any) -> type[pydantic.BaseModel]:
    """A model that takes keys of any other name, with values of this type."""
    namespace = {
        "model_config": pydantic.ConfigDict(**{**_CONFIG, "extra": "allow"}),
        "__annotations__": {"__pydantic_extra__": dict[str, annotation]},
        "__module__": __name__,
    }
    return types.new_class("_Open", (pydantic.BaseModel,), exec_body=lambda body: body.update(namespace))


def _field(parameter: Parameter) -> Any:
    description = parameter.description or None
    if parameter.factory is not None:
        return pydantic.Field(default_factory=parameter.factory, description=description)
    if parameter.default is REQUIRED:
        return pydantic.Field(description=description)
    return pydantic.Field(default=parameter.default, description=description)


def _readable(annotation: Any) -> Any:
    """Return the type that accepts what a recipe can write: lists for tuples, text for paths, no bool for 1."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return Annotated[(_readable(arguments[0]), *arguments[1:])]
    if origin is Literal:
        return Annotated[annotation, pydantic.BeforeValidator(_same_type_as(arguments))]
    if origin in (Union, types.UnionType):
        return Union[tuple(_readable(argument) for argument in arguments)]  # noqa: UP007 - built at run time
    if origin in (*_LENIENT, dict, collections.abc.Sequence, collections.abc.Mapping) and arguments:
        annotation = origin[tuple(_readable(argument) for argument in arguments)]
    lenient = (origin or annotation) in _LENIENT
    if lenient or (isinstance(annotation, type) and issubclass(annotation, Path | enum.Enum)):
        return Annotated[annotation, pydantic.Strict(False)]
    return annotation


def _same_type_as(choices: tuple[Any, ...]) -> typing.Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) not in {type(choice) for choice in choices} and not isinstance(value, enum.Enum):
            raise PydanticCustomError("literal_error", "Input is none of the choices")
        return value

    return check


class _RecipeSchema(GenerateJsonSchema):
    """A schema without what YAML and JSON have no words for."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        raise PydanticOmit

    def encode_default(self, dft: Any) -> Any:
        encoded = super().encode_default(dft)
        return str(encoded) if isinstance(encoded, float) and not math.isfinite(encoded) else encoded


@cache
def _schema(cls: Any, context: tuple[str, ...]) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pydantic.json_schema.PydanticJsonSchemaWarning)  # a default that is no JSON
        return _model(cls, context).model_json_schema(schema_generator=_RecipeSchema)
