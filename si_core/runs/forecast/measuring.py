"""A few steps of training, and calls of the networks, by the clock: of a batch as large as a few seconds allow.

A cost is measured of growing batches until one of the size that is meant takes too long, and then continued along the
straight line through the last two, or in proportion where there is but one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

import torch
from torch import Tensor, nn

from si_core.contract.runtime import Runtime
from si_core.errors import SIError
from si_core.models.assembly import Assembly
from si_core.models.blocks import block_size
from si_core.models.streams import generator
from si_core.runs.forecast.memory import TrainingMemory, of_state
from si_core.runs.forecast.saved_tensors import SavedTensors
from si_core.training.trainer import Trainer

__all__ = ["Cost", "Measured", "cost_of_calls", "cost_of_steps"]

_SECONDS = 3.0
"""For the steps of one batch."""
_STEPS = 5
"""Timed of one batch, at most."""
_FIRST = 2
"""Draws of the first batch: nobody knows yet what they cost."""


@dataclass(frozen=True)
class Measured:
    """What was measured of one batch.

    Args:
        batch: draws or states.
        seconds: of a step or call, the median.
        steps: how many were timed.
        activations: bytes that are held for the backward pass; None where that can't be seen.
        rows: states that the networks were given.
    """

    batch: int
    seconds: float
    steps: int
    activations: int | None
    rows: int


@dataclass(frozen=True)
class Cost:
    """A cost of the batch that is meant.

    Args:
        batch: draws or states.
        measured: of growing batches, at least one.
    """

    batch: int
    measured: Sequence[Measured]

    @property
    def direct(self) -> bool:
        """Whether the batch itself was measured."""
        return self.measured[-1].batch == self.batch

    @property
    def timed(self) -> str:
        """How the seconds are known, in words."""
        return f"measured, the median of {self.measured[-1].steps}" if self.direct else self.basis

    @property
    def basis(self) -> str:
        """How all else is known, in words."""
        batches = " and ".join(str(each.batch) for each in self.measured[-2:])
        return "measured in a step" if self.direct else f"extrapolated from batches of {batches}"

    @property
    def seconds(self) -> float:
        """Of a step or a call."""
        return self._at([each.seconds for each in self.measured])

    @property
    def activations(self) -> float | None:
        """Bytes held for the backward pass."""
        found = [each.activations for each in self.measured]
        return None if any(each is None for each in found) else self._at([float(each or 0) for each in found])

    @property
    def rows(self) -> float:
        """States that the networks are given in a step."""
        return self._at([float(each.rows) for each in self.measured])

    def _at(self, values: list[float]) -> float:
        """The value at the batch that is meant, on the line through the last two that were measured."""
        last = self.measured[-1]
        if self.direct:
            return values[-1]
        if len(values) == 1:
            return values[-1] * self.batch / last.batch
        slope = max(0.0, (values[-1] - values[-2]) / (last.batch - self.measured[-2].batch))
        return values[-1] + slope * (self.batch - last.batch)


def cost_of_steps(assembly: Assembly, runtime: Runtime) -> tuple[Cost, TrainingMemory]:
    """The cost of a step of training, and the memory of what it moves; the weights of the assembly are moved by it.

    Raises:
        SIError: a step fails.
    """
    memory: list[TrainingMemory] = []

    def measure(batch: int) -> Measured:
        recipe = assembly.recipe
        train = recipe.train.model_copy(update={"batch": batch})
        smaller = replace(recipe, sections=recipe.sections.model_copy(update={"train": train}))
        trainer = Trainer(replace(assembly, recipe=smaller), runtime)
        found, rows = _activations(trainer, runtime.device)
        seconds = _timed(trainer.advance, runtime.device)
        memory[:] = [of_state(trainer.state()[0], trainer.parameters)]
        return Measured(batch, median(seconds), len(seconds), found, rows)

    whole = assembly.recipe.train.batch
    return Cost(whole, _growing(whole, measure)), memory[0]


def cost_of_calls(assembly: Assembly, runtime: Runtime) -> Cost:
    """The cost of a call of the networks in sampling, for a block of samples."""
    fields, device = assembly.fields, runtime.device
    fields.predictor.to(device).eval()
    model = assembly.model(fields)

    def measure(batch: int) -> Measured:
        x, condition = model.initial(batch, generator(0, "evaluation", device=device))
        t = torch.full((1,), (model.start + model.stop) / 2, dtype=torch.float64, device=device)
        given = fields if condition is None else fields.conditioned(condition)

        def call() -> None:
            with torch.inference_mode():
                given.outputs(given.positions(t, x)[0], x)

        call()
        seconds = _timed(call, device)
        return Measured(batch, median(seconds), len(seconds), None, batch)

    whole = block_size(model)
    return Cost(whole, _growing(whole, measure))


def _growing(whole: int, measure: Callable[[int], Measured]) -> list[Measured]:
    """Measurements of growing batches, up to the whole one where it takes no longer than it may."""
    found: list[Measured] = []
    batch = min(whole, _FIRST)
    while True:
        try:
            found.append(measure(batch))
        except SIError:
            # Some parts work on batches of a least size only; what fails of the whole one is the run's own error.
            if batch == whole or found:
                raise
            batch = whole
            continue
        last = found[-1]
        bound = int(_SECONDS * last.batch / last.seconds)
        if last.batch == whole or bound < 2 * last.batch:
            return found
        batch = min(whole, bound)


def _timed(step: Callable[[], object], device: torch.device) -> list[float]:
    """The seconds of some steps, as many as there is time for, one at least."""
    seconds: list[float] = []
    while not seconds or (len(seconds) < _STEPS and sum(seconds) < _SECONDS):
        _wait(device)
        began = time.perf_counter()
        step()
        _wait(device)
        seconds.append(time.perf_counter() - began)
    return seconds


def _activations(trainer: Trainer, device: torch.device) -> tuple[int | None, int]:
    """What a step holds for its backward pass, and the states that it gives the networks."""
    rows = 0

    def count(module: nn.Module, inputs: tuple[object, ...]) -> None:
        nonlocal rows
        rows += len(inputs[1]) if len(inputs) > 1 and isinstance(inputs[1], Tensor) else 0

    handles = [network.register_forward_pre_hook(count) for network in trainer.assembly.fields.predictor.networks]
    try:
        if device.type == "cuda":
            most = _peak(trainer, device)
            return most, rows // 2
        saved = SavedTensors(trainer.predictor.parameters())
        try:
            with saved:
                trainer.advance()
        except RuntimeError as error:
            if "saved tensor hooks" not in str(error):
                raise
            return None, rows  # torch.func, which such an objective uses, has no such hooks
        return saved.most, rows
    finally:
        for handle in handles:
            handle.remove()


def _peak(trainer: Trainer, device: torch.device) -> int:
    """What the allocator gave at most in a step, beyond what is there all the time: activations and workspace."""
    trainer.advance()
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    trainer.advance()
    torch.cuda.synchronize(device)
    return int(torch.cuda.max_memory_allocated(device)) - before


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
