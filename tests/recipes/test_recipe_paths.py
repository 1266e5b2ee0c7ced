"""Paths stay as they were written, told from one base: through files, arguments, what is resolved, and moves."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from si_core.errors import RecipeError
from si_core.recipes.differences import recipe_differences
from si_core.recipes.loader import load_recipe
from si_core.recipes.paths import buildable_options

SOURCE = "source: {use: gaussian, dim: 2}\n"
PLUGIN = """
import pathlib
from typing import Literal
from si_core.contract.distribution import Distribution

class Files(Distribution):
    def __init__(self, path: pathlib.Path, more: list[pathlib.Path] | None = None,
                 named: dict[str, pathlib.Path] | None = None,
                 label: pathlib.Path | Literal["none"] = "none", title: str = "") -> None: ...
Files.__abstractmethods__ = frozenset()
"""


@pytest.fixture
def files(fakes, add_plugin):
    """A distribution with paths of every form."""
    listed = "Component('distribution', 'files', 'files_parts:Files', summary='made for tests')"
    entry = f"from si_core import Component, hookimpl\n@hookimpl\ndef si_components():\n    return [{listed}]\n"
    add_plugin("files", entry, files_parts=PLUGIN)
    yield
    sys.modules.pop("files_parts", None)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """``place(text, name, at)``: a recipe file below the project's folder, from where one goes to a folder."""

    def placed(text: str, name: str = "r.yaml", at: str = "project") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SOURCE + text if "extends" not in text else text, encoding="utf-8")
        (tmp_path / at).mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(tmp_path / at)
        return Path(os.path.relpath(path))

    return placed


def told(recipe):
    return recipe.resolved()["target"]


def opened(recipe):
    return {name: value for name, value in buildable_options(recipe.target).items() if name != "title"}


def test_paths_are_resolved_as_written_and_opened_beside_the_recipe(files, place, tmp_path):
    target = "{use: files, path: d/a.csv, more: [../b, /c], named: {x: e}, label: none, title: d/a.csv}"
    for at in ("project", "elsewhere/deep"):
        recipe = load_recipe(place(f"target: {target}\n", "project/r.yaml", at))
        assert recipe.base == tmp_path / "project"
        assert told(recipe) | {"use": ""} == {
            "use": "", "path": "d/a.csv", "more": ["../b", "/c"], "named": {"x": "e"}, "label": "none",
            "title": "d/a.csv",
        }  # fmt: skip
        assert opened(recipe) == {
            "path": str(tmp_path / "project/d/a.csv"), "more": [str(tmp_path / "b"), "/c"],
            "named": {"x": str(tmp_path / "project/e")}, "label": "none",
        }  # fmt: skip


def test_every_path_starts_where_it_is_written(files, place, tmp_path):
    place("target: {use: files, path: a, more: [b]}\nsample: {condition: {y: y.npy, k: z}}\n", "shared/base.yaml")
    top = place("extends: ../shared/base.yaml\ntarget: {label: l}\n", "project/r.yaml", "elsewhere")
    recipe = load_recipe(top, ["target.named={x: e}", "sample.condition.w=w.npy"])
    names = ("path", "more", "label", "named")
    assert [told(recipe)[name] for name in names] == ["../shared/a", ["../shared/b"], "l", {"x": "../elsewhere/e"}]
    assert recipe.resolved()["sample"]["condition"] == {"y": "../shared/y.npy", "k": "z", "w": "../elsewhere/w.npy"}
    assert opened(recipe)["path"] == str(tmp_path / "shared/a")
    assert recipe.condition["w"] == str(tmp_path / "elsewhere/w.npy")
    # One item of a list of another file.
    assert told(load_recipe(top, ["target.more.0=m"]))["more"] == ["../elsewhere/m"]


