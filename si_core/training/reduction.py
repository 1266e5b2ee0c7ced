"""What processes found on their rows of a batch, added up: gradients, losses, and what importance sampling learns from.

Every process makes the whole batch of a step, as its streams are named by the step alone, and takes its rows of it. The
gradient of a mean over all rows is then the sum of what each process finds with the weights ``1/B`` of the whole batch,
so the steps are those of one process up to rounding, whatever the number of processes. All of it travels in one
exchange a step, after the backward pass: objectives may call the networks as often as they like, and by derivatives,
which a module that reduces in its own forward pass would not survive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from si_core.contract.processes import Processes
from si_core.contract.runtime import Runtime
from si_core.errors import RecipeError
from si_core.recipes.recipe import Recipe
from si_core.training.rows import equal_parts
from si_core.training.spread_tensors import is_sharded, local

__all__ = ["Reduction", "begin_alike", "reduction_of"]


def begin_alike(networks: nn.Module, processes: Processes) -> None:
    """Give all processes the weights of process 0: of networks in memory each has made its own."""
    for value in [*networks.parameters(), *networks.buffers()]:
        processes.copy_of_leader(value.data)


def reduction_of(
    recipe: Recipe, runtime: Runtime, parameters: Sequence[Tensor], buffers: Iterable[Tensor]
) -> Reduction | None:
    """What adds up the gradients of a training's processes; None for one process.

    Raises:
        RecipeError: fewer rows in a batch than processes.
    """
    if runtime.processes is None:
        return None
    if recipe.train.batch < runtime.world:
        raise RecipeError(
            "every process needs a row of each batch",
            where=recipe.where("train.batch"),
            got=f"{recipe.train.batch} rows for {runtime.world} processes",
            fix=f"train.batch: {runtime.world}, or fewer processes",
        )
    return Reduction(runtime.processes, parameters, buffers)


class Reduction:
    """Adds up what the processes found.

    Args:
        processes: those that share a training.
        parameters: that are trained.
        buffers: of the networks, such as running statistics: those of process 0 are taken by all.

    Attributes:
        asked: whether a signal has asked this process to stop.
        stop: whether one had asked any of them, at the newest step.
    """

    def __init__(self, processes: Processes, parameters: Sequence[Tensor], buffers: Iterable[Tensor] = ()) -> None:
        self._processes, self._parameters, self._buffers = processes, parameters, tuple(buffers)
        self._sharded = any(map(is_sharded, parameters))
        self.asked, self.stop = False, False

    @property
    def scale(self) -> float:
        """The factor of this process's losses in its backward pass: gradients of weights that are spread are means."""
        return float(self._processes.world) if self._sharded else 1.0

    def own(self, rows: int) -> slice:
        """The rows of this process among so many."""
        return equal_parts(rows, self._processes.world)[self._processes.rank]

    def add_up(self, losses: Tensor) -> Tensor:
        """Put the gradient of the whole batch on the parameters; returns the losses of it.

        Args:
            losses: this process's part of the mean of each, shape (K,).

        Raises:
            LostProcess: one of the processes has ended.
        """
        parameters = [] if self._sharded else self._parameters
        found = [p.grad is not None for p in parameters]
        # Of weights that nobody met there is no gradient, as with one process.
        flags = losses.new_tensor([float(self.asked), *map(float, found)])
        own = [p.new_zeros(p.numel()) if p.grad is None else p.grad.flatten() for p in parameters]
        total = self._processes.add_up(torch.cat([losses, flags, *own]))
        k = len(losses)
        numbers = total[k : k + len(flags)].tolist()
        self.stop = numbers[0] > 0
        pieces = torch.split(total[k + len(flags) :], [p.numel() for p in parameters])
        for parameter, met, piece in zip(parameters, numbers[1:], pieces, strict=True):
            parameter.grad = piece.view_as(parameter).to(parameter.dtype) if met else None
        for buffer in self._buffers:
            self._processes.copy_of_leader(buffer)
        return total[:k]

    def norm(self, gradients: Sequence[Tensor]) -> Tensor:
        """The norms whose squares add up to that of the whole gradient, shape (N,)."""
        norms = torch.stack(torch._foreach_norm([local(gradient) for gradient in gradients]))
        if not self._sharded:
            return norms
        return self._processes.add_up(norms.square().sum().reshape(1)).sqrt()

    def squares(self, own: Tensor | None, rows: int) -> Tensor | None:
        """The squared gradients of all rows, shape (n,), of those of this process."""
        if own is None:
            return None
        every = own.new_zeros(rows)
        every[self.own(rows)] = own
        return self._processes.add_up(every)
