"""Components among the options of components: named, owned, placed, checked and built like any other."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from si_core import UsageError, build
from si_core.cli.main import main
from si_core.errors import RecipeError
from si_core.models.parts import build_selection
from si_core.public.discovery import options_model
from si_core.recipes.differences import recipe_differences
from si_core.recipes.editor_schema import recipe_json_schema
from si_core.recipes.loader import load_recipe

ENDS = "source: {use: gaussian, dim: 2}\ntarget: checkerboard\n"
PLUGIN = """
import abc
import pathlib
from typing import Annotated
from pydantic import Field
from si_core import Coupling, Nested

class Operator(abc.ABC):
    pass

class Mask(Operator):
    def __init__(self, width: Annotated[int, Field(ge=1, le=9)] = 2, file: pathlib.Path | None = None) -> None:
        self.width, self.file = width, file

class Chain(Operator):
    def __init__(self, first: Annotated[Operator, Nested("operator")],
                 then: Annotated[Operator, Nested("operator")] | None = None) -> None:
        self.first, self.then = first, then

class Blind(Coupling):
    def __init__(self, operator: Annotated[Operator, Nested("operator")],
                 other: Annotated[Operator | None, Nested("operator")] = None, size: float = 1.0) -> None:
        self.operator, self.other, self.size = operator, other, size
    def pair(self, x0, x1, generator=None):
        return x0, x1
"""
ENTRY = """
from si_core import Component, Kind, hookimpl

@hookimpl
def si_kinds():
    return [Kind("operator", "nested_parts:Operator", "a map of events")]

@hookimpl
def si_components():
    return [Component("operator", "mask", "nested_parts:Mask", "hides"),
            Component("operator", "chain", "nested_parts:Chain", "one after the other"),
            Component("coupling", "blind", "nested_parts:Blind", "pairs with what is hidden")]
