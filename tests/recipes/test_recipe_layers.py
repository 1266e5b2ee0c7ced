"""Recipes laid over each other: overrides and ``extends``."""

import math
from pathlib import Path

import numpy
import pytest

from si_core.errors import RecipeError, SIError
from si_core.recipes.loader import load_recipe
from si_core.recipes.overrides import parse_overrides

GOOD = """
source: {use: gaussian, dim: 2}
target: checkerboard
latent: brownian
objectives: [velocity, {use: denoiser}]
network: {width: 8}
estimators: [log-likelihood, sliced]
sample: {epsilon: 0.5}
"""


def refusal(overrides):
    with pytest.raises(SIError) as caught:
        load_recipe("r.yaml", overrides)
    assert caught.value.code == 2
    return str(caught.value)


@pytest.fixture
def good(fakes, write):
    return write(GOOD)


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("train.steps=100", "train.steps", 100),
        ("train.optimizer.lr=1e-5", "train.optimizer", {"use": "si-fakes/adam", "lr": 1e-5}),
        ("train.optimizer=sgd", "train.optimizer", {"use": "si-fakes/sgd", "lr": 1e-2}),
        ("latent.scale=2", "latent", {"use": "si-fakes/brownian", "scale": 2.0}),
        ("latent=none", "latent", {"use": "si-fakes/none"}),
        ("latent={use: brownian, scale: 3}", "latent", {"use": "si-fakes/brownian", "scale": 3.0}),
        ("network.shared=false", "network", {"use": "si-fakes/mlp", "shared": False, "width": 8}),
        ("objectives.0=denoiser", "objectives.0", {"use": "si-fakes/denoiser"}),
        ("objectives=[denoiser]", "objectives", [{"use": "si-fakes/denoiser"}]),
        ("estimators.1.projections=9", "estimators.1", {"use": "si-fakes/sliced", "projections": 9}),
        ("sample.integrator={use: heun, steps: 9}", "sample.integrator", {"use": "si-fakes/heun", "steps": 9}),
        ("sample.epsilon={use: constant, scale: 2}", "sample.epsilon", {"use": "si-fakes/constant", "scale": 2.0}),
        ("sample={number: 5}", "sample", {"number": 5, "epsilon": 0.5}),
        ("train.ema=null", "train.ema", None),
        ("title='a # b = c'", "title", "a # b = c"),
        ("title=a=b", "title", "a=b"),
        ("meta.owner=Ada", "meta", {"owner": "Ada"}),
        (" seed = 3", "seed", 3),
    ],
)
def test_overrides_change_what_they_name(good, override, key, value):
    found = load_recipe(good, [override]).resolved()
    for part in key.split("."):
        found = found[int(part) if part.isdecimal() else part]
    if isinstance(value, dict):
        found = {name: found[name] for name in value}
    assert found == value
    assert type(found) is type(value)


def test_a_section_and_a_key_in_it_may_both_be_given_in_any_order(good):
    changes = ["latent.scale=2", "latent={use: brownian, scale: 7}"]
    for order in (changes, changes[::-1]):
        assert load_recipe(good, order).latent.options == {"scale": 2}


def test_dictionaries_are_overrides_too(good):
    changes = {
        "train": {"steps": numpy.int64(7)},
        "latent.scale": numpy.float32(0.5),
        "title": Path("x"),
        "train.batch": 3,
    }
    recipe = load_recipe(good, changes)
    assert (recipe.train.steps, recipe.train.batch, recipe.latent.options, recipe.title) == (7, 3, {"scale": 0.5}, "x")
    assert "train={steps: 7}" in recipe.overrides
    assert load_recipe(good, recipe.overrides).hash() == recipe.hash()


@pytest.mark.fault(16)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train.stepz=1"], ["argument 1 'train.stepz=1': unknown key 'train.stepz'", "did you mean 'steps'"]),
        (["seed=1", "tran.steps=1"], ["argument 2 'tran.steps=1'", "did you mean 'train'"]),
        (["seed"], ["argument 1 'seed'", "KEY=VALUE", "fix: seed=VALUE"]),
        (["seed="], ["argument 1", "no value"]),
        (["=5"], ["argument 1", "not a key"]),
        (["train..steps=5"], ["argument 1", "not a key"]),
        (["train.steps=many"], ["argument 1 'train.steps=many'", "'train.steps'", "an integer"]),
        (["train.steps=[1"], ["argument 1", "not closed"]),
        (["train.optimizer.lr=.nan"], ["argument 1", "no finite number"]),
        (["seed=1", "seed=2"], ["argument 2 'seed=2'", "given twice, also by argument 1 'seed=1'"]),
        (["seed.x=1"], ["argument 1 'seed.x=1'", "got a mapping"]),
        (["sample.epsilon.scale=1"], ["single value", "got 0.5"]),
        (["objectives.2=velocity"], ["counted from 0", "allowed 0 to 1"]),
        (["objectives.x=velocity"], ["'objectives' is a list"]),
        (["source.0=velocity"], ["'source' is no list"]),
        (["title=a #b"], ["comment", "got #b"]),
        (["title=#b"], ["no value"]),
        (["train=steps: 5"], ["{key: value}"]),
        (["title=- a"], ["{key: value}"]),
        (["title=a: b"], ["{key: value}"]),
        (["title=!!python/name:os.system x"], ["tags are not allowed"]),
        (["title=&a b"], ["anchors"]),
        (["title=a\x07"], ["not text"]),
        (["title=a\udce9"], ["not text"]),
        (["title=a\n---\nb"], ["argument 1"]),
        (["seed=" + "9" * 5000], ["digits"]),
        (["title=" + "[" * 5000], ["at most 64 levels"]),
        ([".".join("a" * 100) + "=1"], ["not a key"]),
        (["extends=x.yaml"], ["can't be changed by an override"]),
        (["schema=2"], ["can't be changed by an override"]),
        (["latent=brownien"], ["argument 1 'latent=brownien': unknown latent"]),
        (["latent.scal=1"], ["argument 1 'latent.scal=1'", "did you mean 'scale'"]),
        ([5], ["argument 1", "got 5"]),
    ],
)
def test_row_16_overrides_that_cannot_be_carried_out(good, arguments, words):
    message = refusal(arguments)
    assert message.startswith("argument")
    for word in words:
        assert word in message


