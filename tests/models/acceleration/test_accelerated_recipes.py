"""The keys of a recipe that make sampling fast, and what they say when they can't be."""

from __future__ import annotations

import pytest
import torch

import si_core as si

pytest.importorskip("si_recipes")
pytest.importorskip("si_objectives")

TINY = ("network.width=16", "network.depth=1", "train.steps=2", "train.batch=16", "sample.integrator.steps=4")


def trained(*overrides: str) -> si.Model:
    return si.train(si.load_recipe("gaussian-mixture", [*TINY, *overrides]))


def test_defaults_change_no_sample_on_the_host():
    sample = si.load_recipe("gaussian-mixture").sample
    assert (sample.precision, sample.channels_last, sample.compile, sample.graph) == ("full", False, False, False)


def test_keys_reach_the_accelerator():
    keys = ("sample.precision=bfloat16", "sample.channels_last=true", "sample.compile=true", "sample.graph=false")
    text = repr(trained(*keys).accelerator)
    assert text == "Accelerator(precision='bfloat16', channels_last=True, compile=True, graph=False)"


def test_samples_in_bfloat16_are_those_in_full_but_for_rounding():
    full, half = (si.sample(trained(*keys), 500) for keys in ((), ("sample.precision=bfloat16",)))
    assert full.dtype == half.dtype
    assert not torch.equal(full, half)
    torch.testing.assert_close(half, full, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    ("key", "allowed"), [("sample.precision=float16", "bfloat16"), ("sample.graph=always", "auto")]
)
def test_other_values_are_refused_with_those_allowed(key, allowed):
    with pytest.raises(si.RecipeError, match=allowed):
        si.load_recipe("gaussian-mixture", [key])
