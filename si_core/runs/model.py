"""The model: fields of a process with a way to sample them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.data import Trajectory
from si_core.contract.integrator import Integrator
from si_core.errors import UsageError
from si_core.fields.base import Epsilon, Fields
from si_core.process.process import StochasticInterpolant
from si_core.transport.integrate import integrate
from si_core.transport.transport import Transport

if TYPE_CHECKING:
    from si_core.recipes.recipe import Recipe

__all__ = ["Model", "load_model"]


@dataclass(frozen=True)
class Model:
    """Fields of a process, and how to sample from them unless told otherwise.

    Args:
        process: the process.
        fields: its fields: learned, exact or a user's own.
        integrator: the method of sampling.
        epsilon: the noise level of sampling; 0 for the ODE.
        start: the time sampling starts from.
        stop: the time it reaches.
        clock: the clock of sampling; None for the process's own.
        recipe: the recipe that made the model, if any.
    """

    process: StochasticInterpolant
    fields: Fields
    integrator: Integrator
    epsilon: Epsilon = 0.0
    start: float = 0.0
    stop: float = 1.0
    clock: Clock | Literal["auto", "uniform"] | None = None
    recipe: Recipe | None = field(default=None, repr=False)

    @property
    def device(self) -> torch.device:
        """Where the fields' parameters are."""
        predictor = getattr(self.fields, "predictor", None)
        parameter = next(predictor.parameters(), None) if predictor is not None else None
        return torch.device("cpu") if parameter is None else parameter.device

    def with_sampler(self, integrator: Integrator | None = None, epsilon: Epsilon | None = None) -> Model:
        """This model with another method or noise level."""
        return replace(
            self,
            integrator=integrator or self.integrator,
            epsilon=self.epsilon if epsilon is None else epsilon,
        )

    def transport(
        self,
        *,
        epsilon: Epsilon | None = None,
        start: float | None = None,
        stop: float | None = None,
        condition: Tensor | None = None,
    ) -> Transport:
        """The initial value problem of sampling, or of another noise level or span."""
        return Transport(
            self.fields if condition is None else self.fields.conditioned(condition),
            self.epsilon if epsilon is None else epsilon,
            self.start if start is None else start,
            self.stop if stop is None else stop,
            self.clock,
        )

    def conditions(
        self, n: int, generator: torch.Generator, condition: int | list[int] | Tensor | None = None
    ) -> Tensor | None:
        """Conditions of n samples, shape (n,): the given ones repeated in turn, or drawn as the target has them.

        Raises:
            UsageError: a condition for a process without classes, or a class out of range.
        """
        classes = self.process.target.classes
        if condition is None:
            return None if classes is None else self.process.target.labelled(n, generator)[1]
        labels = torch.as_tensor(condition, dtype=torch.int64).reshape(-1).to(generator.device)
        if classes is None:
            raise UsageError("the target has no classes to condition on", got=f"condition {condition}")
        if len(labels) == 0 or bool(((labels < 0) | (labels >= classes)).any()):
            raise UsageError("a condition is out of range", got=str(labels.tolist()), allowed=f"0..{classes - 1}")
        return labels.repeat(-(-n // len(labels)))[:n]

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        *,
        condition: Tensor | None = None,
        start_from: Tensor | None = None,
        times: list[float] | None = None,
    ) -> Trajectory:
        """Carry n draws of the source to the target; everything in model space.

        Args:
            n: the number of samples.
            generator: the source of all randomness, on the device of the samples.
            condition: conditions (n,), or None to draw them where the target has classes.
            start_from: initial states (n, *event) instead of draws of the source.
            times: further times at which to keep the states.
        """
        condition = condition if condition is not None else self.conditions(n, generator)
        x = self._initial(n, generator) if start_from is None else start_from
        with torch.inference_mode():
            return integrate(self.transport(condition=condition), x, self.integrator, generator, times)

    def _initial(self, n: int, generator: torch.Generator) -> Tensor:
        end = self.process.source if self.start < self.stop else self.process.target
        return end.sample(n, generator)

    def decode(self, x: Tensor) -> Tensor:
        """Model space to data space, at the end that sampling reaches."""
        end = self.process.target if self.start < self.stop else self.process.source
        return end.decode(x)


def load_model(run: str | Path, device: str | torch.device = "cpu") -> Model:
    """The trained model of a run.

    Args:
        run: the run's folder.
        device: where to put it.

    Raises:
        StorageError: the folder is no run, has no model yet, or its weights are damaged.
        UsageError, PluginError: a component it needs is missing.
    """
    from si_core.runs.assembly import load_trained

    return load_trained(Path(run), torch.device(device))
