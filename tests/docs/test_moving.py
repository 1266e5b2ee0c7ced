"""What docs/moving says of other libraries, number by number: their formulas, written out, beside our components."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

import si_core as si

pytest.importorskip("si_recipes")

N, SIGMA = 64, 0.3
T = torch.linspace(0.02, 0.98, N, dtype=torch.float64)


def process_of(path: str, latent: si.Latent | str = "none", spread: float = 1.0) -> si.StochasticInterpolant:
    return si.StochasticInterpolant(
        si.build("interpolant", path),
        si.build("latent", latent) if isinstance(latent, str) else latent,
        si.build("coupling", "independent"),
        si.build("distribution", "gaussian", dim=2, covariance=spread),
        si.build("distribution", "gaussian", mean=[1.0, -2.0], covariance=0.5),
    )


def given(seed: int = 0) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(N, 2, generator=generator, dtype=torch.float64) for _ in range(4))


def drawn(process: si.StochasticInterpolant, x0: Tensor, x1: Tensor, z: Tensor) -> si.Draw:
    return process.draw_of(process.schedule(si.UniformClock(), T), x0, x1, z)


def close(ours: Tensor, theirs: Tensor, rtol: float = 1e-10) -> None:
    torch.testing.assert_close(ours, theirs.expand_as(ours), rtol=rtol, atol=1e-10)


# torchcfm (Tong et al., arXiv 2302.00482, 2307.03672)


def torchcfm_rows(t: Tensor, x0: Tensor, x1: Tensor, z: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """x_t and u_t by the papers' formulas."""
    mean, angle = t * x1 + (1 - t) * x0, math.pi / 2 * t
    bridge = mean + SIGMA * (t * (1 - t)).sqrt() * z
    trigonometric = torch.cos(angle) * x0 + torch.sin(angle) * x1
    return {
        "ConditionalFlowMatcher": (mean + SIGMA * z, x1 - x0),
        "VariancePreservingConditionalFlowMatcher": (
            trigonometric + SIGMA * z,
            math.pi / 2 * (torch.cos(angle) * x1 - torch.sin(angle) * x0),
        ),
        "SchrodingerBridgeConditionalFlowMatcher": (
            bridge,
            (1 - 2 * t) / (2 * t * (1 - t)) * (bridge - mean) + x1 - x0,
        ),
    }


TORCHCFM = {
    "ConditionalFlowMatcher": ("linear", ("constant", {"scale": SIGMA})),
    "VariancePreservingConditionalFlowMatcher": ("trigonometric", ("constant", {"scale": SIGMA})),
    "SchrodingerBridgeConditionalFlowMatcher": ("linear", ("brownian", {"scale": SIGMA**2})),
}


@pytest.mark.parametrize("name", TORCHCFM)
def test_torchcfm_positions_targets_and_loss(name: str) -> None:
    path, (latent, options) = TORCHCFM[name]
    x0, x1, z, prediction = given()
    draw = drawn(process_of(path, si.build("latent", latent, **options)), x0, x1, z)
    xt, ut = torchcfm_rows(T[:, None], x0, x1, z)[name]
    close(draw.xt, xt)
    close(draw.target("velocity"), ut)
    loss = si.build("objective", "velocity").loss(draw, prediction)
    close(2 * loss + ut.square().sum(1), (prediction - ut).square().sum(1))


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHCFM)
def test_torchcfm_itself(name: str) -> None:
    matching = pytest.importorskip("torchcfm.conditional_flow_matching")
    x0, x1, z, _ = given()
    matcher = getattr(matching, name)(sigma=SIGMA)
    xt = matcher.sample_xt(x0, x1, T, z)
    path, (latent, options) = TORCHCFM[name]
    draw = drawn(process_of(path, si.build("latent", latent, **options)), x0, x1, z)
    close(draw.xt, xt)
    # Theirs adds 1e-8 to 2 t (1-t).
    close(draw.target("velocity"), matcher.compute_conditional_flow(x0, x1, T, xt), rtol=1e-6)


# flow_matching (Lipman et al., 2412.06264)


