"""Recipes that are right: every value arrives, defaults are filled in, and a dump says the same."""

import json
import pickle
import random
import subprocess
import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from si_core.errors import SIError
from si_core.recipes.components import selections
from si_core.recipes.differences import ABSENT, differences
from si_core.recipes.emit import emit
from si_core.recipes.loader import load_recipe
from si_core.recipes.nodes import plain
from si_core.recipes.reader import read
from si_core.recipes.scalars import scalar

MINIMAL = "source: {use: gaussian, dim: 2}\ntarget: checkerboard\n"
FULL = """
schema: 1
title: "A: board"
meta: {note: yes, list: [1, 2.5, null], deep: {"odd key: #": "two\\nlines\\x07 \\u2028 é 😀"}}
seed: 9223372036854775807
source: {use: gaussian, dim: 2, mean: [1, 2e-7]}
target: checkerboard
latent: {use: brownian, scale: 1e-3}
objectives: [velocity, {use: denoiser}]
network: {width: 8, shared: false, spread: [0.25, 1]}
train: {steps: 0x10, optimizer: {use: sgd, lr: 1E-5, momentum: 0.5, nesterov: true}, schedule: cosine, ema: null}
sample: {epsilon: {use: constant, scale: 2}, integrator: {use: heun, steps: 7}, start: 1, stop: 0, condition: [0, 1]}
estimators: [log-likelihood, {use: sliced, projections: 9}]
report: false
"""


@pytest.mark.fault(7)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3), ("1.", 1.0), (".5", 0.5), ("-1E+2", -100.0), ("010", 10), ("0o10", 8), ("0x1F", 31), ("+3", 3),
        ("yes", "yes"), ("on", "on"), ("No", "No"), ("1:30", "1:30"), ("1_000", "1_000"), ("0b1", "0b1"),
        ("2020-01-01", "2020-01-01"), ("TRUE", True), ("False", False), ("~", None), ("Null", None), ("", None),
        ("-.INF", float("-inf")), (".", "."), ("+", "+"), ("e3", "e3"), ("1e", "1e"), ("=", "="),
    ],
)  # fmt: skip
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text, value):
    read_value = scalar(text)
    assert read_value == value
    assert type(read_value) is type(value)


def test_a_minimal_recipe_has_every_default(fakes, write):
    recipe = load_recipe(write(MINIMAL))
    assert recipe.name == "r"
    assert recipe.text == MINIMAL
    assert (recipe.coupling.name, recipe.interpolant.name, recipe.latent.name) == ("independent", "linear", "none")
    assert [objective.name for objective in recipe.objectives] == ["velocity"]
    assert (recipe.network.name, recipe.network.shared) == ("mlp", True)
    assert (recipe.train.steps, recipe.train.batch, recipe.train.ema, recipe.train.keep) == (2000, 1024, 0.999, 3)
    assert recipe.resolved()["train"]["optimizer"] == {"use": "si-fakes/adam", "lr": 1e-3, "betas": [0.9, 0.999]}
    assert (recipe.sample.number, recipe.sample.epsilon, recipe.sample.integrator) == (10000, 0.0, None)
    assert recipe.seed == 0
    assert recipe.report is True


def test_every_value_of_a_full_recipe_arrives(fakes, write):
    recipe = load_recipe(write(FULL))
    assert recipe.seed == 2**63 - 1
    assert recipe.source.options == {"dim": 2, "mean": [1, 2e-7]}
    assert recipe.latent.options == {"scale": 1e-3}
    assert recipe.latent.where == "r.yaml:8:9"
    assert recipe.network.options == {"width": 8, "spread": [0.25, 1]}
    assert recipe.network.shared is False
    assert recipe.train.steps == 16
    assert recipe.train.optimizer.plain() == {"use": "si-fakes/sgd", "lr": 1e-5, "momentum": 0.5, "nesterov": True}
    assert recipe.train.schedule.name == "cosine"
    assert recipe.train.ema is None
    assert (recipe.sample.epsilon.name, recipe.sample.epsilon.kind) == ("constant", "diffusion")
    assert recipe.sample.condition == [0, 1]
    assert recipe.estimators[1].options == {"projections": 9}
    assert recipe.meta["note"] == "yes"
    kinds = [selection.kind for selection in recipe.selections()]
    assert kinds.count("objective") == 2
    assert {"diffusion", "integrator", "network"} <= set(kinds)


@pytest.mark.parametrize("word", ["auto", "uniform"])
def test_the_words_for_clocks_stay_words_and_need_no_component(fakes, write, word):
    """Of the plugin's clocks none has such a name."""
    recipe = load_recipe(write(MINIMAL + f"sample: {{clock: {word}}}\n"))
    assert recipe.sample.clock == word
    assert "clock" not in [selection.kind for selection in recipe.selections()]
    assert load_recipe(write(recipe.dump(), "again.yaml")).sample.clock == word


def test_a_clock_is_a_component_with_options(fakes, write):
    recipe = load_recipe(write(MINIMAL + "sample: {clock: {use: sine, stop: false}}\n"))
    assert (recipe.sample.clock.kind, recipe.sample.clock.name) == ("clock", "sine")
    assert recipe.sample.clock.options == {"stop": False}
    assert recipe.sample.clock in list(recipe.selections())
    again = load_recipe(write(recipe.dump(), "again.yaml"))
    assert again.sample.clock.options == {"start": True, "stop": False}


