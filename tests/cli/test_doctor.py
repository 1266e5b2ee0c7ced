"""What `si doctor` says of machines of all kinds: each state has its fix, and what is wrong its exit code."""

from __future__ import annotations

import json

import pytest
import torch

from si_core.cli.examining import compute, installed, places
from si_core.cli.examining.speed import product_seconds, threads
from si_core.cli.main import main


@pytest.fixture
def machine(monkeypatch):
    """A machine of so many cores, threads and processes, whose products take what a function says."""

    def set_up(cores=4, now=4, load=1.0, seconds=lambda threads, dtype: 1e-3 / threads, **variables):
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        state = {"threads": now}
        monkeypatch.setattr(compute, "usable_cores", lambda: cores)
        monkeypatch.setattr(compute, "load", lambda: load)
        monkeypatch.setattr(torch, "get_num_threads", lambda: state["threads"])
        monkeypatch.setattr(torch, "set_num_threads", lambda number: state.update(threads=number))
        monkeypatch.setattr(
            compute, "product_seconds", lambda device, dtype=torch.float32: seconds(state["threads"], dtype)
        )
        return {finding.name: finding for finding in compute.compute()}

    return set_up


def test_a_machine_without_faults(machine):
    assert {finding.state for finding in machine().values()} == {"ok"}


@pytest.mark.parametrize(
    ("of", "name", "state", "fix"),
    [
        ({"now": 1, "OMP_NUM_THREADS": "1"}, "threads", "slow", "unset OMP_NUM_THREADS"),
        ({"now": 1}, "threads", "slow", "OMP_NUM_THREADS=4"),
        ({"now": 8, "OMP_NUM_THREADS": "8"}, "threads", "slow", "OMP_NUM_THREADS=4"),
        ({"now": 1, "seconds": lambda threads, dtype: 1e-3}, "threads", "ok", ""),
        ({"seconds": lambda threads, dtype: 1e-3 * threads}, "product", "slow", "OMP_NUM_THREADS=1"),
        ({"now": 1, "seconds": lambda threads, dtype: 1e-3 * threads}, "product", "ok", ""),
        ({"load": 9.0}, "load", "slow", "wait"),
        ({"load": None}, "threads", "ok", ""),
        (
            {"seconds": lambda threads, dtype: 2.0 if dtype == torch.bfloat16 else 1.0},
            "bfloat16",
            "note",
            "leave train.precision",
        ),
        ({"CUDA_LAUNCH_BLOCKING": "1"}, "CUDA_LAUNCH_BLOCKING", "slow", "unset CUDA_LAUNCH_BLOCKING"),
    ],
)
def test_what_slows_a_machine_down_has_its_fix(machine, of, name, state, fix):
    found = machine(**of)[name]
    assert found.state == state
    assert found.fix.startswith(fix)


def test_a_device_that_torch_can_not_use(machine, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(compute, "machine_lines", lambda: [("cuda:0", "NVIDIA H200")])
    found = machine()["cuda"]
    assert found.state == "slow"
    assert "NVIDIA H200" in found.text


def test_a_folder_that_can_not_be_written(monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(places, "write_atomic", refuse)
    found = {finding.name: finding for finding in places.places()}
    assert (found["current folder"].state, found["current folder"].code) == ("wrong", 4)
    assert "--out DIR" in found["current folder"].fix


def test_a_library_that_is_too_old(monkeypatch):
    monkeypatch.setattr(installed, "version_of", lambda name: "0.0.1")
    found = [finding for finding in installed.installed() if finding.state == "wrong"]
    assert {finding.code for finding in found} == {5}
    assert any("torch>=" in finding.fix for finding in found)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(compute, "product_seconds", lambda *_: 1e-3)


@pytest.mark.usefixtures("quick")
def test_the_command(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"]
    assert {finding["area"] for finding in told["findings"]} == {"installed", "plugins", "compute", "places"}
    assert not list(tmp_path.iterdir())
    assert main(["doctor"]) == 0
    assert "Nothing is wrong" in capsys.readouterr().out


def test_what_is_measured_is_put_back():
    before = torch.get_num_threads()
    with threads(2):
        assert 0 < product_seconds(torch.device("cpu")) < 60
    assert torch.get_num_threads() == before
