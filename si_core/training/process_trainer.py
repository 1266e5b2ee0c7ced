"""The training of a process's own parameters, beside that of the networks: the other player of a game.

Networks minimise ``int E[loss] du`` over the clock u, which any positive weight of time leaves the minimiser of. A
process plays with ``int E[loss] dt`` in time itself, the functional that theory speaks of (arXiv 2303.08797, section
5.3): in the clock, losses of clocked fields are weighted by ``(dt/du)^-1``, for each is a square of a rate. What the
process changes of x_t vanishes at the ends like ``(dt/du)^2``, so gradients are bounded.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from si_core.contract.data import Draw
from si_core.contract.runtime import Runtime
from si_core.errors import NumericsError
from si_core.models.assembly import Assembly
from si_core.models.streams import reseed
from si_core.storage.nested import flatten_state, unflatten_state
from si_core.training.idle import refuse_idle
from si_core.training.learning_rate import LearningRates
from si_core.training.network_noise import NetworkNoise

__all__ = ["ProcessTrainer"]

_log = logging.getLogger(__name__)

_LEAST_RATE = 1e-6
"""No clock is taken for slower than this: a draw may come as near to an end as rounding allows."""


class ProcessTrainer:
    """Takes the steps of a process.

    Args:
        assembly: the recipe, put together.
        parts: the learnable parts of its process, where it is trained.
        runtime: where to train.

    Raises:
        RecipeError: a parameter that the loss of the process does not depend on.
    """

    def __init__(self, assembly: Assembly, parts: nn.ModuleDict, runtime: Runtime) -> None:
        self.assembly, self.settings = assembly, assembly.recipe.train.process
        named = {name: parameter for name, parameter in parts.named_parameters() if name in assembly.learned}
        self.parameters = list(named.values())
        self.optimizer = torch.optim.Adam(self.parameters, lr=self.settings.lr, betas=(0.5, 0.999))
        self._rates = LearningRates(assembly.recipe)
        self._data, self._noise = (runtime.generator() for _ in range(2))
        self._of_networks = NetworkNoise(assembly.recipe.seed, runtime)
        self._sum, self._norm, self._count = 0.0, 0.0, 0
        self._looked = -1
        # The first step that the process has a part in.
        begins, steps = (
            -(-self.settings.warmup // self.settings.every) * self.settings.every,
            assembly.recipe.train.steps,
        )
        if begins >= steps > 0:
            _log.warning(
                "the %s stays as it is: its first step would be number %d (train.process.warmup, every) of %d",
                ", ".join(sorted({name.partition(".")[0] for name in named})),
                begins + 1,
                steps,
            )
        with self._learning(), self._of_networks.of_process(0):
            refuse_idle(assembly.recipe, self._loss(self._draw(0, 1)), named)

    def advance(self, step: int) -> None:
        """Take the process's part of a step, where it has one.

        Raises:
            NumericsError: the loss or a gradient is not finite; the parameters are as before.
        """
        if self.moves(step):
            if self._looked != step:
                self.look(step)
            self.move(step)

    def moves(self, step: int) -> bool:
        """Whether the process has a part in a step."""
        return step >= self.settings.warmup and step % self.settings.every == 0

    def look(self, step: int, ahead: bool = False) -> None:
        """Put the gradient at the present point into the parameters' ``grad``.

        Args:
            step: the step, which names the draws.
            ahead: whether for an extrapolation, whose draws are others, and which is not recorded.

        Raises:
            NumericsError: the loss or a gradient is not finite.
        """
        with self._learning():
            draw = self._draw(step, 4 if ahead else 1)
            with self._of_networks.of_process(step, ahead):
                value = self._loss(draw)
            # A parameter may have no part in this draw: one of a branch, say.
            gradients = torch.autograd.grad(value, self.parameters, allow_unused=True, materialize_grads=True)
        norm = math.hypot(*torch.stack(torch._foreach_norm(gradients)).tolist())
        loss = float(value.detach())
        if not math.isfinite(norm + loss):
            raise NumericsError(
                "the loss of the process or its gradient is not finite",
                where=f"step {step + 1}",
                got=f"loss {loss}, gradient norm {norm}",
                fix="a smaller learning rate (train.process.lr)",
            )
        clip = self.settings.clip
        scale = 1.0 if clip is None else min(1.0, clip / max(norm, 1e-12))
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient * scale
        if not ahead:
            self._looked = step
            self._sum, self._norm, self._count = self._sum + loss, self._norm + norm, self._count + 1

    def move(self, step: int) -> None:
        """Take a step by the gradient that was looked for."""
        self._rates.put(self.optimizer, [self.settings.lr], step)
        self.optimizer.step()

    def record(self) -> dict[str, float]:
        """The means since the last record: of the loss and of the size of its gradient; starts the next interval."""
        count = max(self._count, 1)
        means = {"loss": self._sum / count, "grad_norm": self._norm / count}
        self._sum, self._norm, self._count = 0.0, 0.0, 0
        return means

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What the next steps depend on beside the parameters."""
        tensors, optimizer = flatten_state(self.optimizer.state_dict())
        return tensors, {"optimizer": optimizer, "sums": [self._sum, self._norm, self._count]}

    def restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.optimizer.load_state_dict(unflatten_state(tensors, state["optimizer"]))
        self._sum, self._norm, self._count = state["sums"]

    @contextmanager
    def _learning(self) -> Iterator[None]:
        """Gradients of the process's parameters are recorded within, and nowhere else."""
        for parameter in self.parameters:
            parameter.requires_grad_(True)
        try:
            yield
        finally:
            for parameter in self.parameters:
                parameter.requires_grad_(False)

    def _draw(self, step: int, stream: int) -> Draw:
        seed, clock = self.assembly.recipe.seed, self.assembly.fields.parametrisation.clock
        return self.assembly.process.draw(
            self.assembly.recipe.train.batch,
            reseed(self._data, seed, "data", stream, step),
            noise=reseed(self._noise, seed, "noise", stream, step),
            clock=clock,
            second_times=self.assembly.two_times,
        )

    def _loss(self, draw: Draw) -> Tensor:
        fields, s = self.assembly.fields, draw.schedule
        if s is None:
            raise TypeError("the process drew without a schedule")
        with torch.no_grad():  # a field is a function of (t, x): how networks stand for it is not the process's to move
            preconditioning = fields.preconditioning(s)
        predictions = self.assembly.predictions(draw, preconditioning)
        weight = (1.0 / s.rate.clamp_min(_LEAST_RATE)).to(draw.xt)
        total = draw.xt.new_zeros(())
        for objective, loss in zip(self.assembly.objectives, self.assembly.losses(draw, predictions), strict=True):
            if objective.process_role != "none":
                sign = -1.0 if objective.process_role == "maximises" else 1.0
                total = total + sign * (loss * weight).mean()
        return total
