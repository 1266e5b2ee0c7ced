"""Properties of every distribution of this plugin beyond those of its interface."""

from __future__ import annotations

import json
import math
from functools import cache

import pytest
import torch

import si_core as si

FACTORIES = {
    "gaussian": {},
    "gaussian on images": {"use": "gaussian", "shape": [1, 4, 4], "mean": 0.5, "covariance": 4.0},
    "correlated gaussian": {
        "use": "gaussian",
        "mean": [1.0, -2.0, 0.5],
        "covariance": [[2, 0.5, 0], [0.5, 1, 0], [0, 0, 3]],
    },
    "gaussian-mixture": {
        "means": [[0, 0], [3, 1], [-2, 2]],
        "weights": [0.5, 0.3, 0.2],
        "covariances": [1, [[2, 1], [1, 1]], 0.1],
    },
    "random-gaussian-mixture": {"dim": 5, "components": 3, "spread": 2.0},
    "eight-gaussians": {},
    "checkerboard": {},
    "odd checkerboard": {"use": "checkerboard", "cells": 5, "extent": 1.7},
    "two-moons": {},
    "swiss-roll": {},
    "point-mass": {"point": [1.0, 2.0, 3.0]},
    "wine": {"use": "table", "name": "wine"},
    "breast-cancer": {"use": "table", "name": "breast-cancer"},
    "iris": {"use": "table", "name": "iris", "standardise": False},
    "diabetes": {"use": "table", "name": "diabetes"},
    "digits": {},
    "digits with noise": {"use": "digits", "dequantise": True},
    "photos": {"side": 4, "shrink": 12},
}
every = pytest.mark.parametrize("name", FACTORIES)
with_density = pytest.mark.parametrize("name", list(FACTORIES)[:10])


def make(name: str, **more: object) -> si.Distribution:
    options = {"use": name, **FACTORIES[name], **more}
    return si.build("distribution", options.pop("use"), **options)


made = cache(make)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_draws_have_the_dtype_that_is_asked_for(name, dtype):
    law = make(name, dtype=dtype)
    for n in (0, 7):
        x = law.sample(n, seeded())
        assert x.shape == (n, *law.shape)
        assert x.dtype == getattr(torch, dtype)


@every
def test_the_draws_with_conditions_are_those_without(name):
    law = made(name)
    x, told = law.draw(50, seeded(3))
    assert torch.equal(x, law.sample(50, seeded(3)))
    assert set(told or {}) == set(law.conditions)
    si.check_condition(law.conditions, told, 50)


@pytest.mark.parametrize("name", ["checkerboard", "odd checkerboard"])
def test_rounding_takes_no_draw_out_of_its_cell(name):
    law = made(name)
    assert bool(torch.isfinite(law.log_prob(law.sample(200_000, seeded()))).all())


@with_density
def test_float32_and_float64_densities_agree(name):
    law = made(name)
    x = law.sample(500, seeded())
    torch.testing.assert_close(law.log_prob(x).double(), law.log_prob(x.double()), rtol=1e-4, atol=1e-4)


@with_density
def test_points_of_another_shape_are_refused(name):
    law = made(name)
    with pytest.raises(si.UsageError, match="another shape"):
        law.log_prob(torch.zeros(3, 17))


@every
def test_standard_normal_says_so_exactly_where_it_is_one(name):
    assert made(name).standard_normal == (name == "gaussian")


@every
def test_finite_data_sets_give_their_rows(name):
    law = made(name)
    if law.size is None:
        with pytest.raises(TypeError):
            law.rows(torch.tensor([0]))
        assert law.held_out() is None
        return
    rows, told = law.rows(torch.arange(law.size))
    held, held_told = law.held_out()
    if name != "photos":  # of which a side is held out
        assert len(held) == round(0.1 * (len(rows) + len(held)))
    for entries, values in ((rows, told), (held, held_told)):
        assert (values is None) == (not law.conditions)
        si.check_condition(law.conditions, values, len(entries))
    if not name.endswith("noise"):
        drawn = law.sample(5, seeded()).flatten(1)
        assert bool((drawn[:, None] == rows.flatten(1)).all(-1).any(-1).all())
        # Tables may hold equal rows, but no split is without new ones.
        assert not bool((held.flatten(1)[:, None] == rows.flatten(1)).all(-1).any(-1).all())


@every
def test_the_frame_of_every_distribution_survives_storage(name):
    law = make(name, dtype="float64")
    frame = si.Frame.of_plain(json.loads(json.dumps(law.frame.plain())))
    assert frame.plain() == law.frame.plain()
    assert frame.shape == law.shape
    x = law.sample(40, torch.Generator().manual_seed(0))
    assert torch.equal(frame.decode(x), law.decode(x))
    torch.testing.assert_close(frame.encode(frame.decode(x)), x, rtol=1e-9, atol=1e-9)
    # The log volume is that of the map itself, which takes each entry on its own.
    h = 1e-4
    grown = (frame.decode(x[:1] + h) - frame.decode(x[:1] - h)).flatten() / (2 * h)
    assert float(grown.log().sum()) == pytest.approx(float(frame.log_volume_at(x[:1])), abs=1e-6)
    assert make(name, dtype="float64").frame.plain() == law.frame.plain()
    if law.size is not None:
        assert make(name, dtype="float64").fingerprint == law.fingerprint


@pytest.mark.gpu
@every
def test_draws_live_on_the_device_of_the_generator(name):
    law = make(name)
    generator = torch.Generator("cuda").manual_seed(0)
    x, told = law.draw(64, generator)
    assert x.device.type == "cuda"
    assert all(values.device.type == "cuda" for values in (told or {}).values())
    if law.has_density:
        torch.testing.assert_close(law.log_prob(x).cpu(), law.log_prob(x.cpu()), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(law.decode(x).cpu(), law.decode(x.cpu()))


def test_planar_laws_have_a_scale_of_one_to_two():
    for name in ("eight-gaussians", "checkerboard", "two-moons", "swiss-roll"):
        spread = made(name).sample(4000, seeded()).std(0)
        assert bool(((spread > 0.9) & (spread < 2)).all()), name


def test_the_documented_deviations_are_right():
    n = 200_000
    for name, wanted in {
        "eight-gaussians": (1.43, 1.43),
        "checkerboard": (2 / math.sqrt(3),) * 2,
        "two-moons": (1.73, 0.99),
        "swiss-roll": (1.4, 1.5),
    }.items():
        found = made(name).sample(n, seeded()).std(0)
        torch.testing.assert_close(found, torch.tensor(wanted), rtol=0, atol=0.03, msg=name)
