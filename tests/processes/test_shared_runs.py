"""A run that processes share is the run of one: equal steps up to rounding, and one folder that goes on elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
import torch

import si_core as si
from si_core.cli.main import main
from si_core.models.sampling import draw_samples


def losses(folder):
    return np.array([json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()])


def estimates(folder):
    return [(found["name"], found["value"]) for found in json.loads((folder / "estimates.json").read_text())]


def status(folder):
    return json.loads((folder / "STATUS.json").read_text())


def alone(folder, *words):
    """``si WORDS`` in the folder, by this process; its exit code."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        return main(list(words))
    finally:
        os.chdir(before)


def check_equal_runs(folder, shared, processes):
    """The run of several processes in ``shared`` beside one of one process: training, samples, estimates."""
    assert alone(folder, "run", "r.yaml", "--out", "one") == 0
    # Sums of 31 rows in another order: some units of rounding a step, of losses of order 1.
    assert np.allclose(losses(shared), losses(folder / "one"), rtol=0, atol=1e-4)
    assert status(shared)["state"] == "finished"
    assert len(list(folder.glob("**/STATUS.json"))) == 2
    # What is made of the model is the same bits, whoever makes which part of it.
    model = si.load_model(shared)
    again = draw_samples(model, 150, model.recipe.seed)
    assert np.array_equal(np.load(shared / "samples.npy"), again.x.numpy())
    assert estimates(shared) == [
        (name, si.estimate(model, name, seed=model.recipe.seed).value) for name, _ in estimates(folder / "one")
    ]
    environment = json.loads((shared / "environment.json").read_text())
    assert environment["processes"] == str(processes)


def test_two_processes_train_sample_and_estimate_as_one(torchrun, tmp_path):
    ended = torchrun(2, "-m", "si_core", "run", "r.yaml", "--out", "shared")
    assert ended.code == 0, ended.said
    assert ended.said.count("sliced-wasserstein:") == 1
    check_equal_runs(tmp_path, tmp_path / "shared", 2)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize(
    "changed",
    [
        ("train.shard=true",),
        ("train.accumulate=2", "train.times=importance"),
        ("objectives=[velocity, score]", "train.antithetic=true"),
        ("train.shard=true", "train.ema=null", "train.optimizer=sgd"),
        ("train.ema={use: power}", "sample.ema=0.07"),
    ],
    ids=" ".join,
)
def test_every_way_to_train_is_shared(torchrun, tmp_path, processes, changed):
    recipe = tmp_path / "r.yaml"
    given = si.load_recipe(recipe, list(changed)).dump(tmp_path)
    recipe.write_text(given)
    ended = torchrun(processes, "-m", "si_core", "run", "r.yaml", "--out", "shared")
    assert ended.code == 0, ended.said
    check_equal_runs(tmp_path, tmp_path / "shared", processes)


@pytest.mark.slow
@pytest.mark.parametrize("shard", ["false", "true"])
@pytest.mark.parametrize("begun", [0, 8])
def test_any_checkpoint_goes_on_with_another_number(torchrun, tmp_path, shard, begun):
    words = ("run", "r.yaml", "init=other", "train.keep=9", f"train.shard={shard}", "--out")
    assert alone(tmp_path, "run", "r.yaml", "seed=3", "--out", "other") == 0
    assert alone(tmp_path, *words, "one") == 0
    ended = torchrun(2, "-m", "si_core", *words, "shared")
    assert ended.code == 0, ended.said
    for later in (tmp_path / "shared" / "checkpoints").iterdir():
        if int(later.name.rpartition("-")[2]) > begun:
            shutil.rmtree(later)
    (tmp_path / "shared" / "model.safetensors").unlink()
    ended = torchrun(3, "-m", "si_core", *words, "shared", "--resume")
    assert ended.code == 0, ended.said
    assert f"resumed from step {begun}" in ended.said
    assert np.allclose(losses(tmp_path / "shared"), losses(tmp_path / "one"), rtol=0, atol=1e-4)