def test_resolved_recipes_are_complete_and_hold_defaults_of_components(fakes, write):
    resolved = load_recipe(write(MINIMAL)).resolved()
    assert resolved["network"] == {
        "use": "si-fakes/mlp", "shared": True, "width": 64, "activation": "silu", "spread": [1e-5, 0.1]
    }  # fmt: skip
    # An infinite default can't be written, so it stays the constructor's.
    assert resolved["source"] == {"use": "si-fakes/gaussian", "dim": 2, "mean": None}
    assert resolved["train"]["schedule"] == {"use": "si-fakes/constant", "warmup": 0}
    assert list(resolved)[:4] == ["schema", "title", "meta", "seed"]


@pytest.mark.parametrize("text", [MINIMAL, FULL], ids=["minimal", "full"])
def test_a_dump_loads_to_the_same_resolved_recipe(fakes, write, text):
    recipe = load_recipe(write(text))
    again = load_recipe(write(recipe.dump(), "again.yaml"))
    assert again.resolved() == recipe.resolved()
    assert again.dump() == recipe.dump()
    assert again.hash() == recipe.hash()
    # What other programs read by YAML 1.1 is the same, numbers included.
    assert yaml.safe_load(recipe.dump()) == recipe.resolved()


def test_the_hash_is_that_of_the_meaning(fakes, write):
    one = load_recipe(write(MINIMAL))
    same = load_recipe(
        write("# x\ntarget: {use: checkerboard}\nsource:\n  dim: 2\n  use: gaussian\nseed: 0\n", "s.yaml")
    )
    other = load_recipe("r.yaml", ["train.optimizer.lr=0.0010000000000000002"])
    assert one.hash() == same.hash()
    assert one.hash() != other.hash()


def test_recipes_can_be_pickled(fakes, write):
    recipe = load_recipe(write(FULL))
    assert pickle.loads(pickle.dumps(recipe)) == recipe


def test_positions_of_keys_and_of_defaults(fakes, write):
    recipe = load_recipe(
        write("source: {use: gaussian, dim: 2}\ntarget: checkerboard\ntrain:\n  steps: 3\n"), ["seed=4"]
    )
    assert recipe.where("train.steps") == "r.yaml:4:10"
    assert recipe.where(("source", "dim")) == "r.yaml:1:30"
    assert recipe.where("train.batch") == "r.yaml:4:3"
    assert recipe.where("objectives.0") == "r.yaml:1:1"
    assert recipe.where("seed") == "argument 1 'seed=4'"


@pytest.mark.fault(14)
@pytest.mark.parametrize("prefix", [b"\xef\xbb\xbf", b""], ids=["bom", "plain"])
@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"], ids=["crlf", "lf", "cr"])
def test_byte_order_mark_and_any_line_end_are_accepted(fakes, write, prefix, end):
    recipe = load_recipe(write(prefix + FULL.encode().replace(b"\n", end)))
    assert recipe.where("train") == "r.yaml:11:8"


def test_mirror_coupling_needs_no_source(fakes, write):
    assert load_recipe(write("target: checkerboard\ncoupling: mirror\n")).source is None


def test_built_in_recipes_are_found_by_name(fakes, write):
    for name in ("board", "si-fakes/board"):
        recipe = load_recipe(name)
        assert recipe.name == "board"
        assert recipe.path == fakes / "board.yaml"
    write("source: checkerboard\ntarget: checkerboard\n", "board.yaml")
    assert load_recipe("board").source.name == "gaussian"
    assert load_recipe("./board.yaml").source.name == "checkerboard"


def test_differences_name_changed_keys(fakes, write):
    old = load_recipe(write(MINIMAL)).resolved()
    changes = ["train.steps=5", "latent=brownian", "objectives=[velocity, denoiser]", "network.width=9"]
    new = load_recipe("r.yaml", changes).resolved()
    found = {key: (before, after) for key, before, after in differences(old, new)}
    assert found["train.steps"] == (2000, 5)
    assert found["network.width"] == (64, 9)
    assert found["latent"] == ({"use": "si-fakes/none"}, {"use": "si-fakes/brownian", "scale": 1.0})
    assert set(found) == {"train.steps", "latent", "objectives", "network.width"}
    assert differences(old, old) == []
    assert differences({"a": 1}, {}) == [("a", 1, ABSENT)]
    assert differences({"a": 1}, {"a": True}) == [("a", 1, True)]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**99), 10**99) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), VALUES, min_size=1, max_size=4))
def test_emitted_text_reads_back_exactly(data):
    root = read(emit(data), "r.yaml")
    assert json.dumps(plain(root)) == json.dumps(data)


def test_random_damage_is_refused_with_words_or_accepted(fakes, write):
    # Whatever the text, only errors meant for users come out; anything else fails the test by itself.
    generator, refused = random.Random(1), 0
    for _ in range(150):
        text = list(FULL)
        for _ in range(generator.randrange(1, 4)):
            text[generator.randrange(len(text))] = generator.choice("{}[]:,&*!|>'\"%@`#?-\t\n 0.~<é\\")
        try:
            load_recipe(write("".join(text)))
        except SIError:
            refused += 1
    assert refused > 75


def test_selections_come_with_their_places(fakes, write):
    places = [path for path, _ in selections(load_recipe(write(FULL)).sections)]
    assert ("objectives", 1) in places
    assert ("sample", "epsilon") in places


def test_loading_code_needs_no_torch_and_listing_no_pydantic():
    code = (
        "import sys; import si_core.recipes.builtin as b; b.builtin_recipes(); assert 'pydantic' not in sys.modules;"
        "import si_core.recipes.structure, si_core.recipes.overrides, si_core.recipes.extends;"
        "assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
