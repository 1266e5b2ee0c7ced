"""Run directories: unique, claimed by one, recognised when opened."""

import os
import time

import pytest

from si_core.errors import StorageError
from si_core.runs.directory import RunDirectory

NAMES = "recipe resolved environment metrics checkpoints model samples estimates plots report log status lock"


def race(action, count=6):
    """Run ``action`` in ``count`` processes at one instant; each gives an exit status of 0 to 255."""
    start, children = time.time() + 0.05, []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            code = 99
            try:
                time.sleep(max(0.0, start - time.time()))
                code = action()
            finally:
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


@pytest.mark.fault(61)
def test_new_directories_differ_even_within_a_second(tmp_path):
    runs = {RunDirectory.create("checkerboard", tmp_path).path for _ in range(20)}
    assert len(runs) == 20
    assert {run.parent for run in runs} == {tmp_path / "checkerboard"}
    assert all(len(run.name) == len("20260101-000000-abcdef") for run in runs)


@pytest.mark.fault(61)
def test_a_taken_name_is_tried_again(tmp_path, monkeypatch):
    tokens = iter(["aaaaaa", "aaaaaa", "bbbbbb"])
    monkeypatch.setattr("si_core.runs.new_directory.secrets.token_hex", lambda size: next(tokens))
    # Two that look at one instant see the same runs there.
    monkeypatch.setattr("si_core.runs.new_directory._time_of_name", lambda parent: "20260101-000000")
    first, second = RunDirectory.create("r", tmp_path), RunDirectory.create("r", tmp_path)
    assert (first.path.name[-6:], second.path.name[-6:]) == ("aaaaaa", "bbbbbb")


@pytest.mark.parametrize("recipe", ["../../up", "/abs", "..", "a/b\x00c", "", "été 2", "x" * 300])
def test_any_recipe_name_stays_below_the_root(tmp_path, recipe):
    path = RunDirectory.create(recipe, tmp_path).path
    assert path.parent.parent == tmp_path
    assert path.resolve().parent.parent == tmp_path.resolve()


@pytest.mark.fault(56)
def test_processes_at_one_instant_get_directories_of_their_own(tmp_path):
    assert race(lambda: 0 if RunDirectory.create("r", tmp_path) else 1) == [0] * 6
    assert len(list((tmp_path / "r").iterdir())) == 6


@pytest.mark.fault(56)
@pytest.mark.parametrize("exists", [False, True])
def test_one_process_gets_a_given_directory(tmp_path, exists):
    out = tmp_path / "mon résultat"
    if exists:
        out.mkdir()

    def claim():
        try:
            RunDirectory.create("r", out=out)
        except StorageError:
            return 4
        return 0

    assert sorted(race(claim)) == [0] + [4] * 5


def test_given_directories_that_are_in_use_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").write_text("")
    for name, problem in [
        ("file", "in the way"),
        ("full", "not empty"),
        ("file/below", "file system"),
        ("a\0b", "path"),
    ]:
        with pytest.raises(StorageError, match=problem):
            RunDirectory.create("r", out=tmp_path / name)
    assert (tmp_path / "full" / "thing").exists()


@pytest.mark.fault(53)
def test_a_symbolic_link_to_a_directory_stays(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    run = RunDirectory.create("r", out=tmp_path / "link")
    run.resolved.write_text("title: x\n")
    assert RunDirectory.open(tmp_path / "link").path == tmp_path / "link"
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "resolved.yaml").exists()


def test_opening_what_is_no_run_names_one_that_is(tmp_path):
    run = RunDirectory.create("r", tmp_path)
    with pytest.raises(StorageError, match=r"no resolved\.yaml"):
        RunDirectory.open(run.path)
    run.resolved.write_text("title: x\n")
    assert RunDirectory.open(str(run.path)) == run
    with pytest.raises(StorageError) as caught:
        RunDirectory.open(run.path.parent)
    assert f"did you mean {run.path}" in str(caught.value)
    with pytest.raises(StorageError, match="no such run"):
        RunDirectory.open(tmp_path / "absent")
    with pytest.raises(StorageError, match="a run is a folder"):
        RunDirectory.open(run.resolved)


def test_all_paths_lie_in_the_folder(tmp_path):
    run = RunDirectory(tmp_path)
    paths = [getattr(run, name) for name in NAMES.split()]
    assert len(set(paths)) == len(paths)
    assert all(path.parent == tmp_path for path in paths)
