"""Another sampler is asked for by name, by name with options or as an object, and it is the same one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import si_core as si


@pytest.fixture
def fitted(quick, table) -> Any:
    return quick(table, condition={"kind": ["a", "b"] * 100}, **{"train.condition_dropout": {"kind": 0.2}})


def test_names_options_and_objects_are_one_sampler(fitted) -> None:
    def drawn(**sampler: Any) -> Any:
        return fitted.sample(20, "a", **sampler)

    heun = si.build("integrator", "heun", steps=7)
    named = drawn(integrator={"use": "heun", "steps": 7})
    np.testing.assert_array_equal(named, drawn(integrator=heun))
    assert not np.array_equal(named, drawn(integrator="euler"))
    assert not np.array_equal(drawn(), drawn(epsilon={"use": "gamma"}))
    assert not np.array_equal(drawn(), drawn(guidance={"use": "classifier-free", "weight": 3}))
    np.testing.assert_array_equal(drawn(), drawn(guidance=()))
    guidance = si.build("guidance", "classifier-free", weight=3)
    np.testing.assert_array_equal(drawn(guidance=guidance), drawn(guidance=[{"use": "classifier-free", "weight": 3}]))
    for clock in ("auto", "uniform", "sine"):
        assert np.isfinite(drawn(integrator="heun", clock=clock)).all()


def test_noise_levels_by_name(quick, table) -> None:
    fitted = quick(table, latent="brownian")
    assert np.isfinite(fitted.sample(10, epsilon="gamma")).all()
    scaled = fitted.sample(10, epsilon={"use": "gamma", "scale": 0.5}, integrator="stochastic-heun")
    assert not np.array_equal(scaled, fitted.sample(10, epsilon="gamma", integrator="stochastic-heun"))


@pytest.mark.parametrize(
    ("sampler", "words"),
    [
        ({"integrator": 3}, "chosen by name"),
        ({"integrator": {"steps": 3}}, "chosen by name"),
        ({"integrator": "hoin"}, "heun"),
        ({"integrator": {"use": "heun", "stebs": 3}}, "steps"),
        ({"integrator": "heun", "epsilon": 0.5}, "of ODEs"),
        ({"epsilon": -1}, "no noise level"),
        ({"epsilon": [0.5]}, "chosen by name"),
        ({"clock": 3}, "chosen by name"),
        ({"guidance": 3}, "chosen by name"),
    ],
)
def test_what_is_no_sampler_is_refused_in_words(fitted, sampler: Any, words: str) -> None:
    with pytest.raises(si.UsageError, match=words):
        fitted.sample(2, "a", **sampler)


def test_a_model_says_what_it_is_and_by_what_it_is_sampled(fitted) -> None:
    model = fitted.model
    for wrong in ({}, {"generator": {"kind": "a"}}, {"generator": 0}):
        with pytest.raises(si.UsageError, match="by a generator") as caught:
            model.sample(3, **wrong)
        assert "si.sample(model, n, condition=...)" in str(caught.value.fix)
    for said in (repr(model), repr(fitted), repr(model.with_sampler(epsilon=si.build("diffusion", "constant")))):
        assert len(said.splitlines()) == 3
        assert " object at 0x" not in said
    assert "kind: one of a, b" in repr(model)