def test_a_file_may_say_where_its_paths_start(files, place, tmp_path):
    recipe = load_recipe(place("base: ../data\ntarget: {use: files, path: a}\n", "project/r.yaml"))
    assert (recipe.base, told(recipe)["path"]) == (tmp_path / "data", "a")
    assert "base" not in recipe.resolved()
    over = load_recipe(place("extends: r.yaml\n", "project/over.yaml"))
    assert (over.base, told(over)["path"]) == (tmp_path / "project", "../data/a")


@pytest.mark.parametrize("base", ["3", "[a]", "/data", "''"])
def test_a_base_that_is_none_is_refused(files, place, base):
    with pytest.raises(RecipeError, match=r"r\.yaml:2:7: 'base'"):
        load_recipe(place(f"base: {base}\ntarget: checkerboard\n", "project/r.yaml"))


def test_a_base_is_no_override(files, place):
    with pytest.raises(RecipeError, match="'base' can't be changed by an override"):
        load_recipe(place("target: checkerboard\n", "project/r.yaml"), ["base=.."])


@pytest.mark.parametrize("run", ["project/runs/r/1", "project", "out"])
@pytest.mark.parametrize("linked", [False, True])
def test_a_resolved_recipe_has_the_same_paths_from_any_folder(files, place, tmp_path, run, linked):
    recipe = load_recipe(place("target: {use: files, path: a, more: [../b]}\n", "project/r.yaml"))
    folder = tmp_path / run
    folder.mkdir(parents=True, exist_ok=True)
    if linked:
        (tmp_path / "link").symlink_to(folder)
        folder = tmp_path / "link"
    (folder / "resolved.yaml").write_text(recipe.dump(folder), encoding="utf-8")
    assert str(tmp_path) not in recipe.dump(folder)
    for path in (folder / "resolved.yaml", Path(os.path.relpath(folder.resolve())) / "resolved.yaml"):
        again = load_recipe(path)
        assert again.resolved() == recipe.resolved()
        assert (again.base, again.hash()) == (recipe.base, recipe.hash())
        assert opened(again) | opened(recipe) == opened(again)
        assert again.dump(folder) == recipe.dump(folder)


def test_a_recipe_without_relative_paths_says_nothing_of_a_base(files, place):
    assert "base" not in load_recipe(place("target: checkerboard\n")).dump()
    assert "base" not in load_recipe(place("target: {use: files, path: /data/a}\n")).dump()


def test_what_is_moved_as_a_whole_is_the_same(files, place, tmp_path):
    recipe = load_recipe(place("target: {use: files, path: a}\n", "one/project/r.yaml", "one"))
    (tmp_path / "one/project/run").mkdir()
    resolved = tmp_path / "one/project/run/resolved.yaml"
    resolved.write_text(recipe.dump(resolved.parent), encoding="utf-8")
    shutil.move(tmp_path / "one/project", tmp_path / "two")
    moved, kept = load_recipe(tmp_path / "two/r.yaml"), load_recipe(tmp_path / "two/run/resolved.yaml")
    assert kept.base == moved.base == tmp_path / "two"
    assert moved.hash() == kept.hash() == recipe.hash()
    assert recipe_differences(kept, moved) == recipe_differences(recipe, moved) == []
    assert opened(kept)["path"] == str(tmp_path / "two/a")


def test_one_place_in_other_words_is_no_difference(files, place, monkeypatch):
    place("target: checkerboard\n", "shared/r.yaml")
    over = ["target={use: files, path: a}"]
    first = load_recipe(place("extends: ../shared/r.yaml\n", "project/r.yaml"), over)
    other = load_recipe(place("extends: ../../shared/r.yaml\n", "project/sub/r.yaml"), over)
    assert told(first) != told(other)
    assert recipe_differences(first, other) == recipe_differences(other, first) == []
    monkeypatch.chdir("sub")
    third = load_recipe("../r.yaml", over)
    assert [key for key, _, _ in recipe_differences(first, third)] == ["target.path"]


def test_a_recipe_of_a_plugin_starts_at_the_current_directory(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe("board", {"target": {"use": "files", "path": Path("b")}})
    assert (recipe.base, told(recipe)["path"]) == (tmp_path, "b")
