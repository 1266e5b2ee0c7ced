"""Grids: axes from texts, dictionaries and recipes; every mistake with its position."""

from __future__ import annotations

from typing import Any

import pytest

from si_core import load_recipe
from si_core.errors import RecipeError
from si_core.recipes.nodes import plain
from si_sweeps.axes import combinations, joined, parse_axes, recipe_axes
from si_sweeps.plan import plan_sweep

TINY = """\
source: {use: gaussian, dim: 2}
target: two-moons
latent: brownian
objectives: [velocity, denoiser]
network: mlp
"""


@pytest.mark.parametrize(
    ("text", "key", "values"),
    [
        ("sample.epsilon=0,0.5,1e-3", "sample.epsilon", [0, 0.5, 0.001]),
        ("seed=7", "seed", [7]),
        ("latent.scale=[1, 2]", "latent.scale", [1, 2]),
        ("latent=none,{use: brownian, scale: 2}", "latent", ["none", {"use": "brownian", "scale": 2}]),
        ("train.optimizer.betas=[[0.9, 0.99]]", "train.optimizer.betas", [[0.9, 0.99]]),
        ("objectives=[velocity],[velocity, score]", "objectives", [["velocity"], ["velocity", "score"]]),
        ("source=null,gaussian", "source", [None, "gaussian"]),
        ("train.ema=null,0.9,", "train.ema", [None, 0.9]),
        ("report=true,1", "report", [True, 1]),
        ("title='a, b',c", "title", ["a, b", "c"]),
    ],
)
def test_a_text_is_a_list_without_its_brackets(text: str, key: str, values: list[Any]) -> None:
    (axis,) = parse_axes([text])
    assert axis.key == key
    assert axis.values == values
    assert [type(value) for value in axis.values] == [type(value) for value in values]
    (same,) = parse_axes({key: values})
    assert same.values == values


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["seed"], ["argument 1 'seed'", "KEY=VALUE"]),
        (["seed=1", "seed=2"], ["argument 2 'seed=2'", "given twice", "argument 1 'seed=1'"]),
        (["seed="], ["argument 1 'seed='", "no value"]),
        (["seed=[]"], ["argument 1 'seed=[]'", "at least one value"]),
        (["seed=1,2,1"], ["argument 1 'seed=1,2,1'", "stands twice", "got 1"]),
        (["seed=1,,2"], ["argument 1 'seed=1,,2'"]),
        (["seed=1], [2"], ["argument 1 'seed=1], [2'"]),
        (["seed=1 # 2"], ["argument 1 'seed=1 # 2'"]),
        (["seed=&a 1,*a"], ["argument 1 'seed=&a 1,*a'"]),
        ([".seed=1"], ["argument 1 '.seed=1'", "not a key"]),
        (["extends=a,b"], ["argument 1 'extends=a,b'", "can't be changed"]),
        (["sweep={seed: [1]}"], ["argument 1 'sweep={seed: [1]}'", "a grid can't hold a grid"]),
        (["seed=1,1", "a b"], ["argument 1", "stands twice", "argument 2 'a b'"]),
    ],
)
def test_a_wrong_argument_is_refused_with_its_number(texts: list[str], words: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_axes(texts)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("sweep: 3\n", ["r.yaml:12:8", "'sweep' has the wrong type"]),
        ("sweep: {seed: 3}\n", ["r.yaml:12:15", "'sweep.seed'", "a list of at least 1 items"]),
        ("sweep:\n  seed: []\n", ["r.yaml:13:9", "'sweep.seed'", "a list of at least 1 items"]),
        ("sweep:\n  latent: {scale: [1, 2]}\n", ["r.yaml:13:11", "'sweep.latent'", "a list of at least 1 items"]),
        ("sweep: {seed: [1], seed: [2]}\n", ["r.yaml:12:", "stands twice"]),
    ],
)
def test_a_wrong_grid_in_a_recipe_is_refused_with_its_place(write: Any, lines: str, words: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(lines))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("sweep: {seed: [1, 2, 1]}\n", ["r.yaml:12:22", "stands twice"]),
        ("sweep: {a..b: [1]}\n", ["r.yaml:12:9", "not a key"]),
        ("sweep: {sweep: [1]}\n", ["r.yaml:12:9", "a grid can't hold a grid"]),
    ],
)
def test_a_wrong_axis_in_a_recipe_is_refused_with_its_place(write: Any, lines: str, words: list[str]) -> None:
    recipe = load_recipe(write(lines))
    with pytest.raises(RecipeError) as caught:
        recipe_axes(recipe)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_the_command_line_replaces_the_values_of_an_equal_key_and_adds_axes(write: Any) -> None:
    own = recipe_axes(load_recipe(write("sweep: {latent.scale: [1, 2], seed: [1, 2]}\n")))
    axes = joined(own, parse_axes(["seed=5", "sample.epsilon=0.1,0.2"]))
    assert [(axis.key, axis.values) for axis in axes] == [
        ("latent.scale", [1, 2]),
        ("seed", [5]),
        ("sample.epsilon", [0.1, 0.2]),
    ]


def test_combinations_run_through_the_last_axis_first_and_are_bounded() -> None:
    axes = parse_axes(["seed=1,2", "latent.scale=3,4,5"])
    found = [tuple(plain(node) for node in nodes) for nodes in combinations(axes)]
    assert found == [(1, 3), (1, 4), (1, 5), (2, 3), (2, 4), (2, 5)]
    hundred = ",".join(map(str, range(101)))
    with pytest.raises(RecipeError, match=r"(?s)argument 1 .*101 x 101 = 10201 runs"):
        combinations(parse_axes([f"seed={hundred}", f"train.steps={hundred}"]))


def test_keys_that_change_together_are_one_axis(tmp_path):
    pytest.importorskip("si_recipes")
    path = tmp_path / "r.yaml"
    grid = '{"train.steps, train.batch": [[2, 4], [3, 6]], seed: [1, 2]}'
    path.write_text(TINY + f"sweep: {grid}\n", encoding="utf-8")
    plan = plan_sweep(load_recipe(path))
    found = [(point.values, point.recipe.train.steps, point.recipe.train.batch) for point in plan.points]
    assert [(steps, batch) for _, steps, batch in found] == [(2, 4), (2, 4), (3, 6), (3, 6)]
    assert [values for values, *_ in found[::2]] == [{"train.steps": 2, "seed": 1}, {"train.steps": 3, "seed": 1}]
    assert plan.resolved()["sweep"] == {
        "use": "si-sweeps/grid",
        "train.steps, train.batch": [[2, 4], [3, 6]],
        "seed": [1, 2],
    }


@pytest.mark.parametrize("values", ["[1, 2]", "[[1, 2, 3], [4, 5, 6]]", "[[1]]"])
def test_keys_that_change_together_need_a_value_each(tmp_path, values):
    pytest.importorskip("si_recipes")
    path = tmp_path / "r.yaml"
    path.write_text(TINY + f'sweep: {{"train.steps, train.batch": {values}}}\n', encoding="utf-8")
    with pytest.raises(RecipeError, match="need a list with a value for each"):
        plan_sweep(load_recipe(path))
