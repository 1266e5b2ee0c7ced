"""Power-function averages of the weights: their profiles, and averages of any length made of those that were kept."""

from __future__ import annotations

import functools
import math
import shutil

import numpy as np
import pytest
import torch
from torch import nn

import si_core as si
from si_core.cli.main import main
from si_core.models.assembly import assemble
from si_core.models.power_profile import combination, exponent
from si_core.recipes.training import PowerAverages
from si_core.storage.tensors import load_tensors
from si_core.training.averages import Averages
from si_core.training.trainer import Trainer

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)

TEXT = """\
    seed: 4
    source: {use: gaussian, dim: 2}
    target: eight-gaussians
    network: {use: mlp, width: 8, depth: 1}
    train:
      steps: 96
      batch: 16
      optimizer: {use: adam, lr: 1e-2}
      ema: {use: power, lengths: [0.05, 0.1], snapshots: 16}
      checkpoint_every: 48
    sample: {number: 32, batch: 32, integrator: {use: euler, steps: 2}}
    report: false
    """
STEPS = 96


@functools.cache
def shape(length: float) -> float:
    """a of the law Beta(a, 1) with this standard deviation, which falls in a."""
    low, high = 1.0, 1e4
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if beta(middle) > length else (low, middle)
    return low


def beta(a: float) -> float:
    """The standard deviation of Beta(a, 1)."""
    return float(torch.distributions.Beta(torch.tensor(a, dtype=torch.float64), 1.0, validate_args=False).stddev)


def profile(length: float, steps: int) -> np.ndarray:
    """The weight of each of the steps: Beta(a, 1) of t/steps, unit by unit."""
    return np.diff((np.arange(steps + 1) / steps) ** shape(length))


@pytest.mark.parametrize("length", [0.001, 0.01, 0.05, 0.1, 0.2, 0.28])
def test_a_relative_length_is_the_standard_deviation_of_the_profile(length):
    assert beta(exponent(length) + 1) == pytest.approx(length, rel=1e-9)


