"""Options: what a constructor's types accept, and how each mistake is told."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import Field

from si_core.discovery.docstrings import argument_descriptions, without_arguments
from si_core.discovery.options import option_problems, options_model, options_schema, validate_options
from si_core.discovery.schema_text import allowed_text
from si_core.errors import PluginError, UsageError

if TYPE_CHECKING:
    from somewhere import Event

Positive = Annotated[float, Field(gt=0, le=10)]


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Solver:
    """A solver with one option of each type.

    More about it.

    Args:
        steps: number of steps,
            at least one.
        rate (float): the rate: a number.

    Raises:
        Nothing: ever.
    """

    def __init__(
        self,
        steps: Annotated[int, Field(ge=1)] = 100,
        rate: Positive = 1.0,
        seed: int | None = None,
        mode: Literal["fast", "slow"] = "fast",
        order: Literal[1, 2] = 1,
        widths: list[int] | None = None,
        span: tuple[float, float] = (0.0, 1.0),
        means: Sequence[Sequence[float]] = (),
        stages: tuple[int, ...] = (),
        title: str = "",
        file: Path = Path("x.npy"),
        exact: bool = False,
        scale: float | Literal["auto"] | list[float] = 1.0,
        colour: Colour = Colour.RED,
        weights: dict[str, float] | None = None,
        copy: float = math.inf,
        *,
        shape: Event = None,
    ) -> None: ...


GOOD: list[tuple[str, Any, Any]] = [
    ("steps", 5, 5),
    ("rate", 1e-4, 1e-4),
    ("rate", 3, 3.0),
    ("seed", None, None),
    ("seed", 7, 7),
    ("mode", "slow", "slow"),
    ("order", 2, 2),
    ("widths", [1, 2], [1, 2]),
    ("widths", (1, 2), [1, 2]),
    ("span", [0, 1], (0.0, 1.0)),
    ("means", [[1, 2.5], (3, 4)], [[1.0, 2.5], (3.0, 4.0)]),
    ("stages", [1, 2, 3], (1, 2, 3)),
    ("title", "x", "x"),
    ("file", "a/b.npy", Path("a/b.npy")),
    ("exact", True, True),
    ("scale", "auto", "auto"),
    ("scale", [1, 2.5], [1.0, 2.5]),
    ("colour", "blue", Colour.BLUE),
    ("weights", {"a": 1}, {"a": 1.0}),
    ("copy", 2.0, 2.0),
]

BAD: list[tuple[str, Any, tuple[str | int, ...], str]] = [
    ("steps", 1.5, ("steps",), "a whole number >= 1"),
    ("steps", 1.0, ("steps",), "a whole number >= 1"),
    ("steps", True, ("steps",), "a whole number >= 1"),
    ("steps", "5", ("steps",), "a whole number >= 1"),
    ("steps", -1, ("steps",), "a whole number >= 1"),
    ("steps", [5], ("steps",), "a whole number >= 1"),
    ("steps", None, ("steps",), "a whole number >= 1"),
    ("rate", True, ("rate",), "a finite number > 0 and <= 10"),
    ("rate", "1e-4", ("rate",), "a finite number > 0 and <= 10"),
    ("rate", math.nan, ("rate",), "a finite number > 0 and <= 10"),
    ("rate", math.inf, ("rate",), "a finite number > 0 and <= 10"),
    ("rate", 0, ("rate",), "a finite number > 0 and <= 10"),
    ("rate", 11, ("rate",), "a finite number > 0 and <= 10"),
    ("rate", 10**400, ("rate",), "a finite number > 0 and <= 10"),
    ("seed", False, ("seed",), "a whole number, or null"),
    ("seed", 1.5, ("seed",), "a whole number, or null"),
    ("mode", "fsat", ("mode",), "one of 'fast', 'slow'"),
    ("mode", 1, ("mode",), "one of 'fast', 'slow'"),
    ("order", True, ("order",), "one of 1, 2"),
    ("order", 1.0, ("order",), "one of 1, 2"),
    ("order", 3, ("order",), "one of 1, 2"),
    ("widths", 3, ("widths",), "a list, each a whole number, or null"),
    ("widths", [1, 2.5], ("widths", 1), "a whole number"),
    ("widths", [True], ("widths", 0), "a whole number"),
    ("widths", "12", ("widths",), "a list, each a whole number, or null"),
    ("span", [0], ("span",), "a list [a finite number, a finite number]"),
    ("span", [0, 1, 2], ("span",), "a list [a finite number, a finite number]"),
    ("span", [0, math.nan], ("span", 1), "a finite number"),
    ("means", [[1], ["a"]], ("means", 1, 0), "a finite number"),
    ("means", "ab", ("means",), "a list, each a list, each a finite number"),
    ("stages", [1, "2"], ("stages", 1), "a whole number"),
    ("title", 3, ("title",), "text"),
    ("title", None, ("title",), "text"),
    ("file", 3, ("file",), "a path"),
    ("exact", 1, ("exact",), "true or false"),
    ("exact", "true", ("exact",), "true or false"),
    ("scale", "atuo", ("scale",), "a finite number, or 'auto', or a list, each a finite number"),
    ("scale", True, ("scale",), "a finite number, or 'auto', or a list, each a finite number"),
    ("scale", [1, math.inf], ("scale", 1), "a finite number"),
    ("colour", "green", ("colour",), "one of 'red', 'blue'"),
    ("weights", {"a": "b"}, ("weights", "a"), "a finite number"),
    ("weights", [1], ("weights",), "a mapping, or null"),
]


@pytest.mark.parametrize(("name", "value", "expected"), GOOD)
def test_accepted(name, value, expected):
    (result,) = validate_options(Solver, {name: value}, context=("shape",)).values()
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(("name", "value", "path", "allowed"), BAD)
def test_refused_with_place_value_and_what_is_allowed(name, value, path, allowed):
    (problem,) = option_problems(Solver, {name: value}, ("shape",))
    assert problem.path == path
    assert problem.allowed == allowed
    assert problem.got
    with pytest.raises(UsageError, match=name) as caught:
        validate_options(Solver, {name: value}, "r.yaml:3:5", ("shape",))
    assert str(caught.value).startswith("r.yaml:3:5: ")


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({"seeed": 3}, "did you mean 'seed'?"),
        ({"mode": "fsat"}, "did you mean 'fast'?"),
        ({"scale": "atuo"}, "did you mean 'auto'?"),
        ({"zebra": 1}, None),
    ],
)
def test_suggestions(options, fix):
    (problem,) = option_problems(Solver, options, ("shape",))
    assert problem.fix == fix


@pytest.mark.parametrize("key", ["_target_", "class_path", "use", "shape", "__init__", "self"])
def test_keys_that_import_or_belong_to_the_builder_are_unknown(key):
    (problem,) = option_problems(Solver, {key: "os.system"}, ("shape",))
    assert problem.problem == f"unknown option {key!r}"
    assert "steps, rate" in (problem.allowed or "")


def test_all_problems_are_told_at_once():
    problems = option_problems(Solver, {"steps": 0, "nope": 1, "span": ["a", "b"]}, ("shape",))
    assert {problem.path for problem in problems} == {("steps",), ("nope",), ("span", 0), ("span", 1)}
    with pytest.raises(UsageError) as caught:
        validate_options(Solver, {"steps": 0, "nope": 1}, context=("shape",))
    assert "'steps'" in str(caught.value)
    assert "'nope'" in str(caught.value)


def test_values_in_errors_are_short_and_typed():
    (huge,) = option_problems(Solver, {"steps": -(10**5000)}, ("shape",))
    assert huge.got == "an integer of 16610 bits (int)"
    (long,) = option_problems(Solver, {"steps": "x" * 500}, ("shape",))
    assert len(long.got or "") < 100
    (flag,) = option_problems(Solver, {"steps": True}, ("shape",))
    assert flag.got == "true (bool)"


class Needs:
    """Needs one.

    Args:
        file: the data.
    """

    def __init__(self, file: str, pair: tuple[int, int] = (1, 2)) -> None: ...


def test_missing_option_repeats_its_description():
    (problem,) = option_problems(Needs, {})
    assert problem.problem == "option 'file' is missing"
    assert problem.fix == "add file: the data."
    assert problem.got is None


def test_schema_holds_types_defaults_and_descriptions():
    schema = options_schema(Solver, ("shape",))
    properties = schema["properties"]
    assert "shape" not in properties
    assert schema["additionalProperties"] is False
    assert properties["steps"]["default"] == 100
    assert properties["steps"]["description"] == "number of steps, at least one."
    assert properties["rate"]["description"] == "the rate: a number."
    assert properties["copy"]["default"] == "inf"
    assert allowed_text(properties["colour"], schema) == "one of 'red', 'blue'"
    assert options_schema(Needs)["required"] == ["file"]


def test_model_is_made_once():
    assert options_model(Solver, ["shape"]) is options_model(Solver, ("shape",))


def test_docstring_is_split():
    assert without_arguments(Solver).startswith("A solver with one option of each type.\n\nMore about it.")
    assert "steps" not in without_arguments(Solver)
    assert set(argument_descriptions(Solver)) == {"steps", "rate"}


class Base:
    """A base.

    Args:
        scale: of the base.
    """


@dataclass
class Record(Base):
    """A dataclass.

    Args:
        widths: of the layers.
    """

    widths: list[int] = dataclasses.field(default_factory=lambda: [8, 8])
    scale: float = 1.0


def test_dataclass_with_a_factory():
    schema = options_schema(Record)
    assert schema["properties"]["widths"]["description"] == "of the layers."
    assert schema["properties"]["scale"]["description"] == "of the base."
    assert "required" not in schema
    assert validate_options(Record, {}) == {}
    assert validate_options(Record, {"widths": [1]}) == {"widths": [1]}


class Plain:
    pass


class Star:
    def __init__(self, *values: int) -> None: ...


class Open:
    def __init__(self, **options) -> None: ...  # type: ignore[no-untyped-def]


class Bare:
    def __init__(self, scale=1.0) -> None: ...  # type: ignore[no-untyped-def]


class Lost:
    def __init__(self, scale: Event = 1.0) -> None: ...


class Positional:
    def __init__(self, scale: float, /) -> None: ...


def test_class_without_constructor_has_no_options():
    (problem,) = option_problems(Plain, {"a": 1})
    assert problem.allowed == "no options"


def test_torch_module_without_constructor_has_no_options():
    import torch

    class Layer(torch.nn.Module): ...

    assert options_schema(Layer)["properties"] == {}


@pytest.mark.fault(66)
@pytest.mark.parametrize(
    ("cls", "words"),
    [(Star, "'*values'"), (Open, "'**options'"), (Bare, "'scale'"), (Lost, "Event"), (Positional, "scale")],
)
def test_constructor_whose_options_cannot_be_told_is_the_plugins_fault(cls, words):
    with pytest.raises(PluginError) as caught:
        options_model(cls)
    assert words in str(caught.value)
    assert cls.__name__ in str(caught.value)


class Further:
    def __init__(self, most: int = 3, **axes: list[float]) -> None: ...


def test_typed_keyword_arguments_take_options_of_any_other_name():
    given = {"latent.scale": [1, 2.5], "most": 4}
    assert validate_options(Further, given) == {"latent.scale": [1.0, 2.5], "most": 4}
    (problem,) = option_problems(Further, {"latent.scale": "x"})
    assert problem.path == ("latent.scale",)
    assert option_problems(Further, {"most": [1]})[0].path == ("most",)
    assert options_schema(Further)["additionalProperties"]["type"] == "array"


class Opaque:
    def __init__(self, value: list[float] | Plain, other: Plain | None = None) -> None: ...


def test_python_objects_are_accepted_in_calls_and_left_out_of_the_schema():
    thing = Plain()
    assert validate_options(Opaque, {"value": thing})["value"] is thing
    schema = options_schema(Opaque)
    assert allowed_text(schema["properties"]["value"]) == "a list, each a finite number"
    assert option_problems(Opaque, {"value": "x"})[0].path == ("value",)
