"""``si run --plan``: what is counted is what a run then has, every number says how it is known, nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import si_core as si
from si_core.cli.main import main
from si_core.contract.runtime import Runtime
from si_core.models import needs
from si_core.models.assembly import assemble
from si_core.models.outline import outlined
from si_core.runs.forecast import forecast as forecasts
from si_core.runs.forecast import measuring
from si_core.runs.forecast.evaluations import sampling_calls
from si_core.runs.forecast.measuring import Cost, Measured, cost_of_steps
from si_core.runs.forecast.memory import counted
from si_core.runs.forecast.saved_tensors import SavedTensors

for plugin in (
    "si_distributions",
    "si_networks",
    "si_integrators",
    "si_interpolants",
    "si_objectives",
    "si_optimizers",
):
    pytest.importorskip(plugin)

RECIPE = """\
source: gaussian
target: {use: gaussian, shape: [2]}
interpolant: linear
latent: none
objectives: [velocity]
network: {use: mlp, width: 32, depth: 2}
train: {steps: 3, batch: 64, ema: 0.9}
sample: {number: 40, batch: 16, integrator: {use: euler, steps: 5}, epsilon: 0}
report: false
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(measuring, "_STEPS", 1)
    Path("r.yaml").write_text(RECIPE)
    return Path("r.yaml")


def planned(capsys, *words):
    assert main(["run", "r.yaml", "--plan", "--json", *words]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    return {(entry["section"], entry["name"]): entry for entry in entries}


def test_what_is_counted_is_what_the_run_then_has_and_nothing_is_written(recipe, capsys):
    found = planned(capsys)
    assert [path.name for path in Path().iterdir()] == ["r.yaml"]
    assert main(["run", "r.yaml", "--out", "run"]) == 0
    model = si.load_model("run")
    parameters = sum(p.numel() for p in model.fields.predictor.parameters())
    assert found["network", "parameters"]["value"] == parameters
    for kind, copies in (("weights", 1), ("gradients", 1), ("averages", 1), ("optimizer state", 2)):
        # Adam keeps two moments and counts its steps, and an average its own.
        assert 0 <= found["memory", kind]["value"] - 4 * copies * parameters < 100
    stored = sum(path.stat().st_size for path in Path("run/checkpoints/step-00000003").glob("*.safetensors"))
    assert 0 < stored - found["disk", "a checkpoint"]["value"] < 20_000  # names and shapes
    assert found["disk", "40 samples"]["value"] == 40 * 2 * 4
    assert found["in all", "network evaluations in training"]["value"] == 3 * 64
    assert found["in all", "network evaluations in sampling"]["value"] == 3 * 16 * 5  # whole blocks
    step = found["speed", "a step of training, batch 64"]
    assert found["in all", "training, 3 steps"]["value"] == 3 * step["value"] > 0
    assert step["basis"].startswith("measured")
    assert found["memory", "activations"]["value"] > 64 * 32 * 4


def test_the_table_says_the_same_and_tells_of_several_devices(recipe, capsys):
    found = planned(capsys, "--devices", "4")
    weights = found["memory", "weights"]["value"]
    assert found["with 4 devices", "rows of a batch on a device"]["value"] == 16
    # A ring of four: each sends three quarters of the gradients twice.
    assert found["with 4 devices", "sent by a device in a step, weights whole"]["value"] == pytest.approx(1.5 * weights)
    assert found["with 4 devices", "sent by a device in a step, weights spread"]["value"] == pytest.approx(
        2.25 * weights
    )
    assert main(["run", "r.yaml", "--plan", "--devices", "4"]) == 0
    text = capsys.readouterr().out
    for section, name in found:
        assert section in text
        assert name in text


def machine(monkeypatch, memory):
    for module in (needs, forecasts):
        monkeypatch.setattr(module, "free_memory", lambda device: memory)


@pytest.mark.parametrize("memory", [20_000, 4_000])
def test_what_does_not_fit_is_counted_all_the_same(recipe, capsys, monkeypatch, memory):
    # There is room for the weights alone, or not even for them.
    expected = planned(capsys)
    machine(monkeypatch, memory)
    found = planned(capsys, "--devices", "2")
    for key in (("network", "parameters"), ("memory", "weights"), ("disk", "a checkpoint")):
        assert found[key]["value"] == pytest.approx(expected[key]["value"], abs=20)
    assert found["memory", "activations"]["value"] is None
    assert "not enough memory" in found["memory", "activations"]["basis"]
    assert found["in all", "training and sampling"]["value"] is None
    assert (found["in all", "sampling, 40 samples"]["value"] is None) == (memory == 4_000)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "{use: sgd, momentum: 0.9}", "sgd"])
