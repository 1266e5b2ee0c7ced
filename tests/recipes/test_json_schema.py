"""The schema for editors agrees with the loader, by a validator of others: over all built-in recipes and wrong ones."""

from __future__ import annotations

import functools
from pathlib import Path

import jsonschema
import pytest

from si_core.cli.main import main
from si_core.discovery.available import available
from si_core.errors import RecipeError
from si_core.recipes.builtin import builtin_recipes
from si_core.recipes.editor_line import SCHEMA_FILE, editor_line
from si_core.recipes.editor_schema import recipe_json_schema
from si_core.recipes.key_names import key_names
from si_core.recipes.loader import load_recipe
from si_core.recipes.nodes import plain
from si_core.recipes.reader import read

GOOD = "source: gaussian\ntarget: checkerboard\n"


@functools.cache
def validator() -> jsonschema.Draft202012Validator:
    schema = recipe_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def faults(text: str) -> list[str]:
    node = read(text, "a recipe")
    assert node is not None
    return [error.message for error in validator().iter_errors(plain(node))]


@pytest.mark.parametrize("recipe", builtin_recipes(), ids=lambda recipe: recipe.name)
def test_built_in_recipes_hold_to_it(recipe):
    assert not faults(recipe.path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "wrong",
    [
        "targt: two-moons",
        "latent: no-such-latent",
        "latent: {use: brownian, scle: 1}",
        "latent: {scale: -1, use: brownian}",
        "seed: x",
        "seed: -1",
        "train: {steps: -1}",
        "train: {stps: 1}",
        "train: {steps: 1.5}",
        "train: {times: nope}",
        "train: {optimizer: {use: adam, lr: -1}}",
        "train: {precision: half}",
        "objectives: []",
        "objectives: [velocity, {use: nope}]",
        "objectives: velocity",
        "network: {use: mlp, shared: 3}",
        "network: {use: mlp, width: 0}",
        "sample: {epsilon: -1}",
        "sample: {integrator: {use: heun, steps: 0}}",
        "sample: {integrator: velocity}",
        "sample: {start: 2}",
        "estimators: log-likelihood",
        "report: 3",
        "callbacks: [{use: early-stopping, patience: x}]",
        "init: 3",
    ],
)
def test_wrong_ones_are_told_by_both(wrong):
    text = f"{GOOD}{wrong}\n"
    assert faults(text)
    node = read(text, "a recipe")
    assert node is not None
    with pytest.raises(RecipeError):
        load_recipe(plain(node))


@pytest.mark.parametrize(
    "right",
    [
        "latent: brownian",
        "latent: si-interpolants/brownian",
        "objectives: [velocity, {use: denoiser}]",
        "report: {use: html, dpi: 80}",
        "callbacks: {use: early-stopping, patience: 20}",
        "sample: {epsilon: {use: gamma, scale: 0.5}, clock: uniform}",
        "sample: {guidance: {use: classifier-free, weight: 2.0}}",
        "train: {ema: {use: power, lengths: [0.05]}, times: {use: logit-normal, mean: 0.5}}",
    ],
)
def test_the_forms_of_a_value_are_known(right):
    text = f"{GOOD}{right}\n"
    assert not faults(text)
    node = read(text, "a recipe")
    assert node is not None
    load_recipe(plain(node))


@pytest.mark.parametrize("kind", sorted({str(key.kind) for key in key_names() if key.kind}))
def test_options_are_checked_for_every_component(kind):
    """One option too many is told, and one that the constructor requires is asked for."""
    definitions = recipe_json_schema()["$defs"]
    one = jsonschema.Draft202012Validator({"$ref": f"#/$defs/select-{kind}", "$defs": definitions})
    for found in available(kind):
        entry = next(
            each
            for each in definitions[f"select-{kind}"]["anyOf"][1:]
            if found.qualified in each["properties"]["use"]["enum"]
        )
        alone = {"use": found.component.name}
        assert one.is_valid(alone) == (set(entry["required"]) <= {"use"}), found.label
        if entry["additionalProperties"] is False:
            assert not one.is_valid({**alone, "no-such-option": 1}), found.label


def test_a_shown_recipe_carries_the_line_and_runs_as_it_is(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["recipes", "show", "checkerboard"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(editor_line(SCHEMA_FILE))
    Path("mine.yaml").write_text(text, encoding="utf-8")
    assert load_recipe("mine.yaml").hash() == load_recipe("checkerboard").hash()
    assert main(["schema", "--out", SCHEMA_FILE]) == 0
    assert editor_line(SCHEMA_FILE) in capsys.readouterr().out
