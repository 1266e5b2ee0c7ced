"""A source whose options say no shape takes that of its target; one that they say stays, and must be the target's."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

import si_core as si
from si_core.discovery.available import available
from si_core.discovery.lookup import load_class
from si_core.models.parts import build_process
from si_core.recipes.documents import MINIMAL

REQUIRED: dict[str, dict[str, Any]] = {"point-mass": {"point": 0.5}}
FIXED = {"gaussian": [{"dim": 5}, {"shape": [5]}, {"mean": [0.0] * 5}, {"covariance": [1.0] * 5}],
         "point-mass": [{"point": [0.0] * 5}]}  # fmt: skip
"""Options that say a shape, which is (5,)."""

TAKING = [
    found.component.name
    for found in available("distribution")
    if "default_shape" in inspect.signature(load_class(found).__init__).parameters
]


def test_these_take_any_shape() -> None:
    assert set(TAKING) >= set(FIXED)


@pytest.mark.parametrize("shape", [(1,), (7,), (3, 12, 16), (2, 2)])
@pytest.mark.parametrize("name", TAKING)
def test_the_shape_is_the_default_one(name: str, shape: tuple[int, ...]) -> None:
    law = si.build("distribution", name, default_shape=shape, **REQUIRED.get(name, {}))
    assert law.shape == shape
    assert law.sample(2).shape == (2, *shape)


@pytest.mark.parametrize(("name", "options"), [(name, options) for name in FIXED for options in FIXED[name]])
def test_an_option_wins(name: str, options: dict[str, Any]) -> None:
    assert si.build("distribution", name, default_shape=(3, 4), **options).shape == (5,)


@pytest.mark.parametrize(
    "target", ["two-moons", "{use: gaussian, shape: [3, 12, 16]}", "digits", "{use: gaussian, dim: 1}"]
)
@pytest.mark.parametrize("source", ["gaussian", "{use: gaussian, covariance: 2.0}", "{use: point-mass, point: 0}"])
def test_a_recipe_gives_the_target_s(source: str, target: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(f"source: {source}\ntarget: {target}\n", encoding="utf-8")
    recipe = si.load_recipe(tmp_path / "r.yaml")
    process = build_process(recipe)
    assert process.source.shape == process.target.shape
    assert "default_shape" not in recipe.dump(tmp_path)


@pytest.mark.parametrize("source", ["{use: gaussian, dim: 3}", "{use: gaussian, mean: [0, 0, 0]}", "digits"])
def test_another_shape_is_refused(source: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(f"source: {source}\ntarget: two-moons\n", encoding="utf-8")
    with pytest.raises(si.RecipeError, match=r"r\.yaml:1:\d+: source and target have different event shapes"):
        build_process(si.load_recipe(tmp_path / "r.yaml"))


def test_the_smallest_recipe_that_errors_show_can_be_built(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(MINIMAL, encoding="utf-8")
    assert build_process(si.load_recipe(tmp_path / "r.yaml")).shape == (2,)


def test_one_number_needs_a_shape() -> None:
    with pytest.raises(si.UsageError, match="at least one coordinate"):
        si.build("distribution", "point-mass", point=0.0)
