"""The runtime: devices are checked before work begins, and one of several processes does not work alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import si_core as si


def test_by_default_it_is_one_process_on_the_processor():
    assert si.Runtime.at() == si.Runtime()
    assert si.Runtime().device == torch.device("cpu")
    assert si.Runtime().described() == {"device": "cpu"}


def test_it_is_frozen_and_passed_on_as_it_is():
    runtime = si.Runtime.at("cpu", precision="bfloat16", compile=True)
    assert si.Runtime.at(runtime) is runtime
    assert runtime.described() == {"device": "cpu", "precision": "bfloat16", "compile": "True"}
    with pytest.raises(dataclasses.FrozenInstanceError):
        runtime.precision = None


def test_auto_is_a_device_that_is_there():
    wanted = "cuda" if torch.cuda.is_available() else "cpu"
    assert si.Runtime.at("auto").device.type == wanted


@pytest.mark.parametrize("device", ["abacus", "meta", f"cuda:{torch.cuda.device_count()}", torch.device("meta")])
def test_a_device_that_is_not_there_is_refused(device):
    with pytest.raises(si.UsageError, match=r"no such device here[\s\S]*cpu") as refused:
        si.Runtime.at(device, where="--device")
    assert (refused.value.where, refused.value.fix) == ("--device", "--device cpu")


def test_a_generator_is_where_the_runtime_is():
    assert si.Runtime().generator().device == torch.device("cpu")


@pytest.mark.parametrize("environment", [{"WORLD_SIZE": "2"}, {"WORLD_SIZE": "8", "RANK": "3"}])
def test_one_of_several_processes_does_not_work_alone(monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(si.UsageError, match=rf"process {environment.get('RANK', 0)} of {environment['WORLD_SIZE']}"):
        si.Runtime.at()


@pytest.mark.parametrize("environment", [{"WORLD_SIZE": "1"}, {"WORLD_SIZE": ""}, {"WORLD_SIZE": "1", "RANK": "0"}])
def test_a_world_of_one_is_none(monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert si.Runtime.at() == si.Runtime()


def test_a_number_of_processes_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "many")
    with pytest.raises(si.UsageError, match="whole numbers"):
        si.Runtime.at()


def test_an_unknown_precision_is_refused():
    with pytest.raises(si.UsageError, match=r"unknown precision[\s\S]*full, bfloat16"):
        si.Runtime(precision="float8")
