"""What the library adds to networks that cost next to nothing, in ratios so generous that no busy machine fails them.

Each bound is at least five times what was measured. Times are those of the processor in this process alone. They catch
a check, a search or a copy that has slipped into a loop; the goals of :mod:`test_goals` are the tight ones.
"""

from __future__ import annotations

import pytest

pytest.importorskip("si_recipes")

import torch

import si_core as si

from .divergences import DivergenceCase, divergence_work
from .networks import Free
from .ode_steps import OdeCase, ode_work
from .problems import learned_fields, points_of
from .sde_steps import SdeCase, sde_work
from .timing import Effort, Work, ratio, threads
from .training import TrainingCase, training_work

EFFORT = Effort(12, processor=True)


def cost(work: Work, who: str, base: str) -> float:
    """The median time of one piece of work in that of another."""
    with threads(1):
        seconds = EFFORT.compare({name: work[name] for name in (who, base)})
    return ratio(seconds[who], seconds[base]).median


@pytest.mark.parametrize(("method", "most"), [("euler", 25), ("heun", 20), ("rk4", 20)])
def test_a_step_of_an_ode_costs_what_a_loop_by_hand_costs(method, most):
    assert cost(ode_work(OdeCase(method, 2, "free"), peers=False), "ours", "by hand") < most


def test_a_step_of_an_sde_costs_what_a_loop_by_hand_costs():
    assert cost(sde_work(SdeCase(2, "free"), peers=False), "ours", "by hand") < 15


@pytest.mark.parametrize(("work", "case"), [(ode_work, OdeCase("euler", 2, "free")), (sde_work, SdeCase(2, "free"))])
def test_a_step_with_a_users_function_costs_what_learned_fields_cost(work, case):
    assert cost(work(case, peers=False), "ours, a function", "ours") < 4


def test_a_step_of_an_ode_costs_what_it_costs_with_torchdiffeq():
    pytest.importorskip("torchdiffeq")
    assert cost(ode_work(OdeCase("rk4", 2, "free")), "ours, bare", "torchdiffeq") < 4


@pytest.mark.parametrize("fields", [1, 2])
def test_a_training_step_costs_what_a_loop_by_hand_costs(fields):
    work = training_work(TrainingCase(2, 512, "free", "brownian", fields=fields), peers=False)
    assert cost(work, "ours", "by hand") < 10


def test_setting_up_a_problem_costs_what_its_solution_costs():
    fields, x = learned_fields(Free(), 2), points_of(8, 2)
    known, integrator = si.Transport(fields), si.build("integrator", "rk4", steps=50)
    work = {"new": lambda: si.Transport(fields), "solved": lambda: si.integrate(known, x, integrator)}
    assert cost({name: torch.no_grad()(run) for name, run in work.items()}, "new", "solved") < 20


@pytest.mark.parametrize("network", ["mlp", "any"])
def test_an_exact_divergence_costs_a_few_calls(network):
    assert cost(divergence_work(DivergenceCase(network, 2, True)), "ours", "call") < 17
