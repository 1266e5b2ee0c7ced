"""Numbers that go wrong: times that are none, states that explode, plans not found, memory that is not there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import si_core as si
from si_core.cli.main import main
from si_core.models.samples import Samples
from si_core.runs.sample_files import write_samples
from si_core.storage.checkpoint import load_checkpoint
from si_core.training.trainer import Trainer

pytest.importorskip("si_recipes")

RECIPE = """\
source: gaussian
target: {use: gaussian, dim: 2}
network: {use: mlp, width: 8, depth: 1}
train: {steps: 4, batch: 16, checkpoint_every: 1, ema: 0.9}
sample: {number: 8}
report: false
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "r.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def fields() -> si.Fields:
    """The exact fields between two Gaussians, with a latent."""
    gaussian = si.build("distribution", "gaussian", dim=2, dtype="float64")
    parts = [
        si.build(*each) for each in (("interpolant", "linear"), ("latent", "brownian"), ("coupling", "independent"))
    ]
    return si.exact_fields(si.StochasticInterpolant(*parts, gaussian, gaussian))


ASKED: dict[str, Callable[[si.Fields, object, torch.Tensor], torch.Tensor]] = {
    "velocity": lambda fields, t, x: fields.velocity(t, x),
    "interpolant_velocity": lambda fields, t, x: fields.interpolant_velocity(t, x),
    "score": lambda fields, t, x: fields.score(t, x),
    "denoiser": lambda fields, t, x: fields.denoiser(t, x),
    "source_denoiser": lambda fields, t, x: fields.source_denoiser(t, x),
    "target_denoiser": lambda fields, t, x: fields.target_denoiser(t, x),
    "forward_drift": lambda fields, t, x: fields.forward_drift(t, x, 0.5),
    "backward_drift": lambda fields, t, x: fields.backward_drift(t, x, 0.5),
}
TIMES = {
    "after the end": (1.5, "got 1.5"),
    "before the start": (-1e-9, "got -1e-09"),
    "no number": (float("nan"), "got nan"),
    "infinite": (float("inf"), "got inf"),
    "one of them": (torch.tensor([0.0, 0.5, 2.0]), "got 2 at entry 2"),
    "of another number": (torch.tensor([0.1, 0.2]), r"got shape \(2,\)"),
    "a word": ("late", "got 'late'"),
}


@pytest.mark.fault(35)
@pytest.mark.parametrize("case", TIMES)
@pytest.mark.parametrize("name", ASKED)
def test_fields_are_asked_at_times_from_0_to_1(fields, name, case) -> None:
    time, words = TIMES[case]
    with pytest.raises(si.UsageError, match=words):
        ASKED[name](fields, time, torch.zeros(3, 2, dtype=torch.float64))


