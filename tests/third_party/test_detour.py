"""A stranger's package, whole: it uses public names alone, its parts conform, and its recipe trains a right model.

Its path bends, so the algebra of spatially linear processes says nothing of it; ODE and SDE must still carry one law.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
import torch

import si_core as si
from si_authoring.testing import IntegratorConformance, InterpolantConformance, LatentConformance

for plugin in ("si_distributions", "si_estimators", "si_integrators", "si_networks", "si_objectives"):
    pytest.importorskip(plugin)

SOURCES = sorted((Path(__file__).parent / "si-detour" / "src").rglob("*.py"))

pytestmark = pytest.mark.usefixtures("detour")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_it_uses_public_names_alone(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.Import):
            assert not [name for name in names if name.startswith("si_core.")], f"{path.name}:{node.lineno}"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "si_core":
            assert node.module == "si_core", f"{path.name}:{node.lineno}: imports from {node.module}"
            assert set(names) <= set(si.__all__), f"{path.name}:{node.lineno}: {names}"


class TestDetour(InterpolantConformance):
    @pytest.fixture
    def component(self) -> si.Interpolant:
        return si.build("interpolant", "detour")


class TestDetourToTheRight(InterpolantConformance):
    @pytest.fixture
    def component(self) -> si.Interpolant:
        return si.build("interpolant", "detour", turn=-3.0, radius=0.7)


class TestRootSine(LatentConformance):
    @pytest.fixture
    def component(self) -> si.Latent:
        return si.build("latent", "root-sine", scale=0.7)


class TestKutta(IntegratorConformance):
    @pytest.fixture
    def component(self) -> si.Integrator:
        return si.build("integrator", "kutta")


def test_the_path_bends_as_its_formula_says() -> None:
    path = si.build("interpolant", "detour", turn=2.0, radius=1.5)
    t, left = torch.tensor([0.5], dtype=torch.float64), torch.tensor([[-1.0, 0.0]], dtype=torch.float64)
    assert torch.equal(path.at(t, left, -left), torch.tensor([[0.0, 1.0]], dtype=torch.float64))
    assert torch.equal(path.at(t, -left, left), torch.tensor([[0.0, -1.0]], dtype=torch.float64))
    # Of a chord through (0, 3), two radii away, exp(-2) of the bow is left.
    away = torch.tensor([[0.0, 3.0]], dtype=torch.float64)
    height = float(path.at(t, left + away, away - left)[0, 1]) - 3
    assert height == pytest.approx(torch.tensor(-2.0).exp().item(), rel=1e-6)


def test_a_line_has_no_room_for_a_detour() -> None:
    path = si.build("interpolant", "detour")
    for shape in ((4,), (4, 1)):
        with pytest.raises(si.UsageError, match="a plane to turn in"):
            path.at(torch.tensor(0.5), torch.zeros(shape), torch.ones(shape))


def test_the_clock_of_the_latent_is_found() -> None:
    process = si.train(si.load_recipe("detour", ["train.steps=0"])).process
    assert process.clock == si.SineClock()
    assert not process.structure.spatially_linear


class Decay(si.Problem):
    """``dX = cos(t) - X dt + g dW`` with g = 1/2 or 0, forward or backward."""

    def __init__(self, start: float, stop: float, level: float) -> None:
        self.start, self.stop, self.level, self.stochastic = start, stop, level, level > 0

    def drift(self, time, x):
        return torch.cos(torch.as_tensor(time, dtype=x.dtype)) - x

    def noise(self, time):
        return self.level

    def exact(self, x0: float) -> float:
        """Without noise ``X = (cos t + sin t)/2 + C exp(-t)``."""
        start, stop = (torch.tensor(t, dtype=torch.float64) for t in (self.start, self.stop))
        wave = [(t.cos() + t.sin()) / 2 for t in (start, stop)]
        return float(wave[1] + (x0 - wave[0]) * (start - stop).exp())


@pytest.mark.parametrize(("start", "stop"), [(0.0, 1.0), (1.0, 0.0)])
def test_kutta_has_order_3_without_noise(start: float, stop: float) -> None:
    problem, x = Decay(start, stop, 0.0), torch.ones(1, 1, dtype=torch.float64)
    errors = []
    for steps in (8, 16, 32):
        final = si.build("integrator", "kutta", steps=steps).solve(problem, x).final
        errors.append(abs(float(final) - problem.exact(1.0)))
    ratios = [errors[0] / errors[1], errors[1] / errors[2]]
    # An error of c h^3 (1 + O(h)) falls eightfold with each halving.
    assert all(7 < ratio < 9 for ratio in ratios), errors


def test_kutta_has_the_variance_of_weak_order_2() -> None:
    """A step of ``dX = -X dt + g dW`` has variance ``v -> a^2 v + (a^2 + 1) g^2 h/2`` with a = 1 - h + h^2/2 - h^3/6.

    Its fixed point is ``(g^2/2)(1 + h^2/3 + O(h^3))``, so the bias of the stationary variance is of second order.
    """
    steps, rows, level = 8, 400_000, 0.5
    problem = Decay(0.0, 4.0, level)
    problem.drift = lambda time, x: -x  # type: ignore[method-assign]
    h = 4.0 / steps
    a = 1 - h + h**2 / 2 - h**3 / 6
    variance = 0.0
    for _ in range(steps):
        variance = a**2 * variance + (a**2 + 1) * level**2 * h / 2
    x = torch.zeros(rows, 1, dtype=torch.float64)
    final = si.build("integrator", "kutta", steps=steps).solve(problem, x, torch.Generator().manual_seed(0)).final
    standard_error = variance * (2 / rows) ** 0.5
    assert abs(float(final.var()) - variance) < 4 * standard_error
    assert abs(variance / (level**2 / 2) - 1) < h**2 / 2


FLOOR = 5e-4
"""The standard error of the energy distance of 4000 samples and 4000 others of the target."""


@pytest.fixture(scope="module")
def trained(detour: None) -> si.Model:
    """The recipe, as it is."""
    return si.train(si.load_recipe("detour"))


def of_an_ode(model: si.Model) -> si.Model:
    return model.with_sampler(si.build("integrator", "kutta", steps=20), 0.0)


def test_ode_and_sde_reach_the_target(trained: si.Model, energy) -> None:
    target = trained.process.target.sample(4000, torch.Generator().manual_seed(9))
    by_sde, by_ode = si.sample(trained, 4000, seed=1), si.sample(of_an_ode(trained), 4000, seed=2)
    assert energy(by_sde, target) < 10 * FLOOR
    assert energy(by_ode, target) < 10 * FLOOR
    assert energy(by_sde, by_ode) < 6 * FLOOR
    untrained = si.train(si.load_recipe("detour", ["train.steps=0"]))
    for model in (untrained, of_an_ode(untrained)):
        assert energy(si.sample(model, 1000, seed=1), target) > 100 * FLOOR


def test_half_way_they_are_on_the_detour_and_not_on_the_chord(trained: si.Model, energy) -> None:
    process, generator = trained.process, torch.Generator().manual_seed(4)
    x0, x1 = process.source.sample(4000, generator), process.target.sample(4000, generator)
    z = torch.randn(4000, 2, generator=generator)
    schedule = process.schedule(process.clock, torch.full((4000,), 0.5, dtype=torch.float64))
    bent = process.position(schedule, x0, x1, z)
    straight = (x0 + x1) / 2 + 0.5 * z  # gamma(1/2) is the latent's scale
    assert float((bent - straight).norm(dim=1).mean()) > 0.5
    for model in (trained, of_an_ode(trained)):
        start = process.source.sample(4000, generator)
        half_way = si.integrate(model.transport(), start, model.integrator, generator, times=[0.5]).x[1]
        assert energy(half_way, bent) < 6 * FLOOR
        assert energy(half_way, straight) > 50 * FLOOR


def test_a_velocity_alone_samples_as_an_ode_and_says_what_an_sde_needs() -> None:
    ode = ["objectives=[velocity]", "sample.epsilon=0", "sample.integrator=heun", "train.steps=1"]
    assert torch.isfinite(si.sample(si.train(si.load_recipe("detour", ode)), 10, seed=0)).all()
    with pytest.raises(si.RecipeError, match=r"an SDE can't be had[\s\S]*denoiser"):
        si.train(si.load_recipe("detour", ["objectives=[velocity]"]))


@pytest.mark.slow
def test_by_the_command_line(command, site: Path, tmp_path: Path) -> None:
    done = command("run", "detour", "train.steps=3", "sample.number=20", "--out", "run", site=site)
    assert done.returncode == 0, done.stderr
    used = json.loads((tmp_path / "run" / "environment.json").read_text(encoding="utf-8"))["distributions"]
    assert used["si-detour"] == "1.0.0"
    names = {estimate["name"] for estimate in json.loads((tmp_path / "run" / "estimates.json").read_bytes())}
    assert names == {"energy-distance", "sliced-wasserstein"}
    listed = {plugin["name"]: plugin for plugin in json.loads(command("plugins", "--json", site=site).stdout)}
    assert listed["detour"]["state"] == "ready"
    assert {entry["name"] for entry in listed["detour"]["components"]} == {"detour", "root-sine", "kutta"}
