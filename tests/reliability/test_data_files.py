"""Files of data that are wrong, at every entry point that takes one; and data that are few, elsewhere or changed."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import si_core as si
from si_core.cli.main import main
from si_core.contract.given_condition import read_condition
from si_core.discovery.available import available
from si_core.discovery.kinds import KINDS
from si_core.discovery.lookup import load_class
from si_core.discovery.options import options_schema
from si_core.training.trainer import Trainer

pytest.importorskip("si_recipes")

SECONDS = 5.0
ROWS = np.random.default_rng(0).normal(size=(40, 2))
RECIPE = """\
source: gaussian
target: {use: array, path: rows.npy}
network: {use: mlp, width: 8, depth: 1}
train: {steps: 2, batch: 16, checkpoint_every: 1}
sample: {number: 4}
report: false
"""


class Canary:
    """What sings when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("canary",)


def write_rows(rows: object) -> Callable[[Path], None]:
    return lambda path: np.save(path, np.asarray(rows), allow_pickle=True)


def cut(size: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        np.save(path, ROWS)
        path.write_bytes(path.read_bytes()[:size])

    return write


FAULTS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link that leads nowhere": lambda path: path.symlink_to("gone.npy"),
    "empty": lambda path: path.touch(),
    "text": lambda path: path.write_text("1,2\n3,4\n"),
    "a pickle": lambda path: path.write_bytes(pickle.dumps(Canary())),
    "objects": write_rows([[Canary(), 1.0]]),
    "an archive": lambda path: np.savez(path.open("wb"), x=ROWS),
    "no header": cut(40),
    "rows missing": cut(300),
    "complex": write_rows(ROWS + 1j),
    "words": write_rows([["a", "b"]]),
    "one number": write_rows(3.0),
    "no rows": write_rows(np.zeros((0, 2))),
    "not finite": write_rows([[1.0, 2.0], [np.nan, 0.0], [3.0, np.inf]]),
}
ENTRY_POINTS = {
    "a recipe's data": ["run", "r.yaml", "--out", "new", "target={use: array, path: FILE}"],
    "a recipe's labels": ["run", "r.yaml", "--out", "new", "target.labels=FILE"],
    "si estimate --data": ["estimate", "run", "energy-distance", "--data", "FILE"],
    "si sample --start-from": ["sample", "run", "--start-from", "FILE"],
    "si sample --condition": ["sample", "run", "--condition", "FILE"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table of rows whose third column is given to networks, a recipe for it, and a run of that."""
    path = tmp_path_factory.mktemp("data")
    np.save(path / "rows.npy", ROWS)
    np.save(path / "three.npy", np.column_stack([ROWS, np.arange(40)]))
    (path / "r.yaml").write_text(RECIPE.replace("path: rows.npy", "path: three.npy, conditions: [2]"))
    assert main(["run", str(path / "r.yaml"), "--out", str(path / "run")]) == 0
    (path / "r.yaml").write_text(RECIPE)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.glob("run/**/*") if path.is_file()}


@pytest.mark.fault(22, 23, 24)
@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_is_refused_by_its_name_at_every_entry_point(folder, fault, entry_point, monkeypatch, capsys) -> None:
    """Within seconds, whatever it is; nothing is unpickled, made or changed."""
    if fault == "one number" and "--condition" in entry_point:
        pytest.skip("one number is a condition of all samples")
    monkeypatch.chdir(folder)
    file = folder / f"{list(FAULTS).index(fault)}.npy"
    if not os.path.lexists(file):
        FAULTS[fault](file)
    before, start = contents(folder), time.monotonic()
    code = main([word.replace("FILE", file.name) for word in ENTRY_POINTS[entry_point]])
    message = capsys.readouterr().err
    assert time.monotonic() - start < SECONDS
    # What a file of values holds is no condition: the call's fault, where that of the file is the data's.
    value = "--condition" in entry_point and fault in ("complex", "words", "no rows", "not finite")
    assert code == (2 if value else 3), message
    assert ("--condition" if value else file.name) in message
    assert "Traceback" not in message
    assert fault != "not finite" or value or "labels" in entry_point or "row 1" in message
    assert not (folder / "new").exists()
    assert not (folder / "canary").exists()
    assert contents(folder) == before


@pytest.mark.fault(24)
def test_a_complex_condition_does_not_lose_its_imaginary_part() -> None:
    specs = {"dose": si.ConditionSpec()}
    for value in (1j, [1j], np.array([1 + 1j]), torch.tensor([1j])):
        with pytest.raises(si.UsageError, match="the condition 'dose' has values"):
            read_condition(specs, {"dose": value})


@pytest.mark.fault(25)
@pytest.mark.parametrize("coupling", ["independent", "optimal-transport"])
@pytest.mark.parametrize("rows", [2, 5, 40])
def test_a_batch_may_be_larger_than_the_data_and_is_full(folder, coupling, rows, monkeypatch) -> None:
    """Rows are drawn with replacement: every step has its batch, of the rows there are, and all of them turn up."""
    monkeypatch.chdir(folder)
    np.save("few.npy", ROWS[:rows])
    target = si.build("distribution", "array", path="few.npy", held_out=0.0, standardise=False, dtype="float64")
    source = si.build("distribution", "gaussian", dim=2, dtype="float64")
    pairs = si.build("coupling", coupling).draw(source, target, 1000, torch.Generator().manual_seed(0))
    assert len(pairs.x0) == len(pairs.x1) == 1000
    # A row is missed by 1000 draws of 40 with probability exp(-25).
    assert {tuple(row) for row in pairs.x1.tolist()} == {tuple(row) for row in ROWS[:rows].tolist()}
    assert main(["run", "r.yaml", "target.path=few.npy", "target.held_out=0", "--out", f"{coupling}-{rows}"]) == 0


@pytest.mark.fault(25)
def test_no_rows_to_train_on_are_told_with_the_numbers(folder, monkeypatch, capsys) -> None:
    monkeypatch.chdir(folder)
    np.save("one.npy", ROWS[:1])
    assert main(["run", "r.yaml", "target.path=one.npy", "--out", "new"]) == 3
    message = capsys.readouterr().err
    assert "no rows are left to train on" in message
    assert "1 rows, 1 of them held out" in message
    assert "lower held_out" in message
    assert not Path("new").exists()


def path_options(kind: str) -> list[str]:
    """The options of a kind's components that are paths."""
    found = []
    for each in available(kind):
        schema = options_schema(load_class(each), KINDS[kind].context)
        for name, option in schema.get("properties", {}).items():
            if "'format': 'path'" in str(option):
                found.append(f"{each.component.name}.{name}")
    return found


@pytest.mark.fault(18)
def test_no_key_of_a_recipe_says_where_to_write() -> None:
    """Paths are of what is read, the ends' data and runs to learn from; where a run goes is said by ``--out`` alone."""
    paths = {kind: found for kind in KINDS if (found := path_options(kind))}
    known = {"distribution", "coupling", "estimator", "guidance", "operator"}
    assert set(paths) == known, "a new path of a recipe: does anything write there?"
    assert paths["coupling"] == ["rectified.run"]
    # Features are those of a run's network; posteriors are compared with samples of a reference.
    features = [f"{name}.run" for name in ("frechet-distance", "kernel-distance", "precision-recall")]
    assert paths["estimator"] == ["c2st.observation", "c2st.reference", *features]
    assert paths["guidance"] == ["autoguidance.run", "measurement.observation"]
    assert paths["operator"] == ["mask.path", "matrix.path"]


@pytest.mark.fault(18, 19)
@pytest.mark.parametrize(
    "path", ["../../etc/x.npy", "~/x.npy", "$HOME/x.npy", "${HOME}/x.npy", "$(touch canary).npy", "`touch canary`.npy"]
)
def test_paths_stand_for_themselves(folder, path, monkeypatch, capsys) -> None:
    """Nothing in them is expanded, and what is not there is told by the whole path."""
    monkeypatch.chdir(folder)
    (folder / "paths.yaml").write_text(RECIPE.replace("rows.npy", f"'{path}'"))
    assert main(["run", "paths.yaml", "--out", "new"]) == 3
    message = capsys.readouterr().err
    assert f"paths.yaml:2:9: {os.path.normpath(folder / path)}: no such file" in message
    assert "fix: " in message
    assert not Path("canary").exists()
    assert not Path("new").exists()


@pytest.mark.fault(18)
@pytest.mark.parametrize("path", ["rows.npy", "../elsewhere/rows.npy", "ABSOLUTE", "link.npy"])
def test_every_file_that_is_read_is_told(folder, path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(folder)
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    np.save(elsewhere / "rows.npy", ROWS)
    if not Path("link.npy").is_symlink():
        Path("link.npy").symlink_to(elsewhere / "rows.npy")
    path = path.replace("ABSOLUTE", str(elsewhere / "rows.npy"))
    out = f"told-{path.replace('/', '-')}"
    assert main(["run", "r.yaml", f"target.path={path}", "--out", out]) == 0
    assert f"array reads path {path}" in capsys.readouterr().out
    assert [entry.name for entry in elsewhere.iterdir()] == ["rows.npy"]


def changed_value(path: Path) -> None:
    """One number, with the size and the times of the file as they were."""
    seen = path.stat()
    rows = np.load(path)
    rows[3, 1] += 1e-3
    np.save(path, rows)
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], None]] = {
    "a number": changed_value,
    "a row more": lambda path: np.save(path, np.concatenate([np.load(path), [[0.5, 0.5]]])),
    "a row less": lambda path: np.save(path, np.load(path)[:-1]),
    "the order": lambda path: np.save(path, np.load(path)[::-1]),
}


@pytest.mark.fault(28)
@pytest.mark.parametrize("change", CHANGES)
def test_data_that_changed_stop_what_goes_on(folder, change, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("rows.npy", ROWS)
    Path("r.yaml").write_text(RECIPE)
    with monkeypatch.context() as preempted:
        advance = Trainer.advance
        preempted.setattr(Trainer, "advance", lambda self: (advance(self), os.kill(os.getpid(), signal.SIGTERM)))
        assert main(["run", "r.yaml", "--out", "run"]) == 143
    assert len(list(Path("run/checkpoints").iterdir())) == 1
    CHANGES[change](Path("rows.npy"))
    before, _ = contents(tmp_path), capsys.readouterr()
    assert main(["run", "r.yaml", "--out", "run", "--resume"]) == 3
    message = capsys.readouterr().err
    assert message.count("fingerprint ") == 2
    assert "--allow-data-change" in message
    kept = {name: data for name, data in contents(tmp_path).items() if not name.endswith(("log.txt", "STATUS.json"))}
    assert kept == {name: data for name, data in before.items() if name in kept}
    assert main(["run", "r.yaml", "--out", "run", "--resume", "--allow-data-change"]) == 0
    assert "going on with other data, as allowed" in capsys.readouterr().err
