"""Plans: every point is checked before the first one starts, and which of them share a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from si_core import load_recipe
from si_core.errors import RecipeError, UsageError
from si_sweeps.plan import plan_sweep


def test_each_point_is_the_recipe_that_a_run_with_its_values_has(write: Any) -> None:
    name = write("sweep: {latent.scale: [1, 2]}\n")
    plan = plan_sweep(load_recipe(name), ["sample.epsilon=0.1,1", "latent.scale=1,4"])
    assert [point.values for point in plan.points] == [
        {"latent.scale": scale, "sample.epsilon": epsilon} for scale in (1, 4) for epsilon in (0.1, 1)
    ]
    assert plan.points[3].label == "latent.scale=4 sample.epsilon=1"
    for point in plan.points:
        alone = load_recipe(name, [*point.label.split(), "sweep=null"])
        assert point.recipe.dump() == alone.dump()
        assert not point.recipe.section("sweep")


def test_a_key_below_a_section_wins_over_the_section_whatever_their_order(write: Any) -> None:
    plan = plan_sweep(
        load_recipe(write()), ["sample.integrator.steps=5,6", "sample.integrator=euler-maruyama,stochastic-heun"]
    )
    assert [point.recipe.sample.integrator.options["steps"] for point in plan.points] == [5, 5, 6, 6]


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (["latent.scael=1,2"], ["argument 1", "scael", "did you mean 'scale'"]),
        (["latnet=none,brownian"], ["argument 1", "unknown key 'latnet'"]),
        (["target=two-moons,no-such"], ["argument 1", "no-such"]),
        (["sample.number=10,0", "train.steps=1,-1"], ["argument 1", "got 0", "argument 2", "got -1"]),
        (["latent=brownian,none", "latent.scale=1,2"], ["argument 2", "latent 'none'", "scale"]),
    ],
)
def test_what_is_wrong_with_any_point_is_said_once_before_the_first_one_starts(
    write: Any, axes: list[str], words: list[str]
) -> None:
    with pytest.raises(RecipeError) as caught:
        plan_sweep(load_recipe(write()), axes)
    message = str(caught.value)
    assert all(word in message for word in words), message
    blocks = [line for line in message.splitlines() if line.startswith("argument")]
    assert len(blocks) == len(set(blocks))


def test_a_wrong_value_in_a_recipe_is_pointed_at(write: Any) -> None:
    with pytest.raises(RecipeError, match=r"r\.yaml:12:33"):
        plan_sweep(load_recipe(write("sweep: {sample.number: [10, 20, 0]}\n")))


def test_a_sweep_without_an_axis_is_refused(write: Any) -> None:
    for lines in ("", "sweep: {}\n"):
        with pytest.raises(UsageError, match="KEY=VALUE,VALUE"):
            plan_sweep(load_recipe(write(lines)))


@pytest.mark.parametrize(
    ("axis", "trainings"),
    [
        ("sample.epsilon=0.1,0.2", 1),
        ("sample.integrator.steps=3,4", 1),
        ("estimators=[[], [energy-distance]]", 1),
        ("title=a,b", 1),
        ("report=true,false", 1),
        ("train.checkpoint_every=3,null", 1),
        ("train.keep=2,3", 1),
        ("train.log_every=2,3", 2),
        ("seed=1,2", 2),
        ("latent.scale=1,2", 2),
        ("train.ema=null,0.9", 2),
        ("network.width=8,16", 2),
        ("objectives=[[velocity], [velocity, denoiser]]", 2),
    ],
)
def test_points_share_a_training_if_they_differ_in_nothing_that_enters_it(
    write: Any, axis: str, trainings: int
) -> None:
    plan = plan_sweep(load_recipe(write()), [axis])
    assert len({point.training for point in plan.points}) == trainings


def test_the_grid_file_is_a_recipe_that_means_the_same_points_anywhere(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32))
    recipe = load_recipe(write("sweep: {target: [{use: array, path: a.npy}, two-moons]}\n"))
    plan = plan_sweep(recipe, ["source={use: array, path: b.npy},{use: gaussian, dim: 2}", "train.ema=null,0.9"])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    Path("sweep.yaml").write_text(plan.dump("."), encoding="utf-8")
    again = plan_sweep(load_recipe("sweep.yaml"))
    assert [point.recipe.hash() for point in again.points] == [point.recipe.hash() for point in plan.points]
    assert again.resolved() == plan.resolved()
    assert plan.resolved()["sweep"]["target"][0]["path"] == "a.npy"


def test_a_grid_says_whose_it_is_where_si_sweeps_is_not_there(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from si_core.discovery.plugins import reset

    name = write("sweep: {seed: [1, 2]}\n")
    monkeypatch.setenv("SI_PLUGINS", "-si-sweeps")
    reset()
    try:
        with pytest.raises(RecipeError, match=r"unknown key 'sweep'(?s:.*)it belongs to si-sweeps .*disabled"):
            load_recipe(name)
    finally:
        monkeypatch.undo()
        reset()
