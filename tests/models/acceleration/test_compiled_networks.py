"""Compiled networks: equal within rounding, compiled once, and left alone where the compiler fails."""

from __future__ import annotations

import logging
import shutil

import pytest
import torch


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no compiler")
@pytest.mark.parametrize("options", [{}, {"precision": "bfloat16"}], ids=["full", "bfloat16"])
def test_compiled_once_for_all_steps_and_blocks(make, caplog, options):
    """Time is a tensor, so no step needs code of its own, nor does a block, nor another seed."""
    torch._dynamo.reset()
    from torch._dynamo.utils import counters  # slow to import, and needed here alone

    counters.clear()
    model, plain = make(compile=True, **options), make(**options)
    for seed in range(3):
        one, other = model.sample(64, seeded(seed)).x, plain.sample(64, seeded(seed)).x
        # What is fused may keep digits that are rounded otherwise: bfloat16 has a few hundred steps to the unit.
        tolerance = 0.05 if options else 1e-5
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)
    assert counters["stats"]["unique_graphs"] == 1
    assert not [record for record in caplog.records if record.name.startswith("si_core")]


def test_a_compiler_that_fails_is_left_alone(make, monkeypatch, caplog):
    calls = []

    def compiler(function, **options):
        def fails(*args):
            calls.append(args)
            raise NotImplementedError("no such operation here")

        return fails

    monkeypatch.setattr(torch, "compile", compiler)
    model, plain = make(compile=True), make()
    with caplog.at_level(logging.WARNING):
        for seed in range(3):
            assert torch.equal(model.sample(30, seeded(seed)).x, plain.sample(30, seeded(seed)).x)
    assert len(calls) == 1, "it is not tried again"
    assert len(caplog.records) == 1
    assert "no such operation here" in caplog.text
