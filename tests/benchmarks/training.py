"""A training step: ``Trainer.advance()`` against a loop written by hand for the one process it trains.

Both have the same network, batch, loss and fused Adam. The loop by hand draws in single precision from one generator,
knows that the interpolant is linear, and checks nothing:

    x_t = (1-t) x0 + t x1 + gamma z,    target = x1 - x0 + gamma' z,    loss = 1/2 |f|^2 - <target, f>

What ours does beyond it is in the difference: streams of random numbers that survive a resume, scalars of time in
double precision, a clock in which the target stays bounded, preconditioning, the norm of the gradient and the refusal
of a step that is not finite, and the sums behind the metrics.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import si_core as si
from si_core.runs.assembly import assemble
from si_core.runs.trainer import Trainer

from .timing import Spread, interleaved, spread

__all__ = ["CASES", "TrainingCase", "TrainingResult", "measure_training"]

_RECIPE = """\
title: Cost of a training step
seed: 7
source: {{use: gaussian, dim: {dim}}}
target: {{use: gaussian, dim: {dim}}}
interpolant: linear
latent: {latent}
objectives: [velocity]
network: {{use: mlp, width: {width}, depth: {depth}, activation: silu}}
train: {{steps: 1000000, batch: {batch}, ema: {ema}, precondition: {precondition}}}
"""


@dataclass(frozen=True)
class TrainingCase:
    """What is trained.

    Args:
        dim: dimensions of the data.
        batch: draws a step.
        latent: ``none`` or ``brownian``.
        precondition: whether ours learns the remainder beside x; the loop by hand never does.
        ema: decay of the average of the weights, or None; the loop by hand has the same average.
        width: units of a hidden layer.
        depth: hidden layers.
    """

    dim: int
    batch: int
    latent: str = "none"
    precondition: bool = True
    ema: float | None = None
    width: int = 256
    depth: int = 4


CASES = tuple(
    TrainingCase(dim, batch, latent, precondition, ema)
    for dim in (2, 128)
    for batch in (512, 4096)
    for latent in ("none", "brownian")
    for precondition, ema in ((True, None), (False, None), (True, 0.999))
)


@dataclass(frozen=True)
class TrainingResult:
    """Seconds of a step by hand and of ours, and of what ours adds."""

    case: TrainingCase
    bare: Spread
    ours: Spread
    added: Spread

    @property
    def share(self) -> float:
        """What ours adds, as a share of the step by hand."""
        return self.added.median / self.bare.median

    def record(self) -> dict[str, object]:
        """This result as plain data."""
        return {**asdict(self), "share": self.share}


def trainer_of(case: TrainingCase) -> Trainer:
    """Our trainer, from a recipe."""
    text = _RECIPE.format(**{**asdict(case), "ema": case.ema or "null", "precondition": str(case.precondition).lower()})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "step.yaml"
        path.write_text(text, encoding="utf-8")
        return Trainer(assemble(si.load_recipe(path)), torch.device("cpu"))


def bare_step(case: TrainingCase, network: nn.Module) -> Callable[[], None]:
    """One step of a loop written by hand for this case."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    average = None if case.ema is None else AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(case.ema))
    generator = torch.Generator().manual_seed(7)
    batch, dim, noisy = case.batch, case.dim, case.latent != "none"

    def step() -> None:
        x0 = torch.randn(batch, dim, generator=generator)
        x1 = torch.randn(batch, dim, generator=generator)
        t = torch.rand(batch, 1, generator=generator)
        xt, target = torch.lerp(x0, x1, t), x1 - x0
        if noisy:
            z = torch.randn(batch, dim, generator=generator)
            t = t.clamp(1e-4, 1 - 1e-4)
            gamma = (t * (1 - t)).sqrt()
            xt = torch.addcmul(xt, gamma, z)
            target = torch.addcmul(target, (0.5 - t) / gamma, z)
        prediction = network(t.squeeze(1), xt)
        loss = (prediction * (0.5 * prediction - target)).sum(1).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if average is not None:
            average.update_parameters(network)

    return step


def measure_training(case: TrainingCase, repetitions: int) -> TrainingResult:
    """Time a step by hand and ours in turn."""
    trainer = trainer_of(case)
    network = copy.deepcopy(trainer.predictor.networks[0])
    seconds = interleaved({"bare": bare_step(case, network), "ours": trainer.advance}, repetitions)
    added = [ours - bare for ours, bare in zip(seconds["ours"], seconds["bare"], strict=True)]
    return TrainingResult(case, spread(seconds["bare"]), spread(seconds["ours"]), spread(added))
