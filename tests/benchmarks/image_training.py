"""A training step of networks for images: ``Trainer.advance()`` against the network's own work in a bare loop.

The bare loop calls the same network on the same numbers again and again: forward, backward, the optimizer's step,
and nothing else. What ours does beyond it is all that a run does: draws of the data and of the noise, scalars of time,
the running average of the weights, checks, sums.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

import si_core as si
from si_core.models.assembly import assemble
from si_core.training.trainer import Trainer

from .figures import Line, factor, milliseconds
from .timing import Effort, Work, ratio, spread

__all__ = ["CASES", "ImageCase", "image_lines", "image_work"]

SHARE = 1.03
"""The most that a step of ours may cost, in steps of the bare loop."""


@dataclass(frozen=True)
class ImageCase:
    """What is trained, on handwritten digits of 8 x 8 pixels with their labels.

    Args:
        network: ``unet`` or ``transformer``, of the size ``tiny``.
        batch: draws a step.
    """

    network: str
    batch: int

    def __str__(self) -> str:
        return f"{self.network} tiny 1x8x8 batch={self.batch}"


CASES = (ImageCase("unet", 64), ImageCase("transformer", 64), ImageCase("transformer", 256))


def bare_step(network: nn.Module, batch: int) -> Callable[[], None]:
    """Forward, backward, and a step of AdamW."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)
    x, target, t = torch.randn(batch, 1, 8, 8), torch.randn(batch, 1, 8, 8), torch.rand(batch)
    labels = {"digit": torch.randint(10, (batch,))}

    def step() -> None:
        optimizer.zero_grad()
        (network(t, x, labels) - target).square().mean().backward()
        optimizer.step()

    return step


def image_work(case: ImageCase) -> Work:
    """A step by each."""
    sections = {
        "source": "gaussian",
        "target": "digits",
        "network": {"use": case.network, "preset": "tiny"},
        "train": {"steps": 1_000_000, "batch": case.batch, "optimizer": {"use": "adamw", "lr": 1e-4}, "ema": 0.999},
    }
    trainer = Trainer(assemble(si.load_recipe(sections)), si.Runtime())
    (network,) = trainer.assembly.fields.predictor.networks
    return {"bare": bare_step(copy.deepcopy(network), case.batch), "ours": trainer.advance}


def image_lines(effort: Effort) -> Iterator[Line]:
    """Time steps in turn."""
    for case in CASES:
        seconds = effort.compare(image_work(case), 1)
        for who, values in seconds.items():
            share = (factor("/ bare", ratio(values, seconds["bare"]), SHARE),) if who == "ours" else ()
            yield Line(str(case), who, (milliseconds("step ms", spread(values)), *share))
