"""The model: fields of a process with a way to sample them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.condition import Condition
from si_core.contract.data import Trajectory
from si_core.contract.distribution import Distribution
from si_core.contract.guidance import Guidance
from si_core.contract.integrator import Integrator
from si_core.contract.runtime import Runtime
from si_core.errors import UsageError
from si_core.fields.base import Fields
from si_core.fields.noise_level import Epsilon
from si_core.models.acceleration.accelerator import Accelerator
from si_core.models.guided_law import guided_fields, told_of_law
from si_core.models.initial_states import InitialStates
from si_core.models.last_step import last_state
from si_core.models.streams import generator
from si_core.process.process import StochasticInterpolant
from si_core.recipes.recipe import Recipe
from si_core.recipes.schema import LastStep
from si_core.transport.integrate import integrate
from si_core.transport.transport import Transport

__all__ = ["Model"]


@dataclass(frozen=True)
class Model:
    """Fields of a process, and how to sample from them by default.

    Args:
        process: the process.
        fields: its fields: learned, exact or a user's own.
        integrator: the method of sampling.
        epsilon: the noise level of sampling; 0 for the ODE.
        start: the time sampling starts from.
        stop: the time it reaches.
        clock: the clock of sampling; None for the process's own.
        denoise: how sampling that stops before the end finishes (:mod:`si_core.models.last_step`): ``tweedie``, or
            True, by ``E[x1|x_t]`` in place of ``x_t`` (backward: ``E[x0|x_t]``); False for not at all.
        freeze: whether weights of learned fields that have no bound at an end are frozen beside it; without, such a
            drift is refused.
        recipe: the recipe that made the model, if any.
        accelerator: how :meth:`sample` calls the networks and repeats the steps; all else is as without.
        guidance: what made ``fields`` of those of the process, in order (:meth:`with_guidance`).
        unguided: the fields of the process, where there is guidance.
    """

    process: StochasticInterpolant
    fields: Fields
    integrator: Integrator
    epsilon: Epsilon = 0.0
    start: float = 0.0
    stop: float = 1.0
    clock: Clock | Literal["auto", "uniform"] | None = None
    denoise: bool | LastStep = False
    recipe: Recipe | None = field(default=None, repr=False)
    accelerator: Accelerator = field(default_factory=Accelerator, repr=False, compare=False)
    freeze: bool = False
    guidance: tuple[Guidance, ...] = ()
    unguided: Fields | None = field(default=None, repr=False)

    @staticmethod
    def checked(model: Any) -> Model:
        """A model, where one was given.

        Raises:
            UsageError: something else; says which model it holds, if it does.
        """
        if isinstance(model, Model):
            return model
        holds = isinstance(getattr(model, "model", None), Model)
        fix = (
            "its attribute `model` is one; or call its own methods" if holds else "si.train(recipe), si.load_model(run)"
        )
        raise UsageError("no model", got=type(model).__name__, allowed="a si.Model", fix=fix)

    def __repr__(self) -> str:
        process = self.process
        named = ("interpolant", "latent", "coupling", "source", "target")
        parts = ", ".join(f"{name} {type(getattr(process, name)).__name__}" for name in named)
        told = "; ".join(spec.described(name) for name, spec in process.conditions.items())
        fields = self.unguided or self.fields
        known = ", ".join(getattr(fields, "names", ())) or type(fields).__name__
        guided = "".join(f", guided by {type(each).__name__}" for each in self.guidance)
        epsilon = self.epsilon if isinstance(self.epsilon, int | float) else type(self.epsilon).__name__
        return "\n".join(
            (
                f"Model of shape {process.shape}" + (f", given {told}" if told else "") + f": {parts}",
                f"  fields {known}{guided}",
                f"  sampled by {type(self.integrator).__name__}, epsilon {epsilon}, from t = {self.start:g} to "
                f"{self.stop:g}, on {self.device}",
            )
        )

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
        # Guided fields may be anybody's, and need not show the networks that they ask.
        predictor = getattr(self.unguided or self.fields, "predictor", None)
        return None if predictor is None else next(predictor.parameters(), None)

    def on(self, runtime: Runtime) -> Model:
        """This model, its networks called in sampling as a runtime asks for; they stay where they are."""
        return replace(self, accelerator=self.accelerator.on(runtime))

    def stream(self, seed: int, purpose: str, *indices: int) -> torch.Generator:
        """A stream of randomness (:mod:`si_core.models.streams`) where the samples are."""
        return generator(seed, purpose, *indices, device=self.device)

    @property
    def origin(self) -> Distribution:
        """The distribution that sampling starts from."""
        return self._starts.origin

    @property
    def end(self) -> Distribution:
        """The distribution that sampling reaches."""
        return self.process.target if self.start < self.stop else self.process.source

    def with_sampler(
        self,
        integrator: Integrator | None = None,
        epsilon: Epsilon | None = None,
        clock: Clock | Literal["auto", "uniform"] | None = None,
        freeze: bool | None = None,
    ) -> Model:
        """This model with another method, noise level or clock, or with its weights frozen."""
        return replace(
            self,
            integrator=integrator or self.integrator,
            epsilon=self.epsilon if epsilon is None else epsilon,
            clock=self.clock if clock is None else clock,
            freeze=self.freeze if freeze is None else freeze,
        )

    def with_guidance(self, guidance: Sequence[Guidance]) -> Model:
        """This model with fields that are guided, in order, in place of any guidance it had; empty for none.

        All that is asked of the model is then asked of the guided fields: samples, likelihoods, errors. With weights
        samples have the tilted law; without they have another law than the process, one for each noise level
        (:attr:`told_of_law`).

        Raises:
            UsageError: fields that can't be guided so, or guidance without weights on top of some with weights.
            PluginError: what a guidance gives is no fields.
        """
        base = self.unguided or self.fields
        fields = guided_fields(base, guidance)
        return replace(self, fields=fields, guidance=tuple(guidance), unguided=base if guidance else None)

    @property
    def told_of_law(self) -> str | None:
        """What people are told where guidance leaves samples without the law that is meant; None where they have it."""
        return told_of_law(self.fields, self.guidance)

    def transport(
        self,
        *,
        epsilon: Epsilon | None = None,
        start: float | None = None,
        stop: float | None = None,
        condition: Condition | None = None,
    ) -> Transport:
        """The initial value problem of sampling, or of another noise level or span, given a condition."""
        return Transport(
            self._conditioned(condition),
            self.epsilon if epsilon is None else epsilon,
            self.start if start is None else start,
            self.stop if stop is None else stop,
            self.clock,
            self.freeze,
        )

    def _conditioned(self, condition: Condition | None) -> Fields:
        return self.fields if condition is None else self.fields.conditioned(condition)

    @property
    def optional(self) -> frozenset[str]:
        """The conditions that may be left out, for training left them out now and then."""
        return self.fields.optional

    @property
    def _starts(self) -> InitialStates:
        return InitialStates(self.process, self.start, self.stop, self.dtype, self.optional)

    def conditions(self, n: int, generator: torch.Generator, condition: Any = None) -> Condition | None:
        """What n samples are given: see :meth:`.InitialStates.conditions`."""
        return self._starts.conditions(n, generator, condition)

    def initial(self, n: int, generator: torch.Generator, condition: Any = None) -> tuple[Tensor, Condition | None]:
        """n initial states with what they are given: see :meth:`.InitialStates.drawn`."""
        return self._starts.drawn(n, generator, condition)

    def conditions_in_precision(self, condition: Condition | None) -> Condition | None:
        """A condition whose values have the precision of the states."""
        return self._starts.conditions_in_precision(condition)

    def sample(
        self,
        n: int,
        generator: torch.Generator | None = None,
        *,
        condition: Any = None,
        start_from: Tensor | None = None,
        times: list[float] | None = None,
    ) -> Trajectory:
        """Carry n draws of the source to the target; everything in model space.

        Args:
            n: the number of samples.
            generator: the source of all randomness, on the device of the samples; there is no other one.
            condition: as for :meth:`conditions`; None to draw it as the data have it.
            start_from: initial states (n, *event) instead of those of :meth:`initial`.
            times: further times at which to keep the states.

        Raises:
            UsageError: as for :meth:`initial`; no generator; another number of states than n, or draws of a target with
                classes without their conditions.
        """
        if not isinstance(generator, torch.Generator):
            raise UsageError(
                "a model samples in model space by a generator",
                where="Model.sample",
                got="no generator" if generator is None else f"{type(generator).__name__} in place of a generator",
                allowed="a torch.Generator, such as torch.Generator().manual_seed(0)",
                fix="si.sample(model, n, condition=...) for samples in the data's units",
            )
        if start_from is None:
            x, condition = self.initial(n, generator, condition)
        elif len(start_from) != n:
            raise UsageError("another number of initial states", got=f"{len(start_from)} states", allowed=f"n = {n}")
        else:
            x, condition = start_from, self._starts.given(start_from, condition, generator)
        # Recorded steps are replayed on whatever conditions lie in their memory: refused here, or not at all.
        self._conditioned(condition)
        with torch.inference_mode():
            transport, integrator = self.accelerator.problem(self, x, condition)
            path = integrate(transport, x, integrator, generator, times)
            return self._denoised(path, condition) if self.denoise else path

    def _denoised(self, path: Trajectory, condition: Condition | None) -> Trajectory:
        """The trajectory with a last state at the end that it stopped short of."""
        end = 1.0 if self.stop > self.start else 0.0
        if self.stop == end:
            return path
        kind: LastStep = "tweedie" if isinstance(self.denoise, bool) else self.denoise
        t = torch.cat([path.t, path.t.new_tensor([end])])
        x = torch.cat([path.x, last_state(kind, self.transport(condition=condition), path.final)[None]])
        # The step has weights of the states before it, and another density.
        return Trajectory(t, x, path.evaluations + 1, path.log_weights)

    def decode(self, x: Tensor) -> Tensor:
        """Model space to data space, at the end that sampling reaches."""
        return self.end.decode(x)
