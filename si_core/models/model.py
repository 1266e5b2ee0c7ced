"""The model: fields of a process with a way to sample them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.data import Trajectory
from si_core.contract.distribution import Distribution
from si_core.contract.integrator import Integrator
from si_core.errors import UsageError
from si_core.fields.base import Epsilon, Fields
from si_core.models.acceleration.accelerator import Accelerator
from si_core.process.process import StochasticInterpolant
from si_core.transport.integrate import integrate
from si_core.transport.transport import Transport

if TYPE_CHECKING:
    from si_core.recipes.recipe import Recipe

__all__ = ["Model"]


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
        denoise: whether sampling that stops before the end finishes with a denoising step: ``E[x1|x_t]`` in place of
            ``x_t`` (backward: ``E[x0|x_t]``).
        recipe: the recipe that made the model, if any.
        accelerator: how :meth:`sample` calls the networks and repeats the steps; all else is as without.
    """

    process: StochasticInterpolant
    fields: Fields
    integrator: Integrator
    epsilon: Epsilon = 0.0
    start: float = 0.0
    stop: float = 1.0
    clock: Clock | Literal["auto", "uniform"] | None = None
    denoise: bool = False
    recipe: Recipe | None = field(default=None, repr=False)
    accelerator: Accelerator = field(default_factory=Accelerator, repr=False, compare=False)

    @property
    def device(self) -> torch.device:
        """Where the fields' parameters are."""
        parameter = self._parameter
        return torch.device("cpu") if parameter is None else parameter.device

    @property
    def dtype(self) -> torch.dtype | None:
        """The precision of the fields' parameters, which states must have; None for fields that take any."""
        parameter = self._parameter
        return None if parameter is None else parameter.dtype

    @property
    def _parameter(self) -> Tensor | None:
        predictor = getattr(self.fields, "predictor", None)
        return None if predictor is None else next(predictor.parameters(), None)

    @property
    def origin(self) -> Distribution:
        """The distribution that sampling starts from."""
        return self.process.source if self.start < self.stop else self.process.target

    @property
    def end(self) -> Distribution:
        """The distribution that sampling reaches."""
        return self.process.target if self.start < self.stop else self.process.source

    def with_sampler(
        self,
        integrator: Integrator | None = None,
        epsilon: Epsilon | None = None,
        clock: Clock | Literal["auto", "uniform"] | None = None,
    ) -> Model:
        """This model with another method, noise level or clock."""
        return replace(
            self,
            integrator=integrator or self.integrator,
            epsilon=self.epsilon if epsilon is None else epsilon,
            clock=self.clock if clock is None else clock,
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
            self._told(condition),
            self.epsilon if epsilon is None else epsilon,
            self.start if start is None else start,
            self.stop if stop is None else stop,
            self.clock,
        )

    def _told(self, condition: Tensor | None) -> Fields:
        return self.fields if condition is None else self.fields.conditioned(condition)

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

    def initial(
        self, n: int, generator: torch.Generator, condition: int | list[int] | Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """n initial states, shape (n, *event), with their conditions, shape (n, ...) or None.

        Draws of the source have conditions as asked for. Draws of the target (backward, or in a mirror), of the process
        at a time between the ends, and of a source that networks are told have their own.

        Raises:
            UsageError: conditions asked for where the states have their own, or as for :meth:`conditions`.
        """
        process, origin = self.process, self.origin
        own = origin is process.target and origin.classes is not None
        if self.start not in (0.0, 1.0) or process.coupling.anchored or own:
            if condition is not None:
                raise UsageError(
                    "these initial states have their own conditions: none can be asked for",
                    got=f"condition {condition}",
                    fix="leave it out, or give the states to start from with their conditions",
                )
            states, conditions = self._drawn(n, generator)
        else:
            conditions = self.conditions(n, generator, condition)
            states = origin.sample(n, generator)
        return states if self.dtype is None else states.to(self.dtype), conditions

    def _drawn(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """n states of the process at the time sampling starts from, with their conditions."""
        process = self.process
        if self.start == 1.0 and not process.coupling.anchored:
            return process.target.labelled(n, generator)
        u = process.clock.position(torch.tensor([self.start], dtype=torch.float64, device=generator.device))
        draw = process.draw(n, generator, schedule=process.schedule(process.clock, u))
        return draw.xt, draw.condition

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
            start_from: initial states (n, *event) instead of those of :meth:`initial`.
            times: further times at which to keep the states.

        Raises:
            UsageError: as for :meth:`initial`; another number of states than n, or draws of a target with classes
                without their conditions.
        """
        if start_from is None:
            x, condition = self.initial(n, generator, condition)
        elif len(start_from) != n:
            raise UsageError("another number of initial states", got=f"{len(start_from)} states", allowed=f"n = {n}")
        elif condition is None and self.origin is self.process.target and self.origin.classes is not None:
            raise UsageError("states of a target with classes need their conditions", fix="pass condition=labels")
        elif self.process.coupling.anchored:
            x, condition = start_from, self._given(start_from, condition)
        else:
            x, condition = start_from, self.conditions(n, generator, condition)
        with torch.inference_mode():
            transport, integrator = self.accelerator.problem(self, x, condition)
            path = integrate(transport, x, integrator, generator, times)
            return self._denoised(self._told(condition), path) if self.denoise else path

    def _given(self, start: Tensor, condition: Tensor | None) -> Tensor:
        """What networks are told of x0: the states that start there, else what is passed."""
        if condition is None and self.start != 0.0:
            raise UsageError("states at a later time need the x0 they come from", fix="pass condition=x0")
        given = start if condition is None else condition
        if given.shape != start.shape:
            raise UsageError("x0 for each state", got=str(tuple(given.shape)), allowed=str(tuple(start.shape)))
        return given

    def _denoised(self, fields: Fields, path: Trajectory) -> Trajectory:
        """The trajectory with a last state at the end that it stopped short of."""
        forward = self.stop > self.start
        end = 1.0 if forward else 0.0
        if self.stop == end:
            return path
        last = torch.tensor(self.stop, dtype=torch.float64, device=path.x.device)
        denoise = fields.target_denoiser if forward else fields.source_denoiser
        t = torch.cat([path.t, path.t.new_tensor([end])])
        return Trajectory(t, torch.cat([path.x, denoise(last, path.final)[None]]), path.evaluations + 1)

    def decode(self, x: Tensor) -> Tensor:
        """Model space to data space, at the end that sampling reaches."""
        return self.end.decode(x)
