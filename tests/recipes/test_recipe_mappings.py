"""A mapping is a recipe: the same checks, positions that are keys, and objects in memory where names would stand."""

from __future__ import annotations

from typing import Any

import pytest

import si_core as si

pytest.importorskip("si_recipes")

PLAIN: dict[str, Any] = {
    "title": "In memory",
    "source": {"use": "gaussian", "dim": 2},
    "target": "two-moons",
    "latent": "brownian",
    "objectives": ["velocity", "denoiser"],
    "network": {"use": "mlp", "width": 8, "depth": 1},
    "train": {"steps": 3, "batch": 16},
    "sample": {"epsilon": 0.5, "number": 10},
}

NAMED: dict[str, tuple[str, Any]] = {
    "source": ("distribution", {"dim": 2}),
    "target": ("distribution", "two-moons"),
    "coupling": ("coupling", "independent"),
    "interpolant": ("interpolant", "trigonometric"),
    "latent": ("latent", "brownian"),
    "train.optimizer": ("optimizer", "adam"),
    "train.schedule": ("learning-rate", "cosine"),
    "sample.integrator": ("integrator", "stochastic-heun"),
    "sample.epsilon": ("diffusion", "constant"),
    "sample.clock": ("clock", "sine"),
}


def test_a_mapping_says_what_its_text_says(tmp_path) -> None:
    recipe = si.load_recipe(PLAIN)
    (tmp_path / "r.yaml").write_text(recipe.text)
    assert si.load_recipe(tmp_path / "r.yaml").resolved() == recipe.resolved()
    assert si.load_recipe(PLAIN, ["train.steps=7"]).train.steps == 7
    assert si.load_recipe({"extends": "one-sided", "train": {"steps": 9}}).train.steps == 9


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"network": {"width": "wide"}}, "network.width", "width"),
        ({"train": {"steps": -1}}, "train.steps", "out of range"),
        ({"objectives": ["velocity", "veloctiy"]}, "objectives.1", "veloctiy"),
        ({"tarin": {}}, "tarin", "unknown key"),
        ({"seed": 1.5}, "seed", "wrong type"),
        ({"seed": object()}, "seed", "stands where no component does"),
        ({"meta": {"notes": object()}}, "meta.notes", "stands where no component does"),
        ({"latent": object()}, "latent", "is no latent"),
        ({"latent": si.Latent}, "latent", "is a class"),
        ({"train": {"batch": float("inf")}}, "train.batch", "no finite number"),
        ({"schema": 99}, "schema", "newer"),
    ],
)
def test_positions_are_keys(changes: dict[str, Any], where: str, words: str) -> None:
    with pytest.raises(si.RecipeError, match=words) as caught:
        si.load_recipe({**PLAIN, **changes})
    assert caught.value.where == where


@pytest.mark.parametrize("key", NAMED)
def test_an_object_does_what_its_name_does(key: str) -> None:
    kind, name = NAMED[key]
    options = name if isinstance(name, dict) else {}
    name = "gaussian" if isinstance(name, dict) else name
    context = {"interpolant": si.build("interpolant", "linear"), "latent": si.build("latent", "brownian")}
    made = si.build(kind, name, **options, **(context if kind in ("diffusion", "clock") else {}))
    by_name = si.load_recipe(PLAIN, {key: {"use": name, **options}})
    by_object = si.load_recipe(PLAIN, {key: made})
    drawn = [si.sample(si.train(recipe), 8) for recipe in (by_name, by_object)]
    assert drawn[0].equal(drawn[1])
    path = f"{type(made).__module__}.{type(made).__qualname__}"
    place: Any = by_object.resolved()
    for part in key.split("."):
        place = place[part]
    assert place == {"in_memory": path}


def test_objects_in_lists_and_sections(tmp_path) -> None:
    objective, guided = si.build("objective", "denoiser"), []

    class Watcher(si.Callback):
        def after_step(self, run: si.Run) -> None:
            guided.append(run.step)

    recipe = si.load_recipe({**PLAIN, "objectives": ["velocity", objective], "callbacks": Watcher()})
    si.train(recipe)
    assert guided == [1, 2, 3]
    assert recipe.resolved()["objectives"][1] == {"in_memory": "si_objectives.regression.Denoiser"}


def test_a_text_names_an_object_and_makes_none(tmp_path) -> None:
    recipe = si.load_recipe({**PLAIN, "latent": si.build("latent", "brownian")})
    (tmp_path / "r.yaml").write_text(recipe.dump())
    again = si.load_recipe(tmp_path / "r.yaml")
    assert again.resolved() == recipe.resolved()
    assert again.hash() == recipe.hash()
    with pytest.raises(
        si.RecipeError, match=r"the latent was an object in memory.*\n.*si_interpolants\.latents\.Brownian"
    ):
        si.train(again)
    given = si.load_recipe(tmp_path / "r.yaml", {"latent": si.build("latent", "brownian")})
    assert si.sample(si.train(given), 5).equal(si.sample(si.train(recipe), 5))


def test_a_run_of_objects_says_what_they_were(tmp_path) -> None:
    from si_core.cli.console import LineConsole
    from si_core.public.runs import start_run

    recipe = si.load_recipe({**PLAIN, "latent": si.build("latent", "brownian"), "report": False})
    directory = start_run(recipe, console=LineConsole(), out=tmp_path / "run")
    with pytest.raises(si.RecipeError, match=r"give it anew: si\.load_model\(folder, latent=Brownian"):
        si.load_model(directory.path)
    model = si.load_model(directory.path, latent=si.build("latent", "brownian"))
    assert si.sample(model, 5).equal(si.sample(si.train(recipe), 5))
