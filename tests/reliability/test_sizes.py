"""Sizes that nobody can hold: refused at once, with the key, the numbers and what to do, and blamed on nobody.

What a machine has is set here, so that the tests say the same on every machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import si_core as si
from si_core.cli.main import main
from si_core.contract.largest import Largest
from si_core.discovery.plugins import reset
from si_core.models import needs
from si_core.models.needs import growing, refuse_samples
from si_core.runs.same_recipe import kept_text
from si_core.storage.machine import free_disk, free_memory, in_units
from si_core.storage.tensors import load_tensors, save_tensors

pytest.importorskip("si_recipes")

MIB = 2**20
SECONDS = 5.0
"""How long a refusal may take; none needs one."""

RECIPE = """\
source: gaussian
target: {use: gaussian, dim: 2}
network: {use: mlp, width: 16, depth: 2}
train: {steps: 2, batch: 16}
sample: {number: 10}
report: false
"""

THIRD_PARTY = '''
import numpy as np
import torch
from torch import nn
from si_core import Component, hookimpl


class Greedy(nn.Module):
    """Takes what it is told to take."""

    def __init__(self, shape: tuple[int, ...], what: str = "nothing", size: int = 1) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        if what == "layers":
            self.layers = nn.ModuleList(nn.Linear(1, 1) for _ in range(size))
        elif what == "activations":
            self.layers = nn.ModuleList(nn.SiLU() for _ in range(size))
        elif what == "wide":
            self.layers = nn.ModuleList(nn.Linear(size, size) for _ in range(1000))
        elif what == "linear":
            self.layer = nn.Linear(size, size)
        elif what == "tensor":
            torch.empty(size)
        elif what == "array":
            np.empty(size)
        elif what == "square":
            np.empty((size, size))
        elif what == "list":
            [0] * size
        elif what == "nothing left":
            raise MemoryError
        elif what == "bug":
            raise RuntimeError(f"a bug of {size} lines")
        elif what == "for ever":
            while True:
                pass

    def forward(self, t, x, condition=None):
        return self.scale * x


@hookimpl
def si_components():
    return [Component("network", "greedy", "si_greedy_sizes:Greedy", "takes what it can")]
'''


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "r.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def greedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A third party's network."""
    info = tmp_path / "si_greedy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: si-greedy\nVersion: 1.0\nRequires-Dist: si-core>=0.2,<0.3\n"
    )
    (info / "entry_points.txt").write_text("[si_core.plugins]\ngreedy = si_greedy_sizes\n")
    (tmp_path / "si_greedy_sizes.py").write_text(THIRD_PARTY)
    monkeypatch.syspath_prepend(str(tmp_path))
    reset()
    yield
    reset()


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code and the words of a command that must not take long."""
    before = time.monotonic()
    code = main(list(words))
    assert time.monotonic() - before < SECONDS
    text = capsys.readouterr().err
    assert "frame #" not in text
    assert "Exception raised from" not in text
    assert "Traceback" not in text
    assert "fix" in text or "allowed" in text
    return code, text


def machine(monkeypatch: pytest.MonkeyPatch, memory: int | None = None, disk: int | None = None) -> None:
    """Pretend that so many bytes are free; None for a machine that does not say."""
    monkeypatch.setattr(needs, "free_memory", lambda device: memory)
    monkeypatch.setattr(needs, "free_disk", lambda folder: disk)


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("network.depth", "1000000000"),
        ("network.width", str(2**63)),
        ("network.width", "1000000"),
        ("network.time_features", "10000000000"),
        ("target.dim", "1000000000000"),
        ("sample.number", "1000000000000"),
        ("sample.integrator", "{use: heun, steps: 1000000000000000000}"),
        ("coupling", "{use: optimal-transport, pool: 1000000000000}"),
        ("coupling", "{use: entropic, epsilon: 1.0, iterations: 1000000000000}"),
        ("train.batch", "1000000000"),
    ],
)
def test_an_option_beyond_its_bound_is_refused_at_its_key(recipe, capsys, key, value):
    code, text = refused(capsys, "validate", str(recipe), f"{key}={value}")
    assert code == 2
    assert key in text
    assert "<=" in text or "from 1 to" in text


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("network", "{use: mlp, width: 65536, depth: 1024}", 3),
        ("network", "{use: mlp, width: 2048, depth: 1024}", 3),
        ("sample.number", "10000000000", 5),
        ("train.batch", "10000000", 4),
    ],
)
def test_what_the_machine_can_not_hold_is_3_at_its_key(recipe, capsys, monkeypatch, key, value, line):
    machine(monkeypatch, memory=100 * MIB)
    code, text = refused(capsys, "validate", "--build", str(recipe), f"{key}={value}")
    assert code == 3
    assert "not enough memory" in text
    assert f"argument 1 '{key}={value}'" in text or f"r.yaml:{line}:" in text
    assert "100 MiB are free" in text
    assert "a machine with more memory" in text


def test_a_run_that_has_no_room_leaves_no_folder(recipe, capsys, monkeypatch):
    machine(monkeypatch, memory=100 * MIB)
    code, text = refused(capsys, "run", str(recipe), "--out", "run", "sample.number=1000000000")
    assert code == 3
    assert "sample.number" in text
    assert not Path("run").exists()


@pytest.mark.parametrize(("key", "value"), [("sample.number", "100000"), ("network.width", "512")])
def test_samples_and_checkpoints_have_room_on_the_disk(recipe, capsys, monkeypatch, key, value):
    machine(monkeypatch, disk=MIB // 2)
    code, text = refused(capsys, "run", str(recipe), "--out", "run", f"{key}={value}")
    assert code == 3
    assert "not enough disk" in text
    assert key.partition(".")[0] in text
    assert not Path("run").exists()


def test_samples_of_a_finished_run_are_counted_first(recipe, capsys, monkeypatch):
    assert main(["run", str(recipe), "--out", "run"]) == 0
    capsys.readouterr()
    code, text = refused(capsys, "sample", "run", "-n", str(10**15))
    assert code == 3
    assert "-n: not enough" in text
    machine(monkeypatch, disk=MIB)
    code, text = refused(capsys, "sample", "run", "-n", "1000000")
    assert code == 3
    assert "-n: not enough disk" in text
    code, text = refused(capsys, "sample", "run", "--integrator", '{"use": "heun", "steps": 1000000000000000000}')
    assert code == 2
    model = si.load_model("run")
    with pytest.raises(si.NumericsError, match="not enough memory"):
        machine(monkeypatch, memory=MIB)
        si.sample(model, 10**6)


def test_a_stranger_s_network_is_no_larger_than_its_weights(recipe, capsys, monkeypatch):
    assert main(["run", str(recipe), "--out", "run"]) == 0
    resolved = Path("run/resolved.yaml")
    text = resolved.read_text()
    assert text.count("width: 16") == 1
    resolved.write_text(text.replace("width: 16", "width: 8192"))
    # A stranger's weights say that they are of this recipe.
    stored = load_tensors(Path("run/model.safetensors"))
    told = {**stored.metadata, "recipe": kept_text(si.load_recipe(resolved))}
    save_tensors(Path("run/model.safetensors"), stored.tensors, told)
    capsys.readouterr()
    code, words = refused(capsys, "sample", "run", "-n", "10")
    assert code == 3
    assert "larger than its stored weights" in words


@pytest.mark.parametrize(
    ("what", "size"),
    [
        ("layers", 10**9),
        ("activations", 10**9),
        ("wide", 2048),
        ("linear", 2**14),
        ("linear", 2**40),
        ("linear", 2**63),
        ("tensor", 10**14),
        ("tensor", 2**63),
        ("array", 10**15),
        ("array", 2**70),
        ("square", 10**12),
        ("list", 10**17),
        ("list", 2**70),
        ("nothing left", 1),
    ],
)
def test_a_third_party_s_constructor_that_asks_for_too_much_is_not_to_blame(
    recipe, greedy, capsys, monkeypatch, what, size
):
    machine(monkeypatch, memory=100 * MIB)
    monkeypatch.setattr(Largest, "PARTS", 5000)
    code, text = refused(
        capsys, "validate", "--build", str(recipe), f"network={{use: greedy, what: {what}, size: {size}}}"
    )
    assert code == 3
    assert "argument 1 'network=" in text
    assert "report it" not in text


def test_a_bug_in_a_constructor_stays_its_authors(recipe, greedy, capsys):
    code, text = refused(capsys, "validate", "--build", str(recipe), "network={use: greedy, what: bug}")
    assert code == 5
    assert "report it to the authors of si-greedy" in text


def test_building_to_validate_ends(recipe, greedy, capsys):
    words = ["network={use: greedy, what: for ever}", "--seconds", "0.5"]
    code, text = refused(capsys, "validate", "--build", str(recipe), *words)
    assert code == 3
    assert "building network did not finish within 0.5 s" in text
    assert "--seconds" in text


def test_a_plan_beyond_double_precision_is_refused_at_once(recipe, capsys):
    far = ["target.covariance=1.0e+30", "coupling={use: entropic, epsilon: 1.0, pool: 256}"]
    code, text = refused(capsys, "validate", "--build", str(recipe), *far)
    assert code == 3
    assert "too small beside the cost" in text
    assert "argument 2 'coupling=" in text


def test_a_machine_that_does_not_say_refuses_nothing(recipe, monkeypatch):
    machine(monkeypatch)
    assert main(["validate", "--build", str(recipe), "sample.number=10000000000"]) == 0


def test_what_fits_is_not_refused(monkeypatch):
    machine(monkeypatch, memory=10**6, disk=10**6)
    refuse_samples(10**6 // 16, (2,), 4, folder=Path())
    with pytest.raises(si.NumericsError, match="got at least"):
        refuse_samples(10**6 // 8, (2,), 4)
    with growing():
        torch.nn.Linear(499, 500)  # 250,000 numbers of 4 bytes
    with pytest.raises(si.NumericsError), growing(2):
        torch.nn.Linear(499, 500)
    torch.nn.Linear(1000, 1000)  # nobody counts any more


def test_free_memory_and_disk_are_what_one_can_have(tmp_path):
    memory, disk = free_memory(torch.device("cpu")), free_disk(tmp_path / "not" / "yet" / "there")
    assert disk is not None
    assert disk > 0
    assert memory is None or memory > 8 * MIB
    assert free_memory(torch.device("meta")) is None
    if memory is not None:
        np.ones(MIB)  # 8 MiB of it can be had


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (2**40, "1 TiB"), (2**63, "8192 PiB")]
)
def test_sizes_are_said_in_units(size, text):
    assert in_units(size) == text