"""


@pytest.fixture
def parts(fakes, add_plugin):
    """The module of a plugin whose coupling is made of operators, one of which is made of others."""
    sys.modules.pop("nested_parts", None)
    add_plugin("nested", ENTRY, nested_parts=PLUGIN)
    import nested_parts  # type: ignore[import-not-found]

    yield nested_parts
    sys.modules.pop("nested_parts", None)


def made(recipe):
    return build_selection(recipe, "coupling", recipe.coupling)


def test_a_name_a_mapping_and_nothing(parts, write):
    bare = made(load_recipe(write(f"{ENDS}coupling: {{use: blind, operator: mask}}\n")))
    assert (type(bare.operator), bare.operator.width, bare.other) == (parts.Mask, 2, None)
    deep = "{use: chain, first: {use: mask, width: 3}, then: {use: si-nested/mask}}"
    found = made(load_recipe(write(f"{ENDS}coupling: {{use: blind, operator: {deep}, other: null}}\n")))
    assert (found.operator.first.width, type(found.operator.then), found.other) == (3, parts.Mask, None)


def test_what_is_resolved_names_owners_and_defaults_and_loads_again(parts, write):
    recipe = load_recipe(write(f"{ENDS}coupling: {{use: blind, operator: {{use: chain, first: mask}}}}\n"))
    assert recipe.resolved()["coupling"] == {
        "use": "si-nested/blind",
        "operator": {
            "use": "si-nested/chain",
            "first": {"use": "si-nested/mask", "width": 2, "file": None},
            "then": None,
        },
        "other": None,
        "size": 1.0,
    }
    again = load_recipe(write(recipe.dump(), "again.yaml"))
    assert again.resolved() == recipe.resolved()
    assert again.hash() == recipe.hash()
    chosen = {(each.kind, each.qualified) for each in recipe.selections()}
    assert {("operator", "si-nested/chain"), ("operator", "si-nested/mask")} < chosen


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("operator: {use: mask, width: 12}", ["r.yaml:3:53", "width", "12"]),
        ("operator: {use: mask, widht: 2}", ["unknown option 'widht'", "coupling.operator.widht", "'width'?"]),
        ("operator: {use: chain, first: {use: mask, width: x}}", ["coupling.operator.first.width"]),
        ("operator: {use: chain}", ["'first' is missing", "an operator"]),
        ("operator: maks", ["maks", "'mask'?"]),
        ("operator: 3", ["coupling.operator", "name of an operator"]),
        ("operator: {width: 3}", ["coupling.operator", "{use: name"]),
        ("operator: [mask]", ["coupling.operator", "name of an operator"]),
        ("size: 2.0", ["'operator' is missing"]),
    ],
)
def test_what_is_wrong_is_told_at_its_place(parts, write, text, found):
    with pytest.raises(RecipeError) as error:
        load_recipe(write(f"{ENDS}coupling: {{use: blind, {text}}}\n", "r.yaml"))
    for word in found:
        assert word in str(error.value)


def test_paths_within_start_at_the_recipe(parts, tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    text = f"{ENDS}coupling: {{use: blind, operator: {{use: chain, first: {{use: mask, file: m/a.npy}}}}}}\n"
    (tmp_path / "project" / "r.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe(Path("project/r.yaml"))
    assert recipe.paths == ("m/a.npy",)
    assert made(recipe).operator.first.file == tmp_path / "project" / "m" / "a.npy"
    (tmp_path / "r.yaml").write_text(recipe.dump(tmp_path), encoding="utf-8")
    moved = load_recipe(tmp_path / "r.yaml")
    assert os.path.samefile(made(moved).operator.first.file.parent.parent, tmp_path / "project")
    assert recipe_differences(recipe, moved) == []


def test_arguments_and_layers_reach_inside(parts, write):
    base = f"{ENDS}coupling: {{use: blind, operator: {{use: mask, width: 3}}}}\n"
    assert made(load_recipe(write(base), ["coupling.operator.width=4"])).operator.width == 4
    # Another component does not inherit the options of the one before.
    assert made(load_recipe(write(base), ["coupling.operator={use: chain, first: mask}"])).operator.then is None
    bare = write(f"{ENDS}coupling: {{use: blind, operator: mask}}\n", "bare.yaml")
    assert made(load_recipe(bare, ["coupling.operator.width=5"])).operator.width == 5
    layer = write("extends: bare.yaml\ncoupling: {operator: {use: chain, first: {use: mask, width: 6}}}\n", "top.yaml")
    assert made(load_recipe(layer)).operator.first.width == 6


def test_objects_in_memory_stand_there_and_are_asked_for_again(parts, write):
    mask = parts.Mask(width=7)
    data = {"source": {"use": "gaussian", "dim": 2}, "target": "checkerboard"}
    recipe = load_recipe({**data, "coupling": {"use": "blind", "operator": mask}})
    assert made(recipe).operator is mask
    written = recipe.dump()
    assert "in_memory: nested_parts.Mask" in written
    with pytest.raises(RecipeError, match=r"was an object in memory.*") as error:
        made(load_recipe(write(written, "again.yaml")))
    assert "coupling.operator" in str(error.value)
    assert made(load_recipe(write(written, "again.yaml"), {"coupling.operator": mask})).operator is mask
    with pytest.raises(RecipeError, match="no operator"):
        load_recipe({**data, "coupling": {"use": "blind", "operator": object()}})


def test_programs_build_them_too(parts):
    assert build("coupling", "blind", operator={"use": "mask", "width": 8}).operator.width == 8
    assert type(build("coupling", "blind", operator=parts.Mask(), other="mask").other) is parts.Mask
    with pytest.raises(UsageError, match="width"):
        build("coupling", "blind", operator={"use": "mask", "width": 80})
    with pytest.raises(UsageError, match="operator"):
        build("coupling", "blind", operator=3)


def test_schema_and_help_know_them(parts, capsys):
    schema = recipe_json_schema()
    titles = {choice.get("title"): choice for choice in schema["$defs"]["select-operator"]["anyOf"]}
    assert {"mask", "chain"} <= titles.keys()
    assert titles["mask"]["properties"]["width"]["maximum"] == 9
    assert titles["chain"]["properties"]["first"]["$ref"] == "#/$defs/select-operator"
    references = [item.rpartition("/")[2] for item in _values(schema, "$ref")]
    assert set(references) <= schema["$defs"].keys()
    assert not list(_values(schema, "x-select"))
    assert main(["show", "coupling", "blind"]) == 0
    assert "the name of an operator" in capsys.readouterr().out
    assert options_model(parts.Blind)(operator="mask")


def _values(node, key):
    """The values of a key at any depth."""
    if isinstance(node, dict):
        yield from [node[key]] if key in node else []
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        yield from _values(item, key)


def test_other_objects_among_options_are_refused(parts):
    data = {"source": {"use": "gaussian", "dim": 2}, "target": "checkerboard"}
    with pytest.raises(RecipeError, match=r"coupling\.size.*stands where no component does"):
        load_recipe({**data, "coupling": {"use": "blind", "operator": "mask", "size": object()}})
