"""Numbers 43, 49: a checkpoint or a model of another run, put in a run's folder, is refused by name."""

from __future__ import annotations

import shutil

import pytest

RESUME = ("run", "r.yaml", "--out", "run", "--resume")


@pytest.fixture
def other(si, tmp_path):
    """Another run, with networks of equal shapes, and a checkpoint of its own step 12."""
    assert si("run", "r.yaml", "latent.scale=1.5", "seed=4", "--out", "other").code == 0
    return tmp_path / "other"


@pytest.fixture
def halved(si, tmp_path):
    """A run that was killed at step 15, with checkpoints of steps 6 and 12."""
    assert si("run", "r.yaml", "--out", "run", moment=("signal_after_step", 15, "SIGKILL")).code == -9
    return tmp_path / "run"


@pytest.mark.fault(43)
def test_43_a_checkpoint_of_another_run(si, halved, other, finished, results):
    place = halved / "checkpoints" / "step-00000012"
    shutil.rmtree(place)
    shutil.copytree(other / "checkpoints" / "step-00000012", place)
    done = si(*RESUME)
    assert done.code == 4
    assert "run/checkpoints/step-00000012: these are the weights of another run" in done.err
    assert "seed: 4 there, 3 here" in done.err
    assert "latent.scale: 1.5 there, 1.0 here" in done.err
    assert not (halved / "model.safetensors").exists()
    shutil.rmtree(place)  # as it says: an older one serves
    assert si(*RESUME).code == 0
    assert results(halved) == results(finished)


@pytest.mark.fault(43)
def test_43_a_model_of_another_run(si, run, other):
    for name in ("model.safetensors", "frame.json"):
        shutil.copy(other / name, run / name)
    for command in (("sample", "run"), ("estimate", "run", "energy-distance"), ("export", "run", "elsewhere")):
        done = si(*command)
        assert done.code == 4
        assert "run/model.safetensors: these are the weights of another run" in done.err
        assert "latent.scale: 1.5 there, 1.0 here" in done.err


def test_43_a_model_of_another_run_in_an_exported_folder(si, run, other, tmp_path):
    for name in ("run", "other"):
        assert si("export", name, f"exported-{name}").code == 0
    assert si("sample", "exported-run", "-n", "5", "--out", "x.npy").code == 0
    for name in ("model.safetensors", "frame.json"):
        shutil.copy(tmp_path / "exported-other" / name, tmp_path / "exported-run" / name)
    done = si("sample", "exported-run", "-n", "5", "--out", "y.npy")
    assert done.code == 4
    assert "these are the weights of another run" in done.err
    assert "or export the model again" in done.err


def test_43_a_run_that_starts_from_another_one_asks_whose_its_weights_are(si, run, other):
    shutil.copy(other / "model.safetensors", run / "model.safetensors")
    done = si("run", "r.yaml", "init=run", "--out", "next")
    assert done.code == 2
    assert "these are the weights of another run" in done.err


@pytest.mark.fault(49)
def test_49_a_resumption_by_force_needs_the_word_once(si, halved):
    changed = ("train.batch=16", "train.checkpoint_every=null")
    assert si(*RESUME, *changed, "--force", moment=("signal_after_step", 14, "SIGKILL")).code == -9
    done = si("run", "run/resolved.yaml", "--out", "run", "--resume")
    assert done.code == 0
    assert "by force" not in done.err
    assert "resumed from step 12" in done.out


def test_48_what_is_kept_of_the_recipe_is_no_business_of_keys_that_do_not_enter_training(si, run, finished):
    assert si(*RESUME, "sample.number=10", "title=Another", "train.keep=5").code == 0
    assert (run / "model.safetensors").read_bytes() == (finished / "model.safetensors").read_bytes()
    assert si("sample", "run", "-n", "3").code == 0
