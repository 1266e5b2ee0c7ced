"""``init``: a run that begins from the weights of another takes all of them, or says by name what it does not."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest
import torch

import si_core as si
from si_core.cli.main import main
from si_core.storage.retention import newest_verified
from si_core.storage.tensors import load_tensors

TEXT = """\
seed: {seed}
source: gaussian
target: {target}
latent: {{use: brownian, scale: 1.0}}
objectives: [{objectives}]
network: {{use: mlp, width: {width}, depth: 2, shared: {shared}}}
train: {{steps: {steps}, batch: 16, ema: 0.9, checkpoint_every: 2}}
sample: {{number: 8, integrator: {{use: stochastic-heun, steps: 2}}, epsilon: 0.5}}
report: false
"""
USUAL = {"seed": 0, "target": "two-moons", "objectives": "velocity, denoiser", "width": 8, "shared": "true", "steps": 4}


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def written(name: str, more: str = "", **changes: object) -> str:
        Path(f"{name}.yaml").write_text(more + TEXT.format(**(USUAL | changes)), encoding="utf-8")
        return f"{name}.yaml"

    return written


@pytest.fixture
def trained(write):
    """``trained(name, **changes)``: a finished run in a folder of that name."""

    def run(name: str = "first", more: str = "", **changes: object) -> Path:
        assert main(["run", write(name, more, **changes), "--out", name]) == 0
        return Path(name)

    return run


def weights(run: Path) -> dict[str, torch.Tensor]:
    return {
        name: value for name, value in load_tensors(run / "model.safetensors").tensors.items() if "networks" in name
    }


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def test_no_steps_give_the_run_s_model_bit_for_bit(trained):
    first = trained()
    again = trained("again", "init: first\n", seed=7, steps=0)
    assert equal(weights(again), weights(first))
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    fields = [si.load_model(run).fields.velocity(torch.tensor(0.3), x) for run in (first, again)]
    assert torch.equal(*fields)
    found = json.loads((again / "environment.json").read_text())["init"]
    assert (found["run"], found["step"]) == ("first", 4)
    assert f"starts from first: step 4, weights {found['sha256'][:16]}" in (again / "log.txt").read_text()
    assert equal(weights(again), dict(si.train(si.load_recipe("again.yaml")).fields.predictor.state_dict()))


def test_the_optimizer_starts_anew_and_training_moves_on(trained):
    first, further = trained(), trained("further", "init: first\n", seed=1)
    assert not equal(weights(first), weights(further))
    assert load_tensors(further / "model.safetensors").metadata["step"] == "4"


def test_an_unfinished_run_gives_its_newest_checkpoint(trained):
    first = trained()
    (first / "model.safetensors").unlink()
    again = trained("again", "init: first\n", steps=0)
    newest = newest_verified(first / "checkpoints", print)
    average = load_tensors(newest / "average.safetensors").tensors
    assert equal(weights(again), {k.removeprefix("module."): v for k, v in average.items() if "networks" in k})


def test_resumed_after_the_other_run_is_gone_the_digits_are_the_same(trained, write, monkeypatch):
    from si_core.training.trainer import Trainer

    first, whole = trained(), trained("whole", "init: first\n", seed=1)

    advance = Trainer.advance
    for steps in (0, 3):
        part, recipe = f"part-{steps}", write("whole", "init: first\n", seed=1)

        def stopped(self, steps=steps):
            if self.step == steps:
                raise KeyboardInterrupt
            advance(self)

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "advance", stopped)
            assert main(["run", recipe, "--out", part]) == 130
        shutil.move(first, "gone")
        assert main(["run", recipe, "--out", part, "--resume"]) == 0
        assert (Path(part) / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
        kept = [json.loads((run / "environment.json").read_text())["init"] for run in (Path(part), whole)]
        assert kept[0] == kept[1]
        assert si.load_model(part).fields is not None
        shutil.move("gone", first)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 16}, ["networks.0.of_state.weight: (8, 2) there, (16, 2) here"]),
        ({"target": "{use: gaussian, dim: 3}"}, ["networks.0.of_state.weight: (8, 2) there, (8, 3) here"]),
    ],
)
def test_what_does_not_fit_is_refused_by_name_with_shapes(trained, write, changes, words, capsys):
    trained()
    with pytest.raises(si.RecipeError) as refused:
        si.train(si.load_recipe(write("other", "init: first\n", **changes)))
    message = str(refused.value)
    assert message.startswith("other.yaml:1:7: first: its weights don't fit, and none are taken:")
    assert all(word in message for word in words)
    assert main(["run", "other.yaml", "--out", "never"]) == 2
    assert not Path("never").exists()
    assert main(["validate", "other.yaml", "--build"]) == 2


def test_another_depth_is_refused(trained, write):
    trained()
    with pytest.raises(si.RecipeError, match=r"networks\.0\.hidden\.1\.weight \(8, 8\): only here"):
        si.train(si.load_recipe(write("other", "init: first\n"), ["network.depth=3"]))


def test_a_field_that_is_added_begins_anew_and_the_others_go_on(trained, write, caplog):
    first = trained(objectives="velocity, denoiser", shared="false")
    text = write("more", "init: first\n", objectives="score, denoiser, velocity", shared="false", steps=0)
    with caplog.at_level(logging.WARNING):
        model = si.train(si.load_recipe(text))
    drawn = si.train(si.load_recipe(text, ["init=null"])).fields.predictor.state_dict()
    found, stored = model.fields.predictor.state_dict(), weights(first)
    for name, value in found.items():
        _, index, rest = name.split(".", 2)
        expected = drawn[name] if index == "0" else stored[f"networks.{'?10'[int(index)]}.{rest}"]
        assert torch.equal(value, expected), name
    assert "begins anew: networks.0.of_state.weight (8, 2)" in caplog.text
    assert "the weights learned velocity, denoiser, and now begin score, denoiser, velocity" in caplog.text


def test_heads_of_another_number_begin_anew_and_their_trunk_goes_on(trained, write, caplog):
    first = trained(objectives="velocity, denoiser")
    text = write("more", "init: first\n", objectives="velocity, denoiser, target-denoiser", steps=0)
    with caplog.at_level(logging.WARNING):
        found = si.train(si.load_recipe(text)).fields.predictor.state_dict()
    drawn, stored = si.train(si.load_recipe(text, ["init=null"])).fields.predictor.state_dict(), weights(first)
    for name, value in found.items():
        expected = drawn if name.startswith("networks.0.output") else stored
        assert torch.equal(value, expected[name]), name
    assert "begins anew: networks.0.output.weight (6, 8)" in caplog.text


def test_heads_in_another_order_are_refused(trained, write):
    trained(objectives="velocity, denoiser")
    with pytest.raises(si.RecipeError, match=r"another order of fields[\s\S]*velocity, denoiser"):
        si.train(si.load_recipe(write("more", "init: first\n", objectives="denoiser, velocity")))


def test_a_condition_that_is_added_begins_anew(trained, write, caplog):
    digits = "{use: digits, label: %s}"
    trained(target=digits % "false", objectives="velocity")
    text = write("more", "init: first\n", target=digits % "true", objectives="velocity", steps=0)
    with caplog.at_level(logging.WARNING):
        si.train(si.load_recipe(text))
    assert "begins anew: networks.0.of_conditions.0" in caplog.text


def test_weights_that_mean_something_else_are_told(trained, write, caplog):
    trained(objectives="velocity")
    text = write("other", "init: first\n", objectives="denoiser", steps=0)
    with caplog.at_level(logging.WARNING):
        si.train(si.load_recipe(text, ["interpolant=trigonometric", "train.precondition=false", "sample.freeze=true"]))
    for words in ("learned velocity, and now begin denoiser", "interpolant differs", "train.precondition differs"):
        assert words in caplog.text


def test_learned_parts_of_the_process_go_along(trained, write):
    options = {"objectives": "schrodinger-bridge", "target": "two-moons"}
    schrodinger = [
        "interpolant={use: learned-linear, terms: 3}", "latent={use: brownian, scale: 1.0}", "train.process.warmup=0",
        "train.process.every=1", "sample.epsilon=1.0",
    ]  # fmt: skip
    assert main(["run", write("first", **options), *schrodinger, "--out", "first"]) == 0
    recipe = si.load_recipe(write("again", "init: first\n", steps=0, seed=5, **options), schrodinger)
    stored = load_tensors(Path("first/model.safetensors")).tensors
    found = si.train(recipe).process.interpolant.state_dict()
    assert found
    for name, value in found.items():
        assert torch.equal(value, stored[f"process.interpolant.{name}"])


@pytest.mark.parametrize("init", ["nowhere", "empty"])
def test_a_run_that_is_none_is_refused_at_its_place(write, init):
    text = write("other", f"init: {init}\n")
    Path("empty").mkdir()
    with pytest.raises(si.RecipeError, match=r"^other\.yaml:1:7: no run to start from"):
        si.train(si.load_recipe(text))


def test_the_path_starts_at_the_recipe_and_on_the_command_line_where_one_stands(trained, write, tmp_path, monkeypatch):
    trained()
    recipe = si.load_recipe(write("other", "init: first\n", steps=0))
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    told = si.load_recipe("../other.yaml", ["init=../first"])
    assert told.init == recipe.init == "first"
    assert told.start == recipe.start == tmp_path / "first"
    assert main(["run", "../other.yaml", "--out", "run"]) == 0
    assert 'base: ".."\n' not in Path("run/resolved.yaml").read_text()
    assert 'base: "../.."\n' in Path("run/resolved.yaml").read_text()


def test_other_units_and_classes_are_told(trained, write, caplog, tmp_path):
    rows = torch.randn(40, 2, generator=torch.Generator().manual_seed(0)).tolist()
    for name, factor, kinds in (("a", 1.0, ("oak", "elm")), ("b", 100.0, ("ash", "elm"))):
        lines = [f"{factor * x},{y},{kinds[i % 2]}" for i, (x, y) in enumerate(rows)]
        Path(f"{name}.csv").write_text("\n".join(["x,y,tree", *lines]), encoding="utf-8")
    first = trained(target="{use: array, path: a.csv, label: tree}", objectives="velocity")
    law = si.load_model(first).process.target
    classes = {name: {"classes": list(spec.classes)} for name, spec in law.conditions.items()}
    kept = {"format": 1, "target": {"frame": law.frame.plain(), "conditions": classes}}
    (first / "frame.json").write_text(json.dumps(kept), encoding="utf-8")
    for name, told in (("a", False), ("b", True)):
        target = f"{{use: array, path: {name}.csv, label: tree}}"
        with caplog.at_level(logging.WARNING):
            caplog.clear()
            si.train(si.load_recipe(write("more", "init: first\n", target=target, objectives="velocity", steps=0)))
        assert "nothing is trained, and the weights are those of init" in caplog.text
        assert (caplog.text.count("units of the target differ") == 1) is told
        assert ("classes of 'tree' differ: [elm, oak] there become [ash, elm] here, by position" in caplog.text) is told
