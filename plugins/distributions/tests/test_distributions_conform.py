"""Every distribution and coupling of this plugin is what its interface says."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from PIL import Image

import si_core as si
from si_authoring.testing import CouplingConformance, DistributionConformance
from si_core.discovery.available import available

MATRIX = [[2, 0.5, 0], [0.5, 1, 0], [0, 0, 3]]
OPTIONS = {
    "array": [
        {"path": "table.npz", "key": "x", "label": "y"},
        {"path": "images.npy", "standardise": False, "held_out": 0, "dtype": "float64"},
        {"path": "images.npy", "storage": "file", "order": "shuffled"},
    ],
    "checkerboard": [{}, {"cells": 5, "extent": 1.7, "dtype": "float64"}],
    "digits": [{}, {"dequantise": True, "label": False}],
    "eight-gaussians": [{}],
    "in-memory": [
        {"values": np.random.default_rng(0).normal([1.0, 50.0], [0.1, 7.0], (40, 2)), "columns": ["a", "b"]},
        {"values": np.arange(120, dtype=np.uint8).reshape(30, 1, 2, 2), "labels": {"kind": np.arange(30) % 3}},
    ],
    "gaussian": [
        {},
        {"dim": 1, "mean": 2.0},
        {"mean": [1.0, -2.0, 0.5], "covariance": MATRIX, "dtype": "float64"},
        {"shape": [1, 4, 4], "mean": 0.5, "covariance": 4.0},
    ],
    "gaussian-mixture": [
        {"means": [[0, 0], [3, 1], [-2, 2]], "weights": [0.5, 0.3, 0.2], "covariances": [1, [[2, 1], [1, 1]], 0.1]}
    ],
    "images": [{"path": "folder"}],
    "photos": [{"side": 4, "shrink": 8}, {"side": 3, "channels": 1, "shrink": 9, "label": False, "held_out": 0}],
    "point-mass": [{"point": [1.0, 2.0, 3.0]}],
    "random-gaussian-mixture": [{"dim": 5, "components": 3, "spread": 2.0}],
    "shards": [
        {"path": "parts", "key": "x", "label": "y", "held_out": 0.1},
        {"path": "images.npy", "check": "sizes", "standardise": False, "order": "replacement", "dtype": "float64"},
    ],
    "swiss-roll": [{}],
    "table": [{"name": "wine"}, {"name": "diabetes", "standardise": False}],
    "two-moons": [{}],
}
COUPLINGS = {"correlated": [{"cross": 0.5}], "independent": [{}], "mirror": [{}], "paired": [{}, {"forecast": True}]}
# A `rectified` coupling needs a trained run; test_rectified_pairs makes some.
UNCHECKED = {"rectified"}


def cases(options):
    return [pytest.param((name, k), id=f"{name}-{k}") for name in options for k in range(len(options[name]))]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A table with labels, an array of images, and a folder of pictures in two classes."""
    folder, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    np.savez(folder / "table.npz", x=rng.normal([1.0, 50.0], [0.1, 7.0], (40, 2)), y=np.arange(40) % 3)
    np.save(folder / "images.npy", rng.normal(3, 2, (30, 1, 4, 4)))
    (folder / "parts").mkdir()
    for part in range(3):
        np.savez_compressed(folder / "parts" / f"{part}.npz", x=rng.normal(2, 3, (20, 2)), y=np.arange(20) % 3)
    for i in range(20):
        (folder / "folder" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (4, 5), dtype=np.uint8)).save(folder / "folder" / "ab"[i % 2] / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def law(files):
    """``law(name, case)``: a distribution, read from its files once."""

    @cache
    def make(name, case):
        options = OPTIONS[name][case]
        path = {"path": str(files / options["path"])} if "path" in options else {}
        return si.build("distribution", name, **{**options, **path})

    return make


class TestDistribution(DistributionConformance):
    @pytest.fixture(params=cases(OPTIONS))
    def component(self, request, law):
        return law(*request.param)


class TestCoupling(CouplingConformance):
    @pytest.fixture(params=cases(COUPLINGS))
    def component(self, request):
        name, case = request.param
        return si.build("coupling", name, **COUPLINGS[name][case])


@pytest.mark.parametrize(
    ("kind", "checked"), [("distribution", set(OPTIONS)), ("coupling", set(COUPLINGS) | UNCHECKED)]
)
def test_no_component_is_left_out(kind, checked):
    offered = {f.component.name for f in available(kind) if f.plugin.distribution == "si-distributions"}
    assert offered == checked
