"""Coefficients of completions at exactly u = 0 and 1, which sets of fields are chosen, and what a refusal advises."""

from __future__ import annotations

import functools
import itertools
import math
import re

import pytest
import torch
from torch import Tensor, nn

import si_core as si

pytest.importorskip("si_interpolants")
pytest.importorskip("si_distributions")

ENDS = torch.tensor([0.0, 1.0], dtype=torch.float64)
ROUGH_PATHS = ("linear", "trigonometric", "variance-matched-trigonometric", "encoder-decoder", "variance-preserving")
PAIRS = (("velocity", "denoiser"), ("interpolant-velocity", "denoiser"))


class Silent(nn.Module):
    """A network that says nothing; only the weights around it are looked at."""

    def forward(self, position: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.zeros_like(x)


class Exact(nn.Module):
    """The exact field per unit of the process's clock."""

    def __init__(self, process: si.StochasticInterpolant, name: str) -> None:
        super().__init__()
        self.process, self.name, self.exact = process, name, si.exact_fields(process)

    def forward(self, position: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.exact.field(self.name, self.process.schedule(self.process.clock, position), x)


def process_of(
    interpolant: str, latent: str, coupling: str = "independent", one_sided: bool = False, **options: float
) -> si.StochasticInterpolant:
    gamma = si.build("latent", latent, **options)
    path = si.build("interpolant", interpolant, context={"latent": gamma})
    mean, covariance = ([0.0, 0.0], 1.0) if one_sided else ([-1.0, 0.5], 0.6)
    source = si.build("distribution", "gaussian", mean=mean, covariance=covariance)
    target = si.build(
        "distribution", "gaussian-mixture", weights=[0.4, 0.6], means=[[1.0, 1.5], [-1.2, 0.3]], covariances=[0.5, 0.9]
    )
    return si.StochasticInterpolant(path, gamma, si.build("coupling", coupling), source, target)


def learned(process, names, network=None, precondition: bool = False) -> si.LearnedFields:
    networks = [Silent() if network is None else network(process, name) for name in names]
    return si.LearnedFields(
        process, names, si.Predictor(networks, len(names)), si.Parametrisation(process.clock, precondition)
    )


def points() -> Tensor:
    return 1.5 * torch.randn(12, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("scale", [0.5, 2.0])
@pytest.mark.parametrize("names", PAIRS, ids="+".join)
@pytest.mark.parametrize("interpolant", ROUGH_PATHS)
def test_rough_processes_have_bounded_coefficients_up_to_the_ends(interpolant: str, names, scale: float) -> None:
    """ODE ``B`` or ``V + gamma' eta_z``; SDE ``- eps (pi/sqrt(a)) eta_z`` more; finite and continuous at both ends."""
    process = process_of(interpolant, "brownian", scale=scale)
    assert process.clock == si.SineClock()
    root = math.sqrt(scale)
    u = torch.cat([ENDS, torch.tensor([1e-5, 0.2, 0.7, 1 - 1e-5], dtype=torch.float64)])
    gamma_rate = root / 2 * math.pi * torch.cos(math.pi * u) if names[0] != "velocity" else torch.zeros_like(u)
    for epsilon, start in itertools.product((0.0, 0.8), (0.0, 1.0)):
        transport = si.Transport(learned(process, names), epsilon=epsilon, start=start, stop=1 - start)
        completion = transport.flow.completion
        assert completion.unbounded == (False, False)
        weights = completion(u)
        sign = 1 if start == 0 else -1
        of_noise = gamma_rate - sign * epsilon * math.pi / root
        assert bool(torch.isfinite(weights).all())
        assert float((weights[:2] - weights[[2, 5]]).abs().max()) < 1e-3
        if interpolant != "encoder-decoder":
            # That path has only x0 or only x1 at a time, so its weights are not unique.
            expected = torch.zeros_like(weights)
            for column, index in enumerate(completion.indices):
                expected[:, column] = (torch.ones_like(u), of_noise)[index]
            torch.testing.assert_close(weights, expected, rtol=0, atol=1e-7)
            # Where the denoiser is not in use its weight is 0 throughout.
            assert 1 in completion.indices or float(of_noise.abs().max()) == 0
        noise = [transport.noise(float(position)) for position in u]
        expected_noise = (2 * epsilon * process.clock.rate(u)).sqrt()
        torch.testing.assert_close(torch.tensor(noise, dtype=torch.float64), expected_noise, rtol=0, atol=1e-7)


@pytest.mark.parametrize("names", PAIRS, ids="+".join)
@pytest.mark.parametrize("interpolant", [path for path in ROUGH_PATHS if path != "encoder-decoder"])
def test_drifts_from_exact_networks_are_the_exact_drifts_from_end_to_end(interpolant: str, names) -> None:
    process, x = process_of(interpolant, "brownian", scale=1.5), points()
    fields, exact = learned(process, names, Exact), si.exact_fields(process)
    for epsilon, start in itertools.product((0.0, 0.8), (0.0, 1.0)):
        ours, truth = (si.Transport(f, epsilon=epsilon, start=start, stop=1 - start) for f in (fields, exact))
        drifts = {}
        for u in (0.0, 1e-4, 0.1, 0.5, 0.9, 1 - 1e-4, 1.0):
            drifts[u] = ours.drift(u, x)
            assert bool(torch.isfinite(drifts[u]).all())
            torch.testing.assert_close(drifts[u], truth.drift(u, x), rtol=1e-6, atol=1e-6)
        # A drift with derivative below 100 moves by less than 1e-2 in 1e-4.
        assert float((drifts[0.0] - drifts[1e-4]).abs().max()) < 1e-2
        assert float((drifts[1.0] - drifts[1 - 1e-4]).abs().max()) < 1e-2


@pytest.mark.parametrize("precondition", [False, True])
def test_an_encoder_decoder_passes_its_midpoint(precondition: bool) -> None:
    """At t = 1/2 alpha = beta = 0, x is noise alone and every velocity is 0: no weight may break there."""
    process = process_of("encoder-decoder", "encoder-decoder")
    for names in PAIRS:
        fields = learned(process, names, precondition=precondition)
        for epsilon in (0.0, si.build("diffusion", "gamma")):
            transport = si.Transport(fields, epsilon=epsilon)
            for u in torch.linspace(0, 1, 21).tolist():
                assert bool(torch.isfinite(transport.drift(u, points())).all())


@pytest.mark.parametrize("latent", ["none", "brownian", "quadratic"])
@pytest.mark.parametrize(
    "interpolant", ["linear", "trigonometric", "variance-matched-trigonometric", "variance-preserving"]
)
def test_any_one_preconditioned_field_gives_a_bounded_one_sided_ode(interpolant: str, latent: str) -> None:
    process = process_of(interpolant, latent, one_sided=True)
    assert process.structure.one_sided
    near, beside = torch.cat([ENDS, ENDS]), torch.tensor([0.0, 1.0, 1e-5, 1 - 1e-5], dtype=torch.float64)
    for name in si.FIELDS:
        for sign in (1.0, -1.0):
            flow = learned(process, [name], precondition=True).flow(process.clock, None, sign)
            assert flow.unbounded == (False, False), name
            weights = flow.completion(torch.linspace(0, 1, 65, dtype=torch.float64))
            assert bool(torch.isfinite(weights).all())
            assert float(weights.abs().max()) < 20
            assert float((flow.completion(near) - flow.completion(beside)).abs().max()) < 1e-3
    raw = [learned(process, [name]).flow(process.clock, None, freeze=True).unbounded for name in si.FIELDS]
    assert any(any(ends) for ends in raw), "without preconditioning some field is singular: the property says something"


def test_the_smallest_bounded_set_is_chosen() -> None:
    """One-sided linear: ``b = (x - x0)/t`` has a pole at 0, ``b = (x1 - x)/(1-t)`` at 1, ``b = x1 - x0`` none."""
    process = process_of("linear", "none", one_sided=True)
    cases = {
        ("source-denoiser",): ((0,), (True, False)),
        ("target-denoiser",): ((0,), (False, True)),
        ("source-denoiser", "target-denoiser"): ((0, 1), (False, False)),
        ("source-denoiser", "target-denoiser", "velocity"): ((2,), (False, False)),
        ("velocity", "source-denoiser", "target-denoiser"): ((0,), (False, False)),
        ("interpolant-velocity", "velocity"): ((0,), (False, False)),
    }
    for names, (indices, unbounded) in cases.items():
        completion = si.Transport(learned(process, names), freeze=True).flow.completion
        assert (completion.indices, completion.unbounded) == (indices, unbounded), names
    both = si.Transport(learned(process, ("source-denoiser", "target-denoiser"))).flow.completion
    # b = x1 - x0 up to multiples of (1-t) x0 + t x1 - x = 0, of which the smallest weights are taken.
    expected = torch.tensor([[0.0, 1.0, -1.0, 0.0], [-1.0, 0.0, 1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(both(ENDS), expected, rtol=0, atol=1e-8)


def test_dependent_fields_share_without_a_pole() -> None:
    """Two-sided: every two of the denoisers have a pole at an end, all three give ``B = sum of rates times them``."""
    process = process_of("linear", "brownian")
    names = ["source-denoiser", "target-denoiser", "denoiser"]
    for pair in itertools.combinations(names, 2):
        assert any(si.Transport(learned(process, pair), freeze=True).flow.unbounded)
    completion = si.Transport(learned(process, names), freeze=True).flow.completion
    assert completion.indices == (0, 1, 2)
    assert completion.unbounded == (False, False)
    assert float(completion(torch.linspace(0, 1, 257, dtype=torch.float64)).abs().max()) < 4


@pytest.mark.fault(35)
def test_unbounded_coefficients_are_frozen_beside_the_end() -> None:
    process = process_of("linear", "none", one_sided=True)
    completion = si.Transport(learned(process, ["target-denoiser"]), freeze=True).flow.completion
    u = torch.tensor([0.0, 0.5, 0.99, 1 - 2.0**-8, 1 - 2.0**-9, 1.0], dtype=torch.float64)
    expected = 1 / (1 - u.clamp(max=1 - 2.0**-8))
    of_x0 = torch.zeros_like(u)
    torch.testing.assert_close(completion(u), torch.stack([expected, -expected, of_x0], -1), rtol=1e-9, atol=0)


REFUSED = [
    ("linear", "brownian", "independent", False),
    ("trigonometric", "quadratic", "independent", False),
    ("encoder-decoder", "encoder-decoder", "independent", False),
    ("linear", "none", "independent", False),
    ("linear", "brownian", "mirror", False),
    pytest.param(("encoder-decoder", "encoder-decoder", "independent", True), marks=pytest.mark.slow),
]


@pytest.mark.parametrize(
    ("precondition", "epsilon"), [(False, 0.0), (True, 1.0), pytest.param(False, 1.0, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("case", REFUSED, ids=lambda c: "-".join(map(str, c)))
@pytest.mark.fault(35)
def test_what_a_refusal_advises_is_what_suffices(case, epsilon: float, precondition: bool) -> None:
    interpolant, latent, coupling, one_sided = case
    process = process_of(interpolant, latent, coupling, one_sided)
    possible = [name for name in si.FIELDS if process.structure.has(name)]

    @functools.cache
    def enough(pair: frozenset[str]) -> bool:
        fields = learned(process, sorted(pair), precondition=precondition)
        try:
            si.Transport(fields, epsilon=epsilon)
        except si.UsageError:
            return False
        return True

    refusals = 0
    for name in possible:
        try:
            si.Transport(learned(process, [name], precondition=precondition), epsilon=epsilon)
        except si.UsageError as error:
            refusal = error
        else:
            continue
        refusals += 1
        assert refusal.got.startswith("objectives")
        if "grow without bound" in str(refusal):
            assert "freeze: true" in refusal.fix
            for other in re.findall(r"the objective `([a-z-]+)` too", refusal.allowed):
                si.Transport(learned(process, [name, other], precondition=precondition), epsilon=epsilon)
            continue
        if not process.structure.has("score"):
            assert "latent: brownian" in refusal.fix
            continue
        alone = refusal.allowed.startswith("no single")
        advised = [] if alone else refusal.allowed.removeprefix("any of these beside it: ").split(", ")
        assert refusal.fix == ("add `velocity` and `denoiser`" if alone else f"add the objective `{advised[0]}`")
        for other in possible:
            if other != name:
                assert enough(frozenset([name, other])) == (other in advised), (name, other)
    # A two-sided process needs two fields for an SDE, and the mirror's trivial velocity gives none.
    assert refusals or (epsilon == 0 and latent == "none"), refusals


def test_an_sde_without_noise_to_find_says_so() -> None:
    process = process_of("linear", "none")
    with pytest.raises(si.UsageError, match="neither a latent nor a standard normal source"):
        si.Transport(learned(process, ["velocity"]), epsilon=1.0)


@pytest.mark.parametrize("epsilon", [-1.0, math.nan, math.inf, "much", None, [1.0]])
def test_a_noise_level_is_a_number_not_below_zero(epsilon: object) -> None:
    with pytest.raises(si.UsageError, match="noise level"):
        si.Transport(learned(process_of("linear", "brownian"), PAIRS[0]), epsilon=epsilon)


@pytest.mark.parametrize("given", [("velocity", "denoiser"), ("interpolant-velocity", "score"), ("velocity", "score")])
@pytest.mark.fault(35)
def test_fields_at_a_time_are_exact_however_close_to_an_end(given) -> None:
    """Only at an end itself, where a field may be infinite, is a weight frozen."""
    process, x = process_of("linear", "brownian"), points()
    exact = si.exact_fields(process)
    python = {name: name.replace("-", "_") for name in si.FIELDS}
    fields = si.FunctionFields(process=process, **{python[name]: getattr(exact, python[name]) for name in given})
    for t in (1e-6, 1e-3, 0.4, 1 - 1e-3, 1 - 1e-6):
        for wanted in ("velocity", "interpolant-velocity", "score", "denoiser"):
            value, truth = (getattr(f, python[wanted])(t, x) for f in (fields, exact))
            torch.testing.assert_close(
                value, truth, rtol=1e-6, atol=1e-6, msg=lambda m, t=t, w=wanted: f"{w} at {t}: {m}"
            )
    for t in (0.0, 1.0):
        assert bool(torch.isfinite(fields.denoiser(t, x)).all())
