"""Entry points make the runtime: each refuses to do alone what is the work of several, and what it asks for is done."""

from __future__ import annotations

import pytest
import torch

import si_core as si
from si_core.models.assembly import assemble
from si_core.public.runs import start_run
from si_core.training.trainer import Trainer

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)
pytest.importorskip("si_estimators")

TEXT = """\
    seed: 4
    source: gaussian
    target: eight-gaussians
    latent: brownian
    objectives: [velocity, denoiser]
    network: {use: mlp, width: 16, depth: 2}
    train: {steps: 2, batch: 32}
    sample: {number: 8, integrator: {use: euler-maruyama, steps: 4}, epsilon: 0.5}
    report: false
    """


class Silence:
    def line(self, text): ...

    def warn(self, text): ...

    def progress(self, done, whole, text=""): ...


@pytest.fixture
def model(recipe):
    return si.train(recipe(TEXT))


def entry_points(recipe, model, folder):
    return {
        "train": lambda **on: si.train(recipe(TEXT), **on),
        "load_model": lambda **on: si.load_model(folder / "none", **on),
        "start_run": lambda: start_run(recipe(TEXT), console=Silence(), out=folder / "run"),
        "sample": lambda: si.sample(model, 4),
        "estimate": lambda: si.estimate(model, "energy-distance"),
    }


@pytest.mark.parametrize("entry_point", ["train", "load_model", "start_run", "sample", "estimate"])
def test_one_of_several_processes_does_not_work_alone(recipe, model, tmp_path, monkeypatch, entry_point):
    monkeypatch.setenv("WORLD_SIZE", "2")
    said = "is done by one" if entry_point == "start_run" else "don't come together"  # nobody says where to meet
    with pytest.raises(si.UsageError, match=rf"{said}[\s\S]*without"):
        entry_points(recipe, model, tmp_path)[entry_point]()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("entry_point", ["train", "load_model"])
@pytest.mark.parametrize("device", ["abacus", torch.device("meta")])
def test_a_device_that_is_not_there_is_refused_before_work(recipe, model, tmp_path, entry_point, device):
    with pytest.raises(si.UsageError, match="no such device here"):
        entry_points(recipe, model, tmp_path)[entry_point](device=device)


def test_auto_and_a_runtime_are_devices(recipe):
    first, second = (si.train(recipe(TEXT), device) for device in ("cpu", si.Runtime()))
    assert torch.equal(si.sample(first, 4), si.sample(second, 4))
    assert si.train(recipe(TEXT), "auto").device.type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("asked", [None, True, False])
@pytest.mark.parametrize("written", [True, False])
def test_a_runtime_has_the_last_word_on_compilation(recipe, asked, written):
    loaded = recipe(TEXT, f"train.compile={str(written).lower()}", f"sample.compile={str(written).lower()}")
    runtime, wanted = si.Runtime(compile=asked), written if asked is None else asked
    trainer = Trainer(assemble(loaded), runtime)
    assert (trainer.predictor._compiled_call_impl is not None) is wanted
    assert assemble(loaded).model().on(runtime).accelerator.compile is wanted


@pytest.mark.parametrize("asked", [None, "full", "bfloat16"])
@pytest.mark.parametrize("written", ["full", "bfloat16"])
def test_a_runtime_has_the_last_word_on_precision(recipe, asked, written):
    model = si.train(recipe(TEXT, f"sample.precision={written}"), si.Runtime(precision=asked))
    twin = si.train(recipe(TEXT, f"sample.precision={asked or written}"))
    assert model.accelerator.precision == (asked or written)
    assert torch.equal(si.sample(model, 16), si.sample(twin, 16))


def test_a_silent_runtime_leaves_the_model_as_it_is(model):
    assert model.on(si.Runtime()).accelerator is model.accelerator


def test_the_model_draws_where_it_is(model):
    assert model.stream(3, "sample", 0).initial_seed() == model.stream(3, "sample", 0).initial_seed()
    assert model.stream(3, "sample", 0).device == model.device
