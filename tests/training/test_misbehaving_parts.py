"""One check at each seam of the contract: it names the plugin, the component, what came and what is due.

At the first draw and at a later one, whatever would broadcast, be another's fault or an internal error.
"""

from __future__ import annotations

import re

import pytest

import si_core as si
from si_core.contract.runtime import Runtime
from si_core.runs.plan import prepare

from .conftest import PLAIN

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)

RECIPE = PLAIN.replace("steps: 2", "steps: 12")
LABEL = "si-stranger 1.0: "

LAW = """
import torch
import si_core as si

class Law(si.Distribution):
    shape = (2,)

    def __init__(self):
        self.count = 0

    def sample(self, n, generator=None):
        x, self.count = torch.randn(n, 2, generator=generator), self.count + 1
        return {returned} if self.count > {good} else x
"""
DRAWS = {
    "fewer": ("x[1:]", r"\({less}, 2\) of float32"),
    "None": ("None", "None"),
    "integers": ("x.long()", "of int64"),
    "half precision": ("x.half()", "of float16"),
    "a column": ("x[:, :1]", r"\({n}, 1\) of float32"),
    "an array": ("x.numpy()", "ndarray"),
}


@pytest.mark.fault(67)
@pytest.mark.parametrize("good", [0, 5], ids=["the first draw", "a later one"])
@pytest.mark.parametrize("end", ["source", "target"])
@pytest.mark.parametrize("case", DRAWS)
def test_draws(recipe, stranger, case, end, good):
    returned, got = DRAWS[case]
    stranger("distribution", "law", "Law", LAW.format(returned=returned, good=good))
    with pytest.raises(si.PluginError) as caught:
        si.train(recipe(RECIPE, f"{end}={{use: law}}"))
    message = str(caught.value)
    assert f"{LABEL}Law.sample: draws are a tensor of n events" in message
    assert re.search("got .*" + got.format(n=r"\d+", less=r"\d+"), message), message
    assert re.search(r"allowed \(\d+, 2\) of float32 or float64", message)


NETWORK = """
import torch
from torch import nn

class Network(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.layer, self.count = nn.Linear(2, 2), 0

    def forward(self, t, x, condition=None):
        y, self.count = self.layer(x), self.count + 1
        return {returned} if self.count > {good} else y
"""
OUTPUTS = {
    "another batch": ("y[:1]", r"got \(1, 2\) of float32"),
    "None": ("None", "got None"),
    "one more": ("torch.cat([y, y[:1]])", "of float32"),
    "no gradient": ("y.detach()", "output without gradient"),
}


@pytest.mark.fault(67)
@pytest.mark.parametrize("good", [0, 5], ids=["the first call", "a later one"])
@pytest.mark.parametrize("case", OUTPUTS)
def test_outputs_of_networks(recipe, stranger, case, good):
    if case == "no gradient" and good:
        pytest.skip("gradients are looked at before the first step")
    returned, got = OUTPUTS[case]
    stranger("network", "own", "Network", NETWORK.format(returned=returned, good=good))
    with pytest.raises(si.PluginError, match=rf"{LABEL}Network\.forward: [\s\S]*{got}"):
        si.train(recipe(RECIPE, "network={use: own}"))


COUPLING = """
import si_core as si

class Pairing(si.Coupling):
    count = 0

    def pair(self, x0, x1, generator=None):
        self.count += 1
        return {returned} if self.count > {good} else (x0, x1)
"""
PAIRED = {
    "five rows": ("(x0[:1].expand(5, 2), x1)", r"Pairing\.draw: x0 of pairs"),
    "None": ("None", r"Pairing\.pair: [\s\S]*got None"),
    "one": ("x0", r"Pairing\.pair: "),
    "integers": ("(x0.long(), x1)", r"Pairing\.draw: x0 of pairs[\s\S]*int64"),
}


@pytest.mark.fault(67)
@pytest.mark.parametrize("good", [0, 5], ids=["the first pairs", "later ones"])
@pytest.mark.parametrize("case", PAIRED)
def test_pairs(recipe, stranger, case, good):
    returned, words = PAIRED[case]
    stranger("coupling", "pairing", "Pairing", COUPLING.format(returned=returned, good=good))
    with pytest.raises(si.PluginError, match=LABEL + words):
        si.train(recipe(RECIPE, "coupling={use: pairing}"))


PATH = """
import si_core as si

class Path(si.SpatiallyLinear):
    def alpha(self, t):
        return 1 - t

    def beta(self, t):
        {body}
"""
BODIES = {
    "None": ("return None", r"Path\.beta: a function of time[\s\S]*got None"),
    "text": ("return 'late'", r"Path\.beta: a function of time[\s\S]*got str"),
    "a column": ("return t[..., None] * t.new_ones(3)", r"Path\.beta: a function of time[\s\S]*3\)"),
}


@pytest.mark.fault(38, 67)
@pytest.mark.parametrize("case", BODIES)
def test_coefficients_of_paths(recipe, stranger, case):
    body, words = BODIES[case]
    stranger("interpolant", "path", "Path", PATH.format(body=body))
    with pytest.raises(si.PluginError, match=LABEL + words):
        si.train(recipe(RECIPE, "interpolant={use: path}"))


@pytest.mark.fault(37)
def test_memory_is_no_fault_of_ours(recipe, stranger):
    stranger("interpolant", "path", "Path", PATH.format(body="raise MemoryError('4 TiB')"))
    with pytest.raises(si.NumericsError, match=r"si-stranger 1\.0.*: out of memory in preparation: MemoryError: 4 TiB"):
        prepare(recipe(RECIPE, "interpolant={use: path}"), Runtime.at())