def test_shapes_alone_tell_what_a_step_leaves(recipe, optimizer):
    chosen = si.load_recipe("r.yaml", [f"train.optimizer={optimizer}"])
    assembly = assemble(chosen)
    by_shape = counted(chosen, assembly.fields.predictor)
    of_steps = cost_of_steps(assembly, Runtime.at())[1]
    assert (by_shape.weights, by_shape.gradients) == (of_steps.weights, of_steps.gradients)
    assert by_shape.optimizer == of_steps.optimizer
    assert abs(by_shape.averages - of_steps.averages) <= 8  # an average counts its updates


@pytest.mark.parametrize("network", ["mlp", "unet", "{use: transformer, preset: tiny}"])
def test_networks_without_numbers_have_the_parameters_of_real_ones(recipe, network):
    chosen = si.load_recipe("r.yaml", ["target.shape=[1, 8, 8]", f"network={network}"])
    shapes = [[(n, p.shape) for n, p in each.named_parameters()] for each in (
        outlined(chosen)[1], assemble(chosen).fields.predictor
    )]  # fmt: skip
    assert shapes[0] == shapes[1]
    assert all(parameter.is_meta for parameter in outlined(chosen)[1].parameters())


@pytest.mark.parametrize(("method", "calls"), [("euler", 7), ("heun", 14), ("rk4", 28)])
def test_calls_of_the_networks_are_those_of_the_method(recipe, method, calls):
    chosen = si.load_recipe("r.yaml", [f"sample.integrator={{use: {method}, steps: 7}}"])
    found = sampling_calls(assemble(chosen))
    assert (found.calls, found.states, found.fixed) == (calls, calls, True)
    adaptive = si.load_recipe("r.yaml", ["sample.integrator=dopri5"])
    assert not sampling_calls(assemble(adaptive)).fixed


def test_a_cost_is_continued_along_a_line(recipe, monkeypatch):
    few, more = Measured(2, 0.3, 1, 70, 2), Measured(10, 0.7, 3, 310, 10)
    cost = Cost(100, [few, more])
    assert (cost.seconds, cost.activations, cost.rows) == pytest.approx((0.2 + 0.05 * 100, 10 + 30 * 100, 100))
    assert cost.timed == cost.basis == "extrapolated from batches of 2 and 10"
    alone = Cost(100, [few])
    assert (alone.seconds, alone.basis) == (pytest.approx(15.0), "extrapolated from batches of 2")
    # What a layer keeps is in proportion to the batch, but for a little that is not.
    chosen = si.load_recipe("r.yaml", ["network.width=128"])
    direct = cost_of_steps(assemble(chosen), Runtime.at())[0]
    monkeypatch.setattr(measuring, "_SECONDS", 0.0)
    continued = cost_of_steps(assemble(chosen), Runtime.at())[0]
    assert [each.batch for each in continued.measured] == [2]
    assert continued.activations == pytest.approx(direct.activations, rel=0.1)


def test_what_autograd_holds_is_counted_once_and_while_it_is_held():
    w = torch.zeros(100, requires_grad=True)
    with SavedTensors([w]) as saved:
        for _ in range(3):
            # Of each exponential its result is kept, 400 bytes; the product of w with itself keeps w, which is there.
            ((w * w).exp().exp().exp()).sum().backward()
    assert saved.most == 1200


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--devices", "2"), "fix: add --plan"),
        (("--json",), "fix: add --plan"),
        (("--plan", "--devices", "0"), "allowed 1 to"),
        (("--plan", "--resume"), "leave --resume out"),
        (("--plan", "network.width=0"), "width"),
    ],
)
def test_refusals(recipe, capsys, words, message):
    assert main(["run", "r.yaml", *words]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == ["r.yaml"]