@pytest.mark.parametrize("length", [0.01, 0.05, 0.1, 0.25])
def test_the_running_average_has_the_profile_of_its_length(length):
    """A parameter with an entry for each step, 1 in that step alone, is averaged to the weights of the steps."""
    layer = nn.Linear(200, 1, bias=False).double()
    averages = Averages(layer, PowerAverages(lengths=[length]))
    for step in range(200):
        with torch.no_grad():
            layer.weight.zero_()[0, step] = 1.0
        averages.update()
    assert averages.count == 200
    found = averages.lengths[length].weight.detach()[0].numpy()
    np.testing.assert_allclose(found, profile(length, 200), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("length", [0.03, 0.05, 0.06, 0.075, 0.09, 0.1, 0.12])
def test_other_lengths_are_combinations_of_those_kept(length):
    """For any path of weights the error is at most what is missing, in the norm of least squares."""
    steps, path = 960, np.random.default_rng(0).normal(size=(960, 50)).cumsum(0)
    missing = {}
    for snapshots in (4, 16, 64):
        kept = [(own, at) for at in range(steps // snapshots, steps + 1, steps // snapshots) for own in (0.05, 0.1)]
        c, missing[snapshots] = combination(kept, length, steps)
        weights = sum(np.pad(one * profile(own, at), (0, steps - at)) for one, (own, at) in zip(c, kept, strict=True))
        wanted = profile(length, steps)
        distance = np.linalg.norm(weights - wanted)
        # Of a mean over a unit of time the norm is at most that of what is averaged.
        size = math.sqrt((exponent(length) + 1) ** 2 / (2 * exponent(length) + 1) / steps)
        assert distance <= missing[snapshots] * size + 1e-6
        error = np.linalg.norm((weights - wanted) @ path, axis=0)
        assert np.all(error <= (missing[snapshots] * size + 1e-6) * np.linalg.norm(path))
    assert missing[64] <= missing[16] + 1e-7 <= missing[4] + 2e-7
    if 0.05 <= length <= 0.1:
        assert missing[16] < 5e-3
        assert missing[64] < 5e-4
    if length in (0.05, 0.1):
        assert missing[4] < 1e-6


@pytest.fixture
def run(recipe, tmp_path):
    """The folder of a run, trained to the end."""
    recipe(TEXT)
    assert main(["run", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def weights(model) -> np.ndarray:
    return torch.cat([p.detach().flatten() for p in model.parameters()]).double().numpy()


def test_a_run_is_sampled_from_averages_of_any_length(recipe, run, capsys):
    """Against the weights after each step, averaged with the profiles; and the same at every entry point."""
    trainer, path = Trainer(assemble(recipe(TEXT)), si.Runtime()), []
    for _ in range(STEPS):
        trainer.advance()
        path.append(weights(trainer.predictor))
    path = np.stack(path)
    assert len(list((run / "averages").iterdir())) == 16
    default = si.load_model(run)
    spread = np.abs(path - path[-1]).max()
    for length in (0.05, 0.06, 0.08, 0.1, 0.12):
        model = si.load_model(run, ema=length)
        # Single precision of the averages, and a combination of 32 of them.
        np.testing.assert_allclose(
            weights(model.fields.predictor), profile(length, STEPS) @ path, rtol=0, atol=1e-2 * spread
        )
        exact = np.array_equal(weights(model.fields.predictor), weights(default.fields.predictor))
        assert exact is (length == 0.05)
    assert np.array_equal(weights(trainer.trained()), weights(default.fields.predictor))
    samples = []
    for options in (["--ema", "0.08"], ["--ema", "0.05"], []):
        assert main(["sample", str(run), "-n", "8", *options, "--out", str(run.parent / "x.npy")]) == 0
        samples.append(np.load(run.parent / "x.npy"))
    assert np.array_equal(samples[1], samples[2])
    assert not np.array_equal(samples[0], samples[1])
    np.testing.assert_array_equal(samples[0], si.sample(si.load_model(run, ema=0.08), 8).numpy())
    capsys.readouterr()
    assert main(["sample", str(run), "-n", "8", "--ema", "0.005"]) == 2
    assert "out of reach" in capsys.readouterr().err
    assert main(["sample", str(run), "-n", "8", "--ema", "0.5"]) == 2
    assert main(["estimate", str(run), '{"use": "energy-distance", "samples": 64}', "--ema", "0.08"]) == 0
    # Another length in the recipe is no other training: the run goes on with its samples.
    assert main(["run", str(run.parent / "r.yaml"), "sample.ema=0.08", "--resume", "--out", str(run)]) == 0
    assert main(["sample", str(run), "-n", "8", "--seed", "4", "--out", str(run.parent / "x.npy")]) == 0
    np.testing.assert_array_equal(
        weights(si.load_model(run).fields.predictor), weights(si.load_model(run, ema=0.08).fields.predictor)
    )
    np.testing.assert_array_equal(np.load(run / "samples.npy")[:8], np.load(run.parent / "x.npy"))


def test_averages_and_what_is_kept_of_them_go_on_to_the_bit(run):
    def kept(folder) -> dict[str, bytes]:
        files = [*folder.glob("averages/*"), folder / "model.safetensors", folder / "samples.npy"]
        return {path.name: path.read_bytes() for path in files}

    whole = kept(run)
    other = run.parent / "other"
    shutil.copytree(run, other)
    shutil.rmtree(other / "checkpoints" / "step-00000096")
    for path in (other / "averages").glob("step-000000[5-9]*"):
        path.unlink()
    (other / "samples.npy").unlink()
    (other / "model.safetensors").unlink()
    assert main(["run", str(run.parent / "r.yaml"), "--resume", "--out", str(other)]) == 0
    assert kept(other) == whole
    for path in (other / "averages").glob("step-00000096*"):
        path.unlink()
    with pytest.raises(si.StorageError, match="averages of step 96 are not there"):
        si.load_model(other, ema=0.08)


def test_the_average_that_is_followed_is_sampled_in_memory(recipe):
    steps = "train.steps=20"
    models = [si.train(recipe(TEXT, steps, *more)) for more in ((), ("sample.ema=0.05",), ("sample.ema=0.1",))]
    trainer = Trainer(assemble(recipe(TEXT, steps)), si.Runtime())
    for _ in range(20):
        trainer.advance()
    for model, length in zip(models, (0.05, 0.05, 0.1), strict=True):
        assert np.array_equal(weights(model.fields.predictor), weights(trainer.averages.lengths[length]))
    with pytest.raises(si.RecipeError, match=r"sample.ema|r.yaml[\s\S]*keeps no averages"):
        si.train(recipe(TEXT, steps, "sample.ema=0.07"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.ema=0.9", r"keeps no averages of several lengths[\s\S]*train.ema: \{use: power"),
        ("train.ema={use: power, lengths: [0.1, 0.1]}", "has a length twice"),
        ("train.ema={use: power, lengths: [0.5]}", r"lengths.0[\s\S]*out of range"),
        ("train.ema={use: power, lengths: []}", "wrong number of items"),
        ("train.ema=1.5", r"train.ema[\s\S]*out of range"),
        ("train.ema=geometric", "train.ema"),
        ("sample.ema=0.5", "out of range"),
    ],
)
def test_what_can_not_be_is_refused_before_training(recipe, override, message):
    with pytest.raises(si.RecipeError, match=message):
        assemble(recipe(TEXT, *([] if override.startswith("sample") else ["sample.ema=0.07"]), override))


def test_an_average_is_asked_of_runs_that_keep_some_alone(recipe, tmp_path):
    recipe(TEXT, *(overrides := ("train.ema=0.9", "train.steps=4")))
    assert main(["run", str(tmp_path / "r.yaml"), *overrides, "--out", str(tmp_path / "run")]) == 0
    assert not (tmp_path / "run" / "averages").exists()
    with pytest.raises(si.UsageError, match="keeps no averages"):
        si.load_model(tmp_path / "run", ema=0.1)
    assert load_tensors(tmp_path / "run" / "model.safetensors").metadata["step"] == "4"


def test_a_length_out_of_reach_costs_no_training(recipe, tmp_path, capsys):
    recipe(TEXT)
    words = ["run", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "run")]
    kept = "train.ema={use: power, lengths: [0.05], snapshots: 1}"
    assert main([*words, kept, "sample.ema=0.2"]) == 2
    assert "out of reach" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert main([*words, "sample.ema=0.08", "train.steps=0"]) == 0