def vp(t: Tensor, low: float = 0.1, high: float = 20.0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of data and noise and their derivatives, of the diffusion with a linear beta schedule."""
    level, total = low + (1 - t) * (high - low), (1 - t) * low + (1 - t) ** 2 * (high - low) / 2
    data, noise = torch.exp(-total / 2), (1 - torch.exp(-total)).sqrt()
    return data, noise, level * data / 2, -level * torch.exp(-total) / (2 * noise)


SCHEDULERS = {
    "CondOTScheduler": ("linear", lambda t: (t, 1 - t, torch.ones_like(t), -torch.ones_like(t))),
    "VPScheduler": ("vp-beta", vp),
    "LinearVPScheduler": (
        "variance-preserving",
        lambda t: (t, (1 - t**2).sqrt(), torch.ones_like(t), -t / (1 - t**2).sqrt()),
    ),
    "CosineScheduler": (
        "trigonometric",
        lambda t: (
            torch.sin(math.pi / 2 * t),
            torch.cos(math.pi / 2 * t),
            math.pi / 2 * torch.cos(math.pi / 2 * t),
            -math.pi / 2 * torch.sin(math.pi / 2 * t),
        ),
    ),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_flow_matching_schedulers(name: str) -> None:
    """Their alpha is the weight of the data, our beta; their sigma our alpha."""
    path, theirs = si.build("interpolant", SCHEDULERS[name][0]), SCHEDULERS[name][1](T)
    for ours, row in zip((path.beta, path.alpha, path.beta_dot, path.alpha_dot), theirs, strict=True):
        close(ours(T), row)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEDULERS)
def test_flow_matching_itself(name: str) -> None:
    scheduler = getattr(pytest.importorskip("flow_matching.path.scheduler"), name)()(T)
    path = si.build("interpolant", SCHEDULERS[name][0])
    close(path.beta(T), scheduler.alpha_t)
    close(path.alpha(T), scheduler.sigma_t)
    close(path.beta_dot(T), scheduler.d_alpha_t)
    close(path.alpha_dot(T), scheduler.d_sigma_t)


@pytest.mark.parametrize("name", ["CondOTScheduler", "VPScheduler", "CosineScheduler"])
def test_predictions_of_a_one_sided_process(name: str) -> None:
    """Velocity from x1- and eps-prediction by the schedule, as of an affine path: our completion gives the same."""
    path, schedule = SCHEDULERS[name]
    fields, x = si.exact_fields(process_of(path)), given()[0]
    for t in (0.2, 0.6, 0.9):
        data, noise, data_dot, noise_dot = schedule(torch.tensor(t, dtype=torch.float64))
        clean, eps = fields.target_denoiser(t, x), fields.source_denoiser(t, x)
        close(fields.velocity(t, x), data_dot * clean + noise_dot * eps, rtol=1e-8)
        close(fields.velocity(t, x), noise_dot / noise * x + (data_dot - data * noise_dot / noise) * clean, rtol=1e-8)
        close(fields.score(t, x), -eps / noise, rtol=1e-8)


# SiT (arXiv 2401.08740)

FORMS = {
    "constant": ("constant", {"level": 0.7}, lambda t, noise: torch.full_like(t, 0.7)),
    "sigma": ("gamma", {"scale": 0.7}, lambda t, noise: 0.7 * noise),
    "linear": ("linear-decay", {"scale": 0.7}, lambda t, noise: 0.7 * (1 - t)),
    "decreasing": ("cosine-decay", {"scale": 0.7}, lambda t, noise: 0.25 * (0.7 * torch.cos(math.pi * t) + 1) ** 2),
    "inccreasing-decreasing": (
        "sine-squared",
        {"scale": 0.7},
        lambda t, noise: 0.7 * torch.sin(math.pi * t) ** 2,
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("path", ["linear", "trigonometric", "vp-beta"])
def test_sit_diffusion_forms(form: str, path: str) -> None:
    name, options, theirs = FORMS[form]
    process = process_of(path)
    schedule = process.schedule(si.UniformClock(), T)
    noise = process.interpolant.alpha(T)
    close(si.build("diffusion", name, **options).epsilon(T, process.noise_size(schedule)), theirs(T, noise))


@pytest.mark.parametrize("name", ["CondOTScheduler", "VPScheduler", "CosineScheduler"])
def test_sit_sbdm_form_and_score(name: str) -> None:
    """``alpha_dot/alpha sigma^2 - sigma sigma_dot`` in their letters; and their score of a velocity."""
    path, theirs = SCHEDULERS[name]
    data, noise, data_dot, noise_dot = theirs(T)
    process = process_of(path)
    context = {"interpolant": process.interpolant, "latent": process.latent}
    ours = si.build("diffusion", "likelihood-optimal", context=context, limit=1e13).epsilon(T, noise)
    close(ours, data_dot / data * noise**2 - noise * noise_dot, rtol=1e-8)
    fields, x = si.exact_fields(process), given()[0]
    for i in (5, 30, 60):
        ratio = data[i] / data_dot[i]
        score = (ratio * fields.velocity(T[i], x) - x) / (noise[i] ** 2 - ratio * noise_dot[i] * noise[i])
        close(fields.score(T[i], x), score, rtol=1e-7)


def test_sit_step_of_the_sde() -> None:
    """``x + (v + w s) dt + sqrt(2 w dt) z`` with w our epsilon: the first step of ours, from the same noise."""
    process = process_of("linear")
    fields, start, w = si.exact_fields(process), given()[0], 0.6
    transport = si.Transport(fields, epsilon=w, start=0.2, stop=0.4)
    method = si.build("integrator", "euler-maruyama", steps=1)
    found = si.integrate(transport, start, method, torch.Generator().manual_seed(3)).final
    mean = start + 0.2 * (fields.velocity(0.2, start) + w * fields.score(0.2, start))
    z = (found - mean) / math.sqrt(2 * w * 0.2)
    again = torch.empty_like(start).normal_(generator=torch.Generator().manual_seed(3))
    close(z, again, rtol=1e-7)


# diffusers, FlowMatchEulerDiscreteScheduler (2403.03206)


def shifted_sigmas(shift: float, steps: int) -> Tensor:
    """Those of ``set_timesteps(sigmas=linspace(1, 1/steps, steps))``, with the 0 that is appended."""
    sigmas = torch.linspace(1, 1 / steps, steps, dtype=torch.float64)
    return torch.cat([shift * sigmas / (1 + (shift - 1) * sigmas), torch.zeros(1, dtype=torch.float64)])


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_diffusers_sigmas_and_steps(shift: float) -> None:
    """sigma = 1-t; ``sample + (sigma_next - sigma) output`` with output = noise - data, minus our velocity."""
    steps, process = 6, process_of("linear")
    clock = si.build("clock", "shift", shift=shift)
    sigmas = shifted_sigmas(shift, steps)
    close(1 - clock.time(torch.linspace(0, 1, steps + 1, dtype=torch.float64)), sigmas)
    fields, sample = si.exact_fields(process), given()[0]
    x = sample
    for sigma, after in itertools.pairwise(sigmas):
        x = x + (after - sigma) * -fields.velocity(1 - sigma, x)
    transport = si.Transport(fields, clock=si.UniformClock())
    nodes = (1 - sigmas).tolist()
    ours = sample
    euler = si.build("integrator", "euler", steps=1)
    for start, stop in itertools.pairwise(nodes):
        ours = si.integrate(transport.part(start, stop), ours, euler).final
    close(ours, x, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_diffusers_itself(shift: float) -> None:
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(sigmas=torch.linspace(1, 1 / 6, 6).tolist())
    close(scheduler.sigmas.double(), shifted_sigmas(shift, 6), rtol=1e-6)


# interflow, the code of arXiv 2303.08797 (stix, too)


def test_interflow_antithetic_losses() -> None:
    """Theirs is the sum over both halves of the batch, ours the loss of each half; the same numbers."""
    x0, x1, z, _ = given()
    # Of a standard normal source ours is another, less variable target of the same score, with x0 in it.
    process = process_of("linear", "brownian", spread=2.0)
    gamma, gamma_dot = (T * (1 - T)).sqrt()[:, None], ((1 - 2 * T) / (2 * (T * (1 - T)).sqrt()))[:, None]
    mean = (1 - T[:, None]) * x0 + T[:, None] * x1

    def field(x: Tensor) -> Tensor:
        return torch.tanh(x)

    theirs = dict.fromkeys(("velocity", "score", "denoiser"), torch.zeros(N, dtype=torch.float64))
    for sign in (1, -1):
        value = field(mean + sign * gamma * z)
        half = 0.5 * value.square().sum(1)
        theirs["velocity"] = theirs["velocity"] + half - ((x1 - x0 + sign * gamma_dot * z) * value).sum(1)
        theirs["score"] = theirs["score"] + half + (sign * z * value).sum(1) / gamma[:, 0]
        theirs["denoiser"] = theirs["denoiser"] + half - (sign * z * value).sum(1)
    schedule = process.schedule(si.UniformClock(), torch.cat([T, T]))
    twice = [torch.cat([one, one]) for one in (x0, x1)]
    draw = process.draw_of(schedule, *twice, torch.cat([z, -z]), antithetic=True)
    for name, expected in theirs.items():
        both = si.build("objective", name).loss(draw, field(draw.xt))
        close(both[:N] + both[N:], expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("theirs", "ours", "form"),
    [
        ("brownian", "brownian", lambda t: (t * (1 - t)).sqrt()),
        ("bsquared", "quadratic", lambda t: t * (1 - t)),
        ("sinesquared", "sine-squared", lambda t: torch.sin(math.pi * t) ** 2),
        (
            "sigmoid",
            "sigmoid-bump",
            lambda t: (
                torch.sigmoid(10 * (t - 0.5) + 1)
                - torch.sigmoid(10 * (t - 0.5) - 1)
                - 1 / (1 + math.exp(4.0))
                + 1 / (1 + math.exp(6.0))
            ),
        ),
    ],
)
def test_interflow_gammas(theirs: str, ours: str, form) -> None:
    close(si.build("latent", ours).gamma(T), form(T))
