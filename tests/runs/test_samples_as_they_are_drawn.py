"""Samples in files, written block by block: every format, requests that were stopped, so many of each class."""

from __future__ import annotations

import csv
import json
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import si_core as si
from si_core.cli.main import main
from si_core.contract.processes import LostProcess
from si_core.contract.weights import weights_of_mean_one
from si_core.models import needs
from si_core.models.blocks import Blocks
from si_core.models.sampling import blocks_of, draw_samples
from si_core.runs import partial_samples
from si_core.runs.sample_formats.base import SampleForm
from si_core.runs.sample_formats.numpy_files import NpyFile, NpzFile
from si_core.runs.sample_stream import Heard, write_stream
from si_core.runs.signals import Interrupted
from si_core.storage.lock import RunLock
from si_core.storage.png import png_of
from si_core.storage.tensors import load_tensors

for plugin in ("si_distributions", "si_networks", "si_integrators", "si_interpolants", "si_objectives"):
    pytest.importorskip(plugin)

KINDS = ("ash", "elm", "oak")
RECIPE = """\
seed: 3
target: {use: array, path: trees.csv, label: kind}
source: gaussian
interpolant: linear
latent: none
objectives: [velocity]
network: {use: mlp, width: 8, depth: 1}
train: {steps: 2, batch: 8}
sample: {number: 5, batch: 8, integrator: {use: euler, steps: 2}, epsilon: 0}
report: false
"""
NOBODY = Heard(lambda done, of: None, lambda text: None, lambda text: None)
FORMATS = ("npy", "npz", "safetensors", "csv", "parquet")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A finished run on a table of trees, sampled in blocks of 8."""
    folder = tmp_path_factory.mktemp("trees")
    rows = np.random.default_rng(0).normal(size=(60, 2))
    lines = [f"{a},{b},{KINDS[i % 3]}" for i, (a, b) in enumerate(rows.tolist())]
    (folder / "trees.csv").write_text("\n".join(["height,girth,kind", *lines]))
    (folder / "r.yaml").write_text(RECIPE)
    assert main(["run", str(folder / "r.yaml"), "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture
def sample(made, tmp_path, monkeypatch, capsys):
    """Carries ``si sample`` out in a folder of its own; gives its exit code and what it said."""
    monkeypatch.chdir(tmp_path)

    def carried_out(*words):
        code = main(["sample", str(made), *map(str, words)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return carried_out


@pytest.fixture
def recorded(monkeypatch):
    """Every block is recorded, and not one a second."""
    monkeypatch.setattr(partial_samples, "_SECONDS", 0.0)


def stopped_at(monkeypatch, number, error=None):
    """The numbers of the blocks that are drawn from now on; at one of them a signal comes, or an error."""
    drawn, draw = [], Blocks.block

    def block(self, index):
        if index == number:
            raise error or Interrupted(130)
        drawn.append(index)
        return draw(self, index)

    monkeypatch.setattr(Blocks, "block", block)
    return drawn


def arrays(path: Path) -> dict[str, np.ndarray]:
    """What a file of samples holds, by name."""
    if path.suffix == ".npy":
        return {"x": np.load(path)}
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    if path.suffix == ".safetensors":
        stored = load_tensors(path)
        kinds = np.array(json.loads(stored.metadata["classes.kind"]))
        return {"x": stored.tensors["x"].numpy(), "kind": kinds[stored.tensors["kind"].numpy()]}
    if path.suffix == ".parquet":
        columns = pytest.importorskip("pyarrow.parquet").read_table(path).to_pydict()
    else:
        with path.open(newline="") as file:
            head, *rows = csv.reader(file)
        columns = dict(zip(head, zip(*rows, strict=True), strict=True))
    x = np.stack([np.array(columns[name], dtype=np.float32) for name in ("height", "girth")], 1)
    return {"x": x, "kind": np.array(columns["kind"])}


def test_every_format_holds_the_same_samples(sample, made):
    labels = draw_samples(si.load_model(made), 27, 5).condition["kind"].tolist()
    for suffix in FORMATS:
        assert sample("-n", 27, "--seed", 5, "--out", f"x.{suffix}")[0] == 0
    whole = np.load("x.npy")
    assert whole.shape == (27, 2)
    for suffix in FORMATS:
        held = arrays(Path(f"x.{suffix}"))
        assert np.array_equal(held.pop("x"), whole)
        assert all(kinds.tolist() == [KINDS[i] for i in labels] for kinds in held.values())
        assert held or suffix == "npy"
    assert {path.name for path in Path().iterdir()} == {f"x.{suffix}" for suffix in FORMATS}


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_request_that_was_stopped_goes_on_to_the_same_file(sample, recorded, monkeypatch, suffix):
    words = ("-n", 35, "--out", f"x.{suffix}")
    assert sample(*words)[0] == 0
    expected = Path(f"x.{suffix}").read_bytes()
    Path(f"x.{suffix}").write_text("older")
    for number in (1, 4):
        with monkeypatch.context() as patched:
            drawn = stopped_at(patched, number)
            code, said = sample(*words)
        assert code == 130
        assert f"{8 * number} of 35 samples are kept beside x.{suffix}: the same command goes on" in said
        assert drawn == list(range(0 if number == 1 else 1, number))
        assert Path(f"x.{suffix}").read_text() == "older"
    drawn = stopped_at(monkeypatch, None)
    code, said = sample(*words)
    assert (code, "going on after the first 32 of 35 samples" in said) == (0, True)
    assert drawn == [4]
    assert Path(f"x.{suffix}").read_bytes() == expected
    assert [path.name for path in Path().iterdir()] == [f"x.{suffix}"]


def test_what_was_not_recorded_leaves_nothing(sample, monkeypatch):
    stopped_at(monkeypatch, 2)
    assert sample("-n", 35, "--out", "x.npy")[0] == 130
    assert list(Path().iterdir()) == []


def test_a_failure_that_would_come_again_leaves_nothing_and_others_leave_what_is_there(sample, recorded, monkeypatch):
    with monkeypatch.context() as patched:
        stopped_at(patched, 3, si.NumericsError("it blew up"))
        assert sample("-n", 35, "--out", "x.npy")[0] == 3
    assert list(Path().iterdir()) == []
    for error in (si.StorageError("the disk is full"), LostProcess("another of the 2 processes has ended")):
        with monkeypatch.context() as patched:
            stopped_at(patched, 3, error)
            code, said = sample("-n", 35, "--out", "x.npy")
        assert (code, "24 of 35 samples are kept" in said) == (error.code, True)


def test_another_request_begins_anew_and_tells_of_the_first(sample, recorded, monkeypatch, made):
    with monkeypatch.context() as patched:
        stopped_at(patched, 3)
        assert sample("-n", 35, "--out", "x.npy")[0] == 130
    (left,) = Path().iterdir()
    for words in (("--seed", 1), ("--condition", "oak"), ("--integrator", '{"use": "euler", "steps": 3}')):
        with monkeypatch.context() as patched:
            drawn = stopped_at(patched, None)
            code, said = sample("-n", 35, "--out", "x.npy", *words)
        assert (code, f"{left}: samples of another request" in " ".join(said.split())) == (0, True)
        assert drawn == [0, 1, 2, 3, 4]
    # Damaged, it is told and drawn again.
    array = left / "0.npy"
    array.write_bytes(array.read_bytes()[:150])
    drawn = stopped_at(monkeypatch, None)
    code, said = sample("-n", 35, "--out", "x.npy")
    assert (code, "damaged, and is drawn again" in " ".join(said.split())) == (0, True)
    assert drawn == [0, 1, 2, 3, 4]
    assert np.array_equal(np.load("x.npy"), draw_samples(si.load_model(made), 35, 0).x)


def test_what_is_there_already_needs_no_room_and_who_is_at_it_has_it_alone(sample, recorded, monkeypatch):
    with monkeypatch.context() as patched:
        stopped_at(patched, 4)
        assert sample("-n", 35, "--out", "x.npy")[0] == 130
    monkeypatch.setattr(needs, "free_disk", lambda folder: 100)  # 35 samples are 280 bytes, and 32 of them are there
    assert sample("-n", 35, "--seed", 1, "--out", "x.npy")[0] == 3
    (left,) = Path().iterdir()
    with RunLock(left / ".lock"):
        code, said = sample("-n", 35, "--out", "x.npy")
        assert (code, "another process owns this request for samples" in " ".join(said.split())) == (4, True)
    assert sample("-n", 35, "--out", "x.npy")[0] == 0


def test_blocks_are_drawn_in_any_order(made):
    blocks = blocks_of(si.load_model(made), 35, 7)
    in_order = list(blocks.drawn())
    assert [len(block.x) for block in in_order] == [8, 8, 8, 8, 3]
    for number in (3, 0, 4, 3):
        block = blocks.block(number)
        assert torch.equal(block.x, in_order[number].x)
        assert torch.equal(block.condition["kind"], in_order[number].condition["kind"])


def test_so_many_of_each_class_in_order_of_the_classes(sample):
    assert sample("--classes", "each:9", "--out", "x.csv")[0] == 0
    assert arrays(Path("x.csv"))["kind"].tolist() == [kind for kind in KINDS for _ in range(9)]
    # Where one class is asked for it is the class alone that differs from --condition.
    assert sample("--classes", "kind=oak:3,ash:20", "--out", "y.npy")[0] == 0
    assert np.load("y.labels.npy").tolist() == ["ash"] * 20 + ["oak"] * 3
    assert sample("-n", 20, "--condition", "ash", "--out", "z.npy")[0] == 0
    assert np.array_equal(np.load("y.npy")[:16], np.load("z.npy")[:16])
    assert sample("-n", 4, "--out", "y.npy")[0] == 0
    assert not Path("y.labels.npy").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--classes", "fir:3"), "no class 'fir'"),
        (("--classes", "each"), "fix: --classes kind=each:1000"),
        (("--classes", "oak:0"), "a whole number above 0"),
        (("--classes", "oak:1,oak:2"), "a class is named twice"),
        (("--classes", "each:2", "-n", "5"), "another number of samples than of all classes"),
        (("--classes", "each:2", "--condition", "oak"), "classes are given by one of the two"),
        (("--out", "pictures/"), "only images make pictures"),
        (("--out", "."), "fix: --out pictures/"),
        (("--out", "../"), "fix: --out pictures/"),
    ],
)
def test_refusals(sample, words, message):
    code, said = sample(*words)
    assert (code, message in " ".join(said.split())) == (2, True), said
    assert list(Path().iterdir()) == []


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A finished run on grey images in folders of three classes."""
    pytest.importorskip("PIL")
    folder = tmp_path_factory.mktemp("pictures")
    images = np.random.default_rng(0).integers(0, 256, (12, 1, 4, 6), dtype=np.uint8)
    for number, image in enumerate(images):
        place = folder / "data" / KINDS[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes(png_of(image))
    ends = "target: {use: images, path: data, channels: 1}"
    (folder / "r.yaml").write_text(RECIPE.replace("target: {use: array, path: trees.csv, label: kind}", ends))
    assert main(["run", str(folder / "r.yaml"), "--out", str(folder / "run")]) == 0
    return folder / "run"


def test_images_make_a_folder_that_the_distribution_of_images_reads(pictures, tmp_path, monkeypatch, recorded):
    monkeypatch.chdir(tmp_path)
    words = ["sample", str(pictures), "--classes", "each:4", "--out", "p/"]
    with monkeypatch.context() as patched:
        stopped_at(patched, 1)
        assert main(words) == 130
    assert main(words) == 0
    assert main([*words[:-1], "p.npz"]) == 0
    held = arrays(Path("p.npz"))
    assert sorted(path.name for path in Path().iterdir()) == ["p", "p.npz"]
    files = sorted(Path("p").rglob("*.png"))
    assert [(path.parent.name, path.stem) for path in files] == [(KINDS[i // 4], f"{i:02d}") for i in range(12)]
    assert held["class"].tolist() == [KINDS[i // 4] for i in range(12)]
    images = si.build("distribution", "images", path="p", channels=1, held_out=0.0, dtype="float64")
    read = images.decode(images.rows(torch.arange(12))[0])
    # Samples are no bytes: what is read is the nearest one.
    assert np.abs(read.numpy() - np.clip(held["x"].astype(np.float64), 0, 255)).max() <= 0.5 + 1e-6
    assert main(words) == 4  # a folder that holds something is not replaced


def test_no_block_is_held_longer_than_it_takes_to_write_it(made, tmp_path, monkeypatch):
    model, alive, draw = si.load_model(made), [], Blocks.block

    def block(self, number):
        held = sum(each() is not None for each in alive)
        assert held <= 1, f"{held} blocks are held when block {number} is drawn"
        made = draw(self, number)
        alive.append(weakref.ref(made.x))
        return made

    monkeypatch.setattr(Blocks, "block", block)
    form = SampleForm(model.end.frame, model.process.conditions)
    write_stream(tmp_path / "x.npy", blocks_of(model, 90, 0), NpyFile(form), {}, NOBODY)
    assert len(alive) == 12


class Tilted(si.Integrator):
    """Another method whose states have weights."""

    def __init__(self, method):
        self.method, self.stochastic, self.order = method, method.stochastic, method.order

    def solve(self, problem, x, generator=None):
        path = self.method.solve(problem, x, generator)
        return si.Trajectory(path.t, path.x, path.evaluations, path.final[:, 0].double())


def test_weights_have_the_mean_one_over_all_blocks(made, tmp_path):
    model = si.load_model(made)
    model = model.with_sampler(Tilted(model.integrator))
    form = SampleForm(model.end.frame, model.process.conditions)
    size = write_stream(tmp_path / "x.npy", blocks_of(model, 35, 0), NpyFile(form), {"request": 1}, NOBODY)
    assert write_stream(tmp_path / "x.npz", blocks_of(model, 35, 0), NpzFile(form), {"request": 2}, NOBODY) == size
    whole = draw_samples(model, 35, 0)
    weights = weights_of_mean_one(whole.log_weights).numpy()
    assert np.array_equal(np.load(tmp_path / "x.weights.npy"), weights)
    assert np.array_equal(arrays(tmp_path / "x.npz")["weights"], weights)
    assert size == si.effective_sample_size(whole.log_weights)


def test_processes_that_ask_for_other_samples_do_not_wait_for_each_other(made, monkeypatch):
    drawn = blocks_of(si.load_model(made), 35, 7)
    leader = SimpleNamespace(rank=1, world=2, of_leader=lambda asked: (0, (50, 8, 7)), exchange=lambda own: [own])
    monkeypatch.setattr("si_core.models.blocks.together", lambda: leader)
    with pytest.raises(si.UsageError, match="35, 8, 7 here, 50, 8, 7 in process 0"):
        next(drawn.drawn())


def test_an_empty_name_is_none(sample):
    assert sample("-n", 8, "--out", "")[0] == 2
