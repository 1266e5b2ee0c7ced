"""Extragradient steps of a game: each player moves by the gradient that it will meet, not by the one that it sees.

Where one player minimises what the other maximises, steps by the gradient at hand go round the saddle: for ``x^T A y``
simultaneous ones go away from it and alternating ones keep their distance. An extragradient step (Korpelevich 1976)
first extrapolates, all players at once, and then moves from where it was by the gradient found there,

    ``w' = w - lr F(w)``,      ``w <- w - lr F(w')``,

with F the gradients of all players' losses; for ``x^T A y`` it contracts to the saddle where ``lr < 1 / |A|``. With an
optimizer that has moments both half steps enter them, and both go along its own direction ("ExtraAdam", Gidel et al.,
arXiv 1802.10551, algorithm 4). The two gradients are those of two independent batches, as that algorithm has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from si_core.contract.data import Draw
from si_core.contract.runtime import Runtime
from si_core.errors import NumericsError
from si_core.models.assembly import Assembly
from si_core.models.streams import reseed, stream_seed
from si_core.recipes.training import ImportanceTimes, UniformTimes
from si_core.training.batches import Batch
from si_core.training.gradients import Gradients
from si_core.training.learning_rate import LearningRates, own_rates
from si_core.training.spread_tensors import local
from si_core.training.times import TrainingTimes

__all__ = ["Extragradient", "Networks", "Player"]


class Player(Protocol):
    """Who minimises a loss by steps of an optimizer."""

    @property
    def parameters(self) -> Sequence[Tensor]:
        """What the player moves."""

    def moves(self, step: int) -> bool:
        """Whether the player has a part in a step."""

    def look(self, step: int, ahead: bool = False) -> None:
        """Put the gradient at the present point into the parameters' ``grad``.

        Args:
            step: the step, which names the draws.
            ahead: whether for the extrapolation, whose draws are others.
        """

    def move(self, step: int) -> None:
        """Let the optimizer take a step by the gradient that was looked for."""


class Extragradient:
    """Extrapolates two players, and puts them back once both have seen the gradient there.

    In a step of both, the first player looks between :meth:`extrapolate` and :meth:`back`, and both move after it. In a
    step that one of them has no part in nothing is done.

    Args:
        first: a player whose gradient at the extrapolated point is found by others: the networks, by the trainer.
        second: a player who looks by itself.
    """

    def __init__(self, first: Player, second: Player) -> None:
        self._players = first, second
        self._parameters = [*first.parameters, *second.parameters]
        self._origin: list[Tensor] = []

    def extrapolate(self, step: int) -> None:
        """Move both by their gradients at the present point.

        Raises:
            NumericsError: a gradient is not finite; the parameters are as before.
        """
        if not all(player.moves(step) for player in self._players):
            return
        for player in self._players:
            player.look(step, ahead=True)
        self._origin = [local(parameter.detach()).clone() for parameter in self._parameters]
        for player in self._players:
            player.move(step)

    def back(self, step: int) -> None:
        """Let the second look, and put both where they were before the extrapolation; gradients stay.

        Raises:
            NumericsError: a gradient is not finite; the parameters are as before.
        """
        try:
            if self._origin:
                self._players[1].look(step)
        finally:
            self.undo()

    @torch.no_grad()
    def undo(self) -> None:
        """Put both where they were before the extrapolation, if there was one."""
        if self._origin:
            torch._foreach_copy_([local(parameter) for parameter in self._parameters], self._origin)
            self._origin = []


class Networks:
    """The networks, as a player that extrapolates.

    Args:
        assembly: the recipe, put together.
        parameters: of the networks.
        optimizer: theirs.
        runtime: where they are trained.
        gradients: finds theirs.
    """

    def __init__(
        self,
        assembly: Assembly,
        parameters: Sequence[Tensor],
        optimizer: torch.optim.Optimizer,
        runtime: Runtime,
        gradients: Gradients,
    ) -> None:
        self._gradients = gradients
        self.assembly, self.parameters, self.optimizer = assembly, parameters, optimizer
        self._rates, self._own_rates = LearningRates(assembly.recipe), own_rates(optimizer)
        self._train, seed = assembly.recipe.train, assembly.recipe.seed
        self._data, self._noise = (runtime.generator() for _ in range(2))
        # Times of importance have the expectation of uniform ones, and learn from the step itself only.
        times = UniformTimes() if isinstance(self._train.times, ImportanceTimes) else self._train.times
        self._times = TrainingTimes(
            assembly.fields,
            times,
            self._train.batch,
            stream_seed(seed, "times", 1),
            assembly.antithetic,
            parameters[0].dtype,
            runtime,
            moving=True,
        )

    def moves(self, step: int) -> bool:
        """They have a part in every step."""
        return True

    def look(self, step: int, ahead: bool = False) -> None:
        """The gradient for the extrapolation; that of the step itself is the trainer's.

        Raises:
            NumericsError: a loss or a gradient is not finite.
        """
        found = self._gradients.of(step, Batch(self._draw(step), self._times.at(step)), extrapolation=True)
        if not found.finite:
            raise NumericsError(
                "the gradient of an extrapolation is not finite",
                where=f"step {step + 1}",
                got=f"losses {found.losses}, gradient norm {found.norm}",
                fix="a smaller learning rate (train.optimizer.lr, train.process.lr), or train.clip: 1.0",
            )
        if self._train.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self._train.clip)

    def move(self, step: int) -> None:
        """A step of their optimizer."""
        self._rates.put(self.optimizer, self._own_rates, step)
        self.optimizer.step()

    @torch.no_grad()
    def _draw(self, step: int) -> Draw:
        seed = self.assembly.recipe.seed
        return self.assembly.process.draw(
            self._train.batch,
            reseed(self._data, seed, "data", 3, step),
            noise=reseed(self._noise, seed, "noise", 3, step),
            antithetic=self.assembly.antithetic,
            schedule=self._times.at(step).schedule,
            second_times=self.assembly.two_times,
        )
