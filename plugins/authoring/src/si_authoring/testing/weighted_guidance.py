"""Checks of the weights of guidance: on fields that are known exactly they must be those of the law that is stated.

The law is stated by the guided score, ``s' = grad log rho~``, and where it is known by the tilt r. Any velocity b' goes
with any law, if the weights make up for it:

    ``d rho~/dt + div(b' rho~) = (R - E[R]) rho~``,   so   ``grad R = d s'/dt + grad( div b' + b' . s' )``

at each point, without any integral; and with ``rho~ = rho e^r / Z`` for the velocity b and the score s of rho

    ``R = d r/dt + b . grad r + div(b' - b) + (b' - b) . s'``

whose constant is what the mean of the weights is made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from si_authoring.testing.check import Deviations, Measured, NotApplicable, Violation, check
from si_authoring.testing.conditional_normals import ConditionalNormals
from si_authoring.testing.doubles import Heun
from si_core import Fields, Guidance, SineClock, Transport, UniformClock, UsageError, integrate

__all__ = ["WEIGHTED"]

_TIMES = (0.3, 0.6, 0.85)
_POINTS = ((-1.1, 0.4), (0.2, -0.7), (0.9, 1.3))
_STEP = 2e-3
"""Of central differences, which err by its square; rounding is 1e-16 over its square."""

_ALLOWED = 2e-4
_REACH, _NODES = 9.0, 6001
_PARTICLES, _RUNS, _STEPS, _LEVEL = 400, 5, 12, 0.4

Function = Callable[[Tensor], Tensor]


def _weighted(guidance: Guidance, shape: tuple[int, ...], rows: int) -> tuple[ConditionalNormals, Fields]:
    """The exact fields given a condition, and the guided ones, where these have weights."""
    given = {"kind": torch.ones(rows, dtype=torch.int64), "observation": torch.full((rows,), 0.5, dtype=torch.float64)}
    fields = ConditionalNormals(shape)
    try:
        guided = guidance.guided(fields).conditioned(given)
    except UsageError as error:
        raise NotApplicable(f"it does not guide the fields at hand: {error.problem}") from error
    if not guided.weighted:
        if guidance.weights and not guided.has_law:
            raise Violation("it says that it has weights, and its fields have none (`weighted`)")
        raise NotApplicable("it has no weights")
    return fields.conditioned(given), guided


def _rate(fields: Fields, t: float, x: Tensor) -> Tensor:
    found = fields.log_weight_rate(fields.schedule(UniformClock(), torch.tensor([t], dtype=torch.float64)), x)
    if found is None or tuple(found.shape) != (len(x),):
        got = "None" if found is None else str(tuple(found.shape))
        raise Violation(f"weighted fields give a rate for each state, (B,), and this is {got} (`log_weight_rate`)")
    return found.double()


def _slope(function: Function, x: Tensor) -> Tensor:
    """The gradient of a function (B, d) -> (B,)."""
    units = torch.eye(x.shape[1], dtype=x.dtype) * _STEP
    return torch.stack([(function(x + unit) - function(x - unit)) / (2 * _STEP) for unit in units], 1)


def _divergence(function: Function, x: Tensor) -> Tensor:
    units = torch.eye(x.shape[1], dtype=x.dtype) * _STEP
    parts = [(function(x + unit) - function(x - unit))[:, i] for i, unit in enumerate(units)]
    return torch.stack(parts, 1).sum(1) / (2 * _STEP)


@check
def weights_of_the_score(guidance: Guidance) -> Measured | None:
    """Weights belong to the law that the guided score is of: with the guided velocity they keep its equation."""
    _, guided = _weighted(guidance, (2,), len(_POINTS))
    x = torch.tensor(_POINTS, dtype=torch.float64)
    deviations = Deviations(
        "the weights are not those of the guided velocity and score: `log_weight_rate` lacks a part, or has one more"
    )
    for t in _TIMES:

        def balance(y: Tensor, t: float = t) -> Tensor:
            velocity = guided.velocity(t, y)
            flux = (velocity * guided.score(t, y)).sum(1)
            return _divergence(lambda z: guided.velocity(t, z), y) + flux - _rate(guided, t, y)

        of_time = (guided.score(t + _STEP, x) - guided.score(t - _STEP, x)) / (2 * _STEP)
        scale = 1 + float(of_time.abs().max())
        deviations.close(_slope(balance, x), -of_time, _ALLOWED * scale, f"t = {t}")
    return deviations.result()


@check
def weights_in_the_clock(guidance: Guidance) -> Measured | None:
    """The rate of the weights is per unit of the clock that it is asked in, as a velocity is."""
    _, guided = _weighted(guidance, (2,), len(_POINTS))
    x, clock = torch.tensor(_POINTS, dtype=torch.float64), SineClock()
    deviations = Deviations("the rate of the weights is not per unit of the schedule's clock: `s.rate` is dt/du")
    for u in _TIMES:
        s = guided.schedule(clock, torch.tensor([u], dtype=torch.float64))
        found = guided.log_weight_rate(s, x)
        expected = _rate(guided, float(s.t), x) * float(s.rate)
        deviations.close(torch.nan if found is None else found, expected, _ALLOWED * (1 + float(expected.abs().max())))
    return deviations.result()


@check
def weights_of_the_tilt(guidance: Guidance) -> Measured | None:
    """Where it states the tilt r (`tilt`), the score is that of ``rho e^r``, and the weights are, to the constant."""
    fields, guided = _weighted(guidance, (2,), len(_POINTS))
    x = torch.tensor(_POINTS, dtype=torch.float64)
    deviations = Deviations("the score or the weights are not those of the tilt that it states (`tilt`)")
    for t in _TIMES:
        tilt, ahead, behind = (_tilt(guided, time) for time in (t, t + _STEP, t - _STEP))
        slope = _slope(tilt, x)
        deviations.close(guided.score(t, x), fields.score(t, x) + slope, _ALLOWED, f"the score at t = {t}")
        extra = guided.velocity(t, x) - fields.velocity(t, x)
        expected = (ahead(x) - behind(x)) / (2 * _STEP) + (fields.velocity(t, x) * slope).sum(1)
        expected = expected + _divergence(lambda y, t=t: guided.velocity(t, y) - fields.velocity(t, y), x)  # type: ignore[misc]
        expected = expected + (extra * guided.score(t, x)).sum(1)
        scale = 1 + float(expected.abs().max())
        deviations.close(_rate(guided, t, x), expected, _ALLOWED * scale, f"the weights at t = {t}")
    return deviations.result()


def _tilt(guided: Fields, t: float) -> Function:
    def tilt(x: Tensor) -> Tensor:
        found = guided.tilt(torch.tensor(t, dtype=torch.float64), x)
        if found is None:
            raise NotApplicable("it does not state a tilt (`tilt`)")
        return found.double()

    return tilt


@check
def weighted_samples(guidance: Guidance) -> Measured | None:
    """Weighted samples between Gaussians have the law stated, as ODE and as SDE: mean, variance, and the normaliser."""
    deviations = Deviations("weighted samples have another law than the one that is stated")
    for level in (0.0, _LEVEL):
        fields, guided = _weighted(guidance, (1,), _PARTICLES)
        mean, variance, log_z = _stated(fields, guided)
        rows = []
        for seed in range(_RUNS):
            generator = torch.Generator().manual_seed(seed)
            x = fields.process.source.sample(_PARTICLES, generator)
            with torch.inference_mode():
                try:
                    path = integrate(Transport(guided, level), x, Heun(_STEPS), generator)
                except UsageError as error:
                    raise NotApplicable(f"it does not carry the source forward: {error.problem}") from error
            if path.log_weights is None:
                raise Violation("its fields are weighted, and samples come without weights")
            rows.append(_moments(path.final[:, 0], path.log_weights))
        found = torch.tensor(rows, dtype=torch.float64)
        for k, (name, value) in enumerate((("mean", mean), ("variance", variance), ("log-normaliser", log_z))):
            if value is None:
                continue
            # Of independent runs; an error of the step and of ratios of few means is left.
            allowed = 6 * float(found[:, k].std()) / math.sqrt(_RUNS) + 0.03 * (1 + abs(value))
            deviations.close(float(found[:, k].mean()), value, allowed, f"the {name}, epsilon = {level:g}")
    return deviations.result()


def _stated(fields: ConditionalNormals, guided: Fields) -> tuple[float, float, float | None]:
    """Mean, variance and log-normaliser of the law whose score is the guided one at t = 1, by quadrature."""
    grid = torch.linspace(-_REACH, _REACH, _NODES, dtype=torch.float64)[:, None]
    given = {name: values[:1] for name, values in (fields.condition or {}).items()}
    fields, guided = fields.conditioned(given), guided.conditioned(given)
    score = guided.score(1.0, grid)[:, 0]
    h = float(grid[1, 0] - grid[0, 0])
    logs = torch.cat([score.new_zeros(1), ((score[1:] + score[:-1]) * h / 2).cumsum(0)])
    p, x = torch.softmax(logs, 0), grid[:, 0]
    mean = float(p @ x)
    variance = float(p @ (x - mean).square())
    tilt = guided.tilt(torch.tensor(1.0, dtype=torch.float64), grid)
    log_z = None if tilt is None else float((fields.log_prob(grid) + tilt).logsumexp(0)) + math.log(h)
    return mean, variance, log_z


def _moments(x: Tensor, log_weights: Tensor) -> list[float]:
    p = torch.softmax(log_weights.double(), 0)
    mean = float(p @ x)
    log_z = float(log_weights.double().logsumexp(0)) - math.log(len(x))
    return [mean, float(p @ (x - mean).square()), log_z]


WEIGHTED = (weights_of_the_score, weights_of_the_tilt, weights_in_the_clock, weighted_samples)
"""The checks, in order."""
