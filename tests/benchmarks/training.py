"""A training step: ``Trainer.advance()`` against loops written by hand, and those of other libraries.

All have the same network, batch and fused Adam. The loop by hand draws in single precision from one generator, knows
that the interpolant is linear, and checks nothing:

    x_t = (1-t) x0 + t x1 + gamma z,    target = x1 - x0 + gamma' z,    loss = 1/2 |f|^2 - <target, f>

What ours does beyond it is in the difference: streams of random numbers that survive a resume, scalars of time in
double precision, a clock in which the target stays bounded, preconditioning, the norm of the gradient and the refusal
of a step that is not finite, and the sums behind the metrics. Ours computes the scalars of many steps at once, so whole
blocks of steps are timed. Two fields are learned jointly by two networks on antithetic pairs ``x = I +- gamma z``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

import si_core as si
from si_core.models.assembly import assemble
from si_core.training.trainer import Trainer

from .figures import Line, factor, microseconds
from .networks import Scale
from .peers.training import training_steps
from .timing import Effort, Work, beyond, ratio, spread
from .training_by_hand import one_field_step, two_field_step

__all__ = ["ONE_FIELD", "TWO_FIELDS", "TrainingCase", "joint_lines", "training_lines", "training_work"]

SHARE, JOINT_SHARE = 1.03, 1.05
"""The most that a step of ours may cost, in steps by hand, with the reference network."""

GOALS = {(2, 512): 60.0, (128, 4096): 500.0}
"""The most microseconds that a step may add, by dimensions and batch; held to with the free network."""

_RECIPE = """\
title: Cost of a training step
seed: 7
source: {{use: gaussian, dim: {dim}}}
target: {{use: gaussian, dim: {dim}}}
interpolant: linear
latent: {latent}
objectives: [{objectives}]
network: {{use: mlp, width: 256, depth: 4, activation: silu, shared: false}}
train: {{steps: 1000000, batch: {batch}, ema: {ema}, antithetic: {antithetic}}}
"""


@dataclass(frozen=True)
class TrainingCase:
    """What is trained.

    Args:
        dim: dimensions of the data.
        batch: draws a step.
        network: ``mlp`` (the reference) or ``free`` (one number for each coordinate).
        latent: ``none`` or ``brownian``.
        ema: decay of the average of the weights, or None; the loop by hand has the same average.
        fields: 1 for the velocity, 2 for velocity and denoiser on antithetic pairs.
    """

    dim: int
    batch: int
    network: str = "mlp"
    latent: str = "none"
    ema: float | None = None
    fields: int = 1

    @property
    def steps(self) -> int:
        """Steps timed together: the block whose scalars of time ours computes at once."""
        return max(1, min(32, 2**15 // self.batch))

    def __str__(self) -> str:
        return f"{self.network} d={self.dim} batch={self.batch} {self.latent}" + " ema" * bool(self.ema)


_SIZES = ((2, 512), (2, 4096), (128, 512), (128, 4096))

ONE_FIELD = (
    *(TrainingCase(*size, "free", latent) for size in _SIZES for latent in ("none", "brownian")),
    *(TrainingCase(*size, "mlp", latent) for size in _SIZES for latent in ("none", "brownian")),
    *(TrainingCase(*size, "mlp", "brownian", 0.999) for size in (_SIZES[0], _SIZES[3])),
)

TWO_FIELDS = tuple(TrainingCase(*size, network, "brownian", fields=2) for network in ("free", "mlp") for size in _SIZES)


def trainer_of(case: TrainingCase) -> Trainer:
    """Our trainer, from a recipe."""
    text = _RECIPE.format(
        dim=case.dim,
        batch=case.batch,
        latent=case.latent,
        ema="null" if case.ema is None else case.ema,
        objectives="velocity, denoiser" if case.fields == 2 else "velocity",
        antithetic="true" if case.fields == 2 else "auto",
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "step.yaml"
        path.write_text(text, encoding="utf-8")
        assembly = assemble(si.load_recipe(path))
    if case.network == "free":
        predictor = si.Predictor([Scale(case.dim) for _ in range(case.fields)], case.fields)
        assembly = replace(assembly, fields=assembly.fields.of(predictor))
    return Trainer(assembly, si.Runtime())


def training_work(case: TrainingCase, peers: bool = True) -> Work:
    """A block of steps by each."""
    trainer = trainer_of(case)
    networks = [copy.deepcopy(network) for network in trainer.assembly.fields.predictor.networks]
    by_hand = two_field_step if case.fields == 2 else one_field_step
    steps = {"by hand": by_hand(nn.ModuleList(networks), case.batch, case.dim, case.latent != "none", case.ema)}
    steps["ours"] = trainer.advance
    if peers and (case.fields, case.latent, case.ema) == (1, "none", None):
        for name, step_of in training_steps().items():
            network = copy.deepcopy(networks[0])
            optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
            steps[name] = step_of(network, optimizer, case.batch, case.dim)

    def block(step: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(case.steps):
                step()

        return run

    return {name: block(step) for name, step in steps.items()}


def training_lines(effort: Effort, cases: tuple[TrainingCase, ...] = ONE_FIELD) -> Iterator[Line]:
    """Time steps in turn."""
    for case in cases:
        seconds = effort.compare(training_work(case), case.steps)
        base = seconds["by hand"]
        for who, values in seconds.items():
            free, ours = case.network == "free", who == "ours"
            most = GOALS.get((case.dim, case.batch)) if ours and free and case.fields == 1 else None
            share = (JOINT_SHARE if case.fields == 2 else SHARE) if ours and not free else None
            further = (
                microseconds("added us", beyond(values, base), most),
                factor("/ by hand", ratio(values, base), share),
            )
            yield Line(
                str(case), who, (microseconds("step us", spread(values)), *(further if who != "by hand" else ()))
            )


def joint_lines(effort: Effort) -> Iterator[Line]:
    """Time steps of two fields in turn."""
    return training_lines(effort, TWO_FIELDS)