@pytest.mark.fault(35)
@pytest.mark.parametrize("name", ASKED)
def test_the_ends_are_times_and_nothing_is_singular_there(fields, name) -> None:
    x = torch.randn(2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    inside = {"forward_drift", "backward_drift"}
    for t in (0.25, 1, 0, np.float32(0.5), torch.tensor([0.0, 1.0]), torch.tensor(0.5)):
        value = ASKED[name](fields, t, x)
        assert value.shape == x.shape
        assert name in inside or bool(torch.isfinite(value).all())


class Explodes(si.Integrator):
    """Loses state 3 of its second call."""

    def __init__(self) -> None:
        self.calls = 0

    def solve(self, transport: si.Problem, x: torch.Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        self.calls += 1
        final = x.clone()
        if self.calls == 2:
            final[3] = torch.inf
        ends = torch.tensor([transport.start, transport.stop], dtype=x.dtype)
        return si.Trajectory(ends, torch.stack([x, final]), 1)


@pytest.mark.fault(33)
def test_a_sample_that_explodes_is_found_by_its_block_and_its_place(recipe) -> None:
    model = si.train(si.load_recipe(recipe, ["sample.batch=5", "train.steps=1"]))
    with pytest.raises(si.NumericsError) as caught:
        si.sample(model, 20, integrator=Explodes())
    message = str(caught.value)
    assert message.startswith("samples 5 on, the first of which is state 0: integration to t = 1: ")
    assert "1 of 5 states" in message
    assert "state 3: norm inf" in message
    assert "more steps, float64" in message


@pytest.mark.fault(33)
@pytest.mark.parametrize("use", ["dopri5", "adaptive-stochastic-heun", "torchdiffeq"])
def test_an_adaptive_method_that_gives_up_says_when_for_which_state_and_what_helps(recipe, use, capsys) -> None:
    assert main(["run", "r.yaml", "--out", "run"]) == 0
    before = sorted(Path("run").rglob("*"))
    capsys.readouterr()
    assert main(["sample", "run", "--integrator", json.dumps({"use": use, "max_steps": 1})]) == 3
    message = capsys.readouterr().err
    for words in (f"{use} at time ", "too many steps", "largest state ", "of norm ", "rtol", "float64"):
        assert words in message
    assert sorted(Path("run").rglob("*")) == before


@pytest.mark.fault(34)
def test_networks_in_half_precision_move_states_in_single(recipe) -> None:
    assert main(["run", "r.yaml", "--out", "run", "sample.precision=bfloat16"]) == 0
    samples = np.load("run/samples.npy")
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    # Numbers of bfloat16 have 8 bits: states that were rounded to it would be such.
    assert not np.array_equal(samples, torch.from_numpy(samples).bfloat16().float().numpy())


@pytest.mark.fault(33, 34)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_samples_that_are_not_finite_are_not_stored_and_those_before_stay(tmp_path, value) -> None:
    path, weights = tmp_path / "samples.npy", tmp_path / "weights.npy"
    write_samples(path, weights, Samples(torch.ones(3, 2)))
    before = path.read_bytes()
    x = torch.ones(3, 2)
    x[1, 0] = value
    with pytest.raises(si.NumericsError, match=r"not finite are not stored[\s\S]*1 of 3 rows"):
        write_samples(path, weights, Samples(x))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["samples.npy"]


@pytest.mark.fault(34)
@pytest.mark.parametrize("key", ["sample.precision", "target.dtype"])
def test_float16_is_no_choice(recipe, key, capsys) -> None:
    assert main(["validate", "r.yaml", f"{key}=float16"]) == 2
    assert "argument 1" in capsys.readouterr().err


@pytest.mark.fault(36)
def test_a_plan_that_is_not_found_is_told_at_its_key_before_training(recipe, capsys) -> None:
    coupling = "coupling={use: entropic, epsilon: 1.0e-4, iterations: 3}"
    assert main(["run", "r.yaml", "--out", "run", coupling]) == 3
    message = capsys.readouterr().err
    assert f"argument 1 '{coupling}'" in message
    assert "has not converged" in message
    assert "residual" in message
    assert "a larger epsilon" in message
    assert not Path("run").exists()


WANT = {
    "of the host": MemoryError(),
    "as torch says it": RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory"),
    "of the device": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
}


@pytest.mark.fault(37)
@pytest.mark.parametrize("want", WANT)
def test_memory_that_runs_out_in_training_is_asked_for_once_and_the_last_checkpoint_serves(
    recipe, want, monkeypatch, capsys
) -> None:
    assert main(["run", "r.yaml", "--out", "whole"]) == 0
    advance, asked = Trainer.advance, []

    def starved(trainer: Trainer) -> None:
        if trainer.step == 2:
            asked.append(trainer)
            raise WANT[want]
        advance(trainer)

    with monkeypatch.context() as small:
        small.setattr(Trainer, "advance", starved)
        capsys.readouterr()
        assert main(["run", "r.yaml", "--out", "run"]) == 3
    message = capsys.readouterr().err
    for words in ("out of memory in training", "batch 16", "parameters", "peak", "(1) train.batch=8", "(2)", "(3)"):
        assert words in message
    assert len(asked) == 1
    newest = max(Path("run/checkpoints").iterdir())
    assert newest.name == "step-00000002"
    assert load_checkpoint(newest)
    assert main(["run", "r.yaml", "--out", "run", "--resume"]) == 0
    for name in ("model.safetensors", "samples.npy"):
        assert Path("run", name).read_bytes() == Path("whole", name).read_bytes()


@pytest.mark.fault(37)
@pytest.mark.parametrize("coupling", ["optimal-transport", "{use: entropic, epsilon: 1.0}"])
@pytest.mark.parametrize("size", ["train.batch=30000", "coupling.pool=30000"])
def test_distances_between_too_many_points_are_refused_and_not_begun(recipe, coupling, size, monkeypatch, capsys):
    """Where a system lends memory that it does not have, what takes it is killed without a word."""
    monkeypatch.setattr("si_core.models.needs.free_memory", lambda device: 10**9)
    before = time.monotonic()
    assert main(["run", "r.yaml", "--out", "run", f"coupling={coupling}", size]) == 3
    assert time.monotonic() - before < 30
    message = capsys.readouterr().err
    assert "not enough memory" in message
    assert "13.4 GiB for the distances between 30000 and 30000 points" in message
    assert "a smaller train.batch, or a smaller pool" in message


@pytest.mark.fault(37)
@pytest.mark.parametrize(("batch", "remedy"), [(None, 256), (512, 256), (64, 32), (1, 1)])
def test_the_remedy_asks_for_less_than_there_was(recipe, batch, remedy, monkeypatch, capsys) -> None:
    def starved(*arguments: object, **settings: object) -> None:
        raise MemoryError

    monkeypatch.setattr("si_core.models.blocks.BLOCK", 2048)  # tests have smaller ones
    monkeypatch.setattr("si_core.runs.carry_out.sample_into", starved)
    asked = [] if batch is None else [f"sample.batch={batch}"]
    assert main(["run", "r.yaml", "--out", "run", *asked]) == 3
    message = capsys.readouterr().err
    assert f"batch {batch or 2048}, " in message
    assert f"(1) sample.batch={remedy} (" in message