@pytest.mark.fault(58)
def test_a_process_that_is_killed_ends_all_and_any_number_goes_on(torchrun, tmp_path):
    started = torchrun.start(2, "-m", "si_core", "run", "r.yaml", "--out", "shared", "train.steps=100000")
    checkpoints = tmp_path / "shared" / "checkpoints"
    begun = time.monotonic()
    while not list(checkpoints.glob("step-*")):
        assert started.poll() is None
        assert time.monotonic() - begun < 120
        time.sleep(0.05)
    log = (tmp_path / "shared" / "log.txt").read_text()
    assert "step " in log
    os.kill(children(started.pid)[1], signal.SIGKILL)
    said, _ = started.communicate(timeout=60)
    assert started.returncode != 0
    assert said.count("gone, or without an answer, and left no word") == 1
    assert "process 1 of 2, pid" in said
    assert "internal error" not in said
    ended = status(tmp_path / "shared")
    assert (ended["state"], ended["exit_code"]) == ("failed", 3)
    step = ended["step"]
    assert step >= 4
    steps = step + 8 - step % 4
    forced = ("--resume", "--force", f"train.steps={steps}")
    assert alone(tmp_path, "run", "r.yaml", "--out", "shared", *forced) == 0
    assert alone(tmp_path, "run", "r.yaml", "--out", "one", f"train.steps={steps}") == 0
    assert status(tmp_path / "shared")["step"] == steps
    assert np.allclose(losses(tmp_path / "shared"), losses(tmp_path / "one"), rtol=0, atol=1e-3)


def children(pid):
    """The processes that a process has started, in the order of their numbers."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found.append(int(entry))
    return sorted(found)


WORKER = """\
import os, sys
from si_core.cli.main import main
rank = os.environ["RANK"]
sys.exit(main(["run", "r.yaml", "--out", "shared", *eval(sys.argv[1])[rank]]))
"""


@pytest.mark.fault(59)
def test_processes_that_were_not_started_alike_say_so_before_the_first_step(torchrun, tmp_path):
    (tmp_path / "worker.py").write_text(WORKER)
    ended = torchrun(2, "worker.py", repr({"0": [], "1": ["train.optimizer={use: adam, lr: 0.5}"]}))
    assert ended.code != 0
    assert ended.said.count("the processes were not started alike") == 1
    assert "recipe.train.optimizer" in ended.said
    assert "process 1 of 2, pid" in ended.said
    assert not (tmp_path / "shared").exists()


@pytest.mark.slow
@pytest.mark.fault(58)
def test_what_one_process_raises_is_told_once_with_its_number_and_ends_all(torchrun, tmp_path):
    (tmp_path / "worker.py").write_text(
        "import os, si_core as si\nfrom torch import nn\n"
        "class Failing(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.layer, self.calls = nn.Linear(2, 2), 0\n"
        "    def forward(self, t, x):\n        self.calls += 1\n"
        "        if os.environ['RANK'] == '1' and self.calls > 9:\n            raise MemoryError('no more of it')\n"
        "        return self.layer(x)\n"
        "recipe = {'source': 'gaussian', 'target': 'two-moons', 'network': Failing()}\n"
        "recipe['train'] = {'steps': 50, 'batch': 8}\n"
        "si.train(si.load_recipe(recipe))\n"
    )
    ended = torchrun(3, "worker.py")
    assert ended.code != 0
    assert ended.said.count("no more of it") >= 1
    assert "process 1 of 3, pid" in ended.said


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_samples_and_estimates_from_python_are_those_of_one_process(torchrun, tmp_path, processes):
    assert alone(tmp_path, "run", "r.yaml", "--out", "one") == 0
    (tmp_path / "worker.py").write_text(
        "import os, si_core as si, torch\n"
        "model = si.load_model('one')\n"
        "torch.save((si.sample(model, 100, seed=3), si.estimate(model, 'mmd').value), f\"{os.environ['RANK']}.pt\")\n"
    )
    assert torchrun(processes, "worker.py").code == 0
    model = si.load_model(tmp_path / "one")
    x, value = si.sample(model, 100, seed=3), si.estimate(model, "mmd").value
    for rank in range(processes):
        found = torch.load(tmp_path / f"{rank}.pt")
        assert torch.equal(found[0], x)
        assert found[1] == value


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_all_at_one_step_which_is_saved(torchrun, tmp_path, number):
    started = torchrun.start(2, "-m", "si_core", "run", "r.yaml", "--out", "shared", "train.steps=100000")
    while not list((tmp_path / "shared" / "checkpoints").glob("step-*")):
        assert started.poll() is None
        time.sleep(0.05)
    os.killpg(started.pid, number)
    said, _ = started.communicate(timeout=60)
    ended = status(tmp_path / "shared")
    assert (ended["state"], ended["exit_code"]) == ("interrupted", 128 + number)
    assert (tmp_path / "shared" / "checkpoints" / f"step-{ended['step']:08d}").is_dir()
    assert said.count("stopped by a signal after step") == 2  # the way to go on, and the reason


def test_what_each_of_several_processes_finds_wrong_is_told_by_the_first_of_a_machine(capsys, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in ("0", "1"):
        monkeypatch.setenv("LOCAL_RANK", rank)
        for words in (["sample", "run", "-n", "0"], ["run", "r.yaml", "--unknown"]):
            assert main(words) == 2
            assert ("error" in capsys.readouterr().err) == (rank == "0")