@pytest.mark.fault(16)
def test_row_16_all_wrong_arguments_are_told_together(good):
    message = refusal(["seed", "=1", "title"])
    assert [line[:10] for line in message.splitlines() if line.startswith("argument")] == [
        "argument 1", "argument 2", "argument 3"
    ]  # fmt: skip


CYCLIC: dict = {}
CYCLIC["a"] = CYCLIC


@pytest.mark.parametrize(
    "changes",
    [{"seed": math.inf}, {"seed": {1: 2}}, {1: 2}, {"meta.x": object()}, {"seed": 10**200}, {"title": "\ud800"},
     {"meta": CYCLIC}, "seed=1"],
    ids=["infinite", "key", "top key", "object", "huge", "surrogate", "cyclic", "text"],
)  # fmt: skip
def test_dictionaries_that_are_no_overrides(good, changes):
    assert refusal(changes)


def test_parsing_keeps_the_text_of_arguments():
    assert [change.text for change in parse_overrides(["b.c=[1, 2]", "a=x"])] == ["a=x", "b.c=[1, 2]"]


def test_extends_merges_maps_and_replaces_the_rest(fakes, write):
    write(GOOD + "train: {steps: 5, batch: 7}\nmeta: {a: 1, b: 2}\n", "base.yaml")
    write(
        "extends: base.yaml\nlatent: {scale: 3}\ntrain: {batch: 9}\nmeta: {b: 3}\nobjectives: [denoiser]\n",
        "middle.yaml",
    )
    recipe = load_recipe(write("extends: middle.yaml\nnetwork: {width: 4}\n"))
    assert recipe.latent.options == {"scale": 3}
    assert (recipe.train.steps, recipe.train.batch) == (5, 9)
    assert recipe.meta == {"a": 1, "b": 3}
    assert [objective.name for objective in recipe.objectives] == ["denoiser"]
    assert recipe.where("train.steps").startswith("base.yaml:")
    assert recipe.where("train.batch").startswith("middle.yaml:3:")
    assert "extends" not in recipe.resolved()


def test_a_changed_use_drops_the_old_options(fakes, write):
    write(GOOD + "train: {optimizer: {use: sgd, momentum: 0.5}}\n", "base.yaml")
    assert load_recipe(write("extends: base.yaml\ntrain: {optimizer: adam}\n")).train.optimizer.name == "adam"
    assert load_recipe(write("extends: base.yaml\nsource: checkerboard\n")).source.options == {}
    # The default name written out is no change.
    assert load_recipe(write("extends: base.yaml\nnetwork: {use: mlp}\n")).network.options == {"width": 8}
    assert load_recipe(write("extends: base.yaml\nsource: null\ncoupling: mirror\n")).source is None


def test_extends_a_built_in_recipe_and_errors_name_the_file_at_fault(fakes, write):
    assert load_recipe(write("extends: board\nseed: 3\n")).title == "A board"
    write(GOOD + "seed: x\n", "base.yaml")
    with pytest.raises(RecipeError, match=r"^base.yaml:9:7: 'seed'"):
        load_recipe(write("extends: base.yaml\n"))


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"r": "extends: r.yaml"}, ["r.yaml:1:10", "in a circle", "r.yaml -> r.yaml"]),
        ({"r": "extends: b.yaml", "b": "extends: ./r.yaml"}, ["b.yaml:1:10", "r.yaml -> b.yaml -> ./r.yaml"]),
        ({"r": "extends: bb.yaml", "b": "seed: 1"}, ["r.yaml:1:10: no such", "did you mean 'b.yaml'", "-> bb.yaml"]),
        ({"r": "extends: nothing"}, ["r.yaml:1:10: there is no built-in recipe"]),
        ({"r": "extends: /etc/passwd"}, ["relative"]),
        ({"r": "extends: [a, b]"}, ["r.yaml:1:10", "one file"]),
        ({"r": "extends: 5"}, ["r.yaml:1:10", "one file"]),
        ({"r": 'extends: "a\\0b"'}, ["not the name of a file"]),
        ({"r": "extends: b.yaml", "b": "seed: [1"}, ["b.yaml:2:1", "not closed", "extends: r.yaml -> b.yaml"]),
        ({"r": "extends: b.yaml", "b": "schema: 9"}, ["b.yaml:1:9", "needs an si-core newer"]),
    ],
)
def test_row_17_chains_that_do_not_end_well(fakes, write, files, words):
    for name, text in files.items():
        write(text + "\n", f"{name}.yaml")
    message = refusal([])
    for word in words:
        assert word in message


@pytest.mark.fault(17)
def test_row_17_chain_of_many_files(fakes, write):
    for index in range(12):
        write(f"extends: f{index + 1}.yaml\n", f"f{index}.yaml")
    write("extends: f0.yaml\n")
    assert "at most 8 files" in refusal([])
