"""Numbers 43, 51: a finished run with a flipped bit is mended by ``--resume``, in words and to the same bits."""

from __future__ import annotations

import hashlib

import pytest

from .conftest import flip

RESUME = ("run", "r.yaml", "--out", "run", "--resume")
MADE = ("model.safetensors", "frame.json", "samples.npy", "estimates.json")
FURTHER = ("frame.json", "estimates.json", "SHA256SUMS")


@pytest.mark.fault(51)
def test_51_what_a_run_has_made_is_listed(finished):
    lines = dict(line.split("  ")[::-1] for line in (finished / "SHA256SUMS").read_text().splitlines())
    assert lines == {name: hashlib.sha256((finished / name).read_bytes()).hexdigest() for name in MADE}


@pytest.mark.fault(43, 51)
@pytest.mark.parametrize(
    "name", ["model.safetensors", "samples.npy", *(pytest.param(name, marks=pytest.mark.slow) for name in FURTHER)]
)
def test_43_a_flipped_bit_is_found_and_mended(si, run, finished, results, name):
    flip(run / name, byte=64 if name == "SHA256SUMS" else len((run / name).read_bytes()) // 2)
    done = si(*RESUME)
    assert done.code == 0
    assert f"run/{name}: damaged" in done.err
    assert "its model, samples, estimates and reports are made again" in done.out
    assert results(run) == results(finished)
    for file in (*MADE, "SHA256SUMS"):
        assert (run / file).read_bytes() == (finished / file).read_bytes()
    assert "nothing to resume" in si(*RESUME).out
