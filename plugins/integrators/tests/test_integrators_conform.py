"""Every integrator of this plugin is what its interface says, on equal steps and on finer ones at the ends."""

from __future__ import annotations

import pytest

import si_core as si
from si_authoring.testing import IntegratorConformance
from si_core.discovery.available import available

ADAPTIVE = ["dopri5", "adaptive-stochastic-heun"]
NAMES = [found.component.name for found in available("integrator") if found.plugin.distribution == "si-integrators"]
# A measured grid depends on the batch by intention; test_step_grids has its properties.
FIXED = [name for name in NAMES if name not in ADAPTIVE]
CASES = [(name, {"steps": 40, "grid": "uniform"}) for name in FIXED]
# What a method makes of steps of other lengths: one for each way to use them; the others take steps as these do.
UNEQUAL = ["stochastic-heun", "adams-bashforth", "exponential"]
CASES += [
    pytest.param((name, {"steps": 40, "grid": "ends"}), marks=[pytest.mark.slow] * (name not in UNEQUAL))
    for name in FIXED
]
# Of orders the first and the last; those between are tests of their own.
CASES += [("adams-bashforth", {"steps": 40, "order": 4})]
CASES += [("exponential", {"steps": 40, "order": order}) for order in (1, 3)]
CASES += [("exponential", {"steps": 40, "order": 4, "corrector": True})]
CASES += [
    pytest.param((name, {"steps": 40, **options}), marks=pytest.mark.slow)
    for name, options in (
        ("adams-bashforth", {"order": 2}),
        ("exponential", {"order": 2, "corrector": True}),
        ("exponential", {"order": 3, "corrector": True}),
    )
]
CASES += [("dopri5", {"norm": norm}) for norm in ("batch", "rows")] + [("adaptive-stochastic-heun", {})]


class TestIntegrator(IntegratorConformance):
    @pytest.fixture(params=CASES, ids=lambda case: "-".join([case[0], *(str(option) for option in case[1].values())]))
    def component(self, request):
        name, options = request.param
        return si.build("integrator", name, **options)


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("euler", 1),
        ("midpoint", 2),
        ("heun", 2),
        ("rk4", 4),
        ("euler-maruyama", 1),
        ("stochastic-heun", 2),
        ("edm-heun", 1),
        ("adams-bashforth", 3),
        ("exponential", 2),
        ("dopri5", 5),
        ("adaptive-stochastic-heun", 2),
        ("sra1", 2),
    ],
)
def test_the_order_that_is_claimed(name, order):
    """Conformance shows that a claim is not too high; the claim of edm-heun is its weak order."""
    assert name in NAMES
    assert si.build("integrator", name).order == order
