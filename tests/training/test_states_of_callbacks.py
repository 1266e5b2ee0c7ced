"""What a callback's next decisions depend on is kept whole: with both of ``state`` and ``restore``, or not at all."""

from __future__ import annotations

import pytest

import si_core as si
from si_core.runs.plan import prepare

from .conftest import PLAIN

for plugin in ("si_interpolants", "si_distributions", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)

RECIPE = PLAIN + "    callbacks: [own]\n    report: false\n"
OWN = """
import si_core as si

class Own(si.Callback):
    {methods}
"""
STATE, RESTORE = "def state(self): return {}", "def restore(self, state): return None"


@pytest.mark.parametrize(("methods", "got"), [(STATE, "`state` alone"), (RESTORE, "`restore` alone")])
def test_half_of_a_state_is_refused_before_training(recipe, stranger, methods, got):
    stranger("callback", "own", "Own", OWN.format(methods=methods))
    with pytest.raises(si.PluginError, match=got):
        prepare(recipe(RECIPE), si.Runtime())


@pytest.mark.parametrize("methods", ["pass", f"{STATE}\n    {RESTORE}"], ids=["none", "both"])
def test_both_or_neither_are_taken(recipe, stranger, methods):
    stranger("callback", "own", "Own", OWN.format(methods=methods))
    assert len(prepare(recipe(RECIPE), si.Runtime()).parts) == 1
