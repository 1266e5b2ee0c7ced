"""A fitted model: a :class:`si_core.Model` that takes and gives data as they came.

The model beneath, ``fitted.model``, speaks of tensors in model space and of streams of randomness, for integrators,
estimators and reports; this one speaks of arrays and frames in data space and of a seed, for people. Both are kept, for
a trajectory in model space is not what a person asks samples for.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from si_core.contract.clock import Clock
from si_core.contract.condition import Condition
from si_core.contract.data import Estimate
from si_core.contract.estimator import Estimator
from si_core.contract.integrator import Integrator
from si_core.discovery.build import build
from si_core.errors import DataError, UsageError
from si_core.fields.noise_level import Epsilon
from si_core.memory.conditions import spoken_values
from si_core.memory.containers import column_names, column_of, container_of, is_frame
from si_core.memory.given import given, in_turn, refuse_others
from si_core.memory.layout import Layout
from si_core.memory.pictures import figure_of, png_of
from si_core.memory.resampling import resampled
from si_core.memory.rows import read_rows
from si_core.memory.saving import save_fitted
from si_core.memory.training import Trained
from si_core.memory.words import of_saved
from si_core.models.estimation import estimate
from si_core.models.model import Model
from si_core.models.samples import Samples
from si_core.models.sampling import carry, draw_samples
from si_core.recipes.recipe import Recipe

__all__ = ["Fitted"]


class Fitted:
    """What :func:`si_core.fit` returns.

    Args:
        trained: the model and how it was trained.
        layout: how the data came.

    Attributes:
        model: the model beneath, in model space.
        history: the records of training: steps, losses, and those on held-out rows.
    """

    def __init__(self, trained: Trained, layout: Layout) -> None:
        self._trained, self.layout = trained, layout
        self.model: Model = trained.model
        self.history = list(trained.history)
        self._shown: str | None = None

    @property
    def recipe(self) -> Recipe:
        """The recipe that was trained."""
        return self._trained.assembly.recipe

    @property
    def _in_memory(self) -> bool:
        return self.recipe.target.in_memory

    @property
    def step(self) -> int:
        """The steps it was trained."""
        return self._trained.step

    @property
    def conditions(self) -> dict[str, tuple[str, ...] | None]:
        """What samples are given, by name: the names of classes, or None for values."""
        return {name: spec.classes for name, spec in self.model.process.conditions.items()}

    def sample(
        self,
        n: int | None = None,
        condition: Any = None,
        *,
        start: Any = None,
        seed: int = 0,
        integrator: Integrator | str | Mapping[str, Any] | None = None,
        epsilon: Epsilon | str | Mapping[str, Any] | None = None,
        clock: Clock | str | Mapping[str, Any] | None = None,
        guidance: Any = None,
        with_conditions: bool = False,
    ) -> Any:
        """Draw samples, as the data came: arrays for arrays, frames for frames, in their units, names and dtypes.

        Where the data are whole numbers, truth values or times, samples are rounded to such; ``si.sample(fitted.model,
        n)`` gives the draws of the density as they are.

        Args:
            n: how many; those of ``start`` where it is left out, else 1000, or the next number that lists of
                conditions go into.
            condition: what they are given: values by name, or the bare value where there is one condition; classes by
                their names; lists in turn. None for conditions as the data have them; ``{name: None}`` to leave one out
                where training did.
            start: points to carry to the target, in units and form of the data, in place of draws of the source.
            seed: equal seeds give equal samples.
            integrator, epsilon, clock, guidance: in place of the model's, by name, as ``{"use": name, ...options}`` or
                as objects (:func:`si_core.memory.resampling.resampled`): ``integrator={"use": "heun", "steps": 100}``.
            with_conditions: whether to return the conditions as well, by name, beside columns of a frame.

        Returns:
            n samples; with ``with_conditions`` a pair of them and of a dictionary.

        Raises:
            UsageError: an unknown condition or class, or one that is missing; an unknown or unfit part of the sampler.
            DataError: start points of another shape.
        """
        model = resampled(self.model, self.recipe.seed, integrator, epsilon, clock, guidance)
        spoken = given(condition, model.process.conditions, model.optional)
        if start is None:
            with of_saved(
                self._in_memory, "give points to start from: start=..., or what samples are given: condition=..."
            ):
                count = in_turn(spoken, model.process.conditions, n, 1000)
                samples = draw_samples(model, count, seed, spoken, exact=self.layout.exact)
        else:
            points = self._points(start, "start")
            in_turn(spoken, model.process.conditions, len(points), 1000)
            if n is not None and n != len(points):
                raise UsageError(
                    "another number of points to start from", got=f"{len(points)} points", allowed=f"n = {n}"
                )
            samples = carry(model, points, seed, spoken, self.layout.exact)
        return self._back(samples, seed, with_conditions)

    def _back(self, samples: Samples, seed: int, with_conditions: bool) -> Any:
        condition: Condition | None = samples.condition
        rows = samples.chosen(seed)
        x = samples.x if rows is None else samples.x[rows]
        if condition is not None and rows is not None:
            condition = {name: values[rows] for name, values in condition.items()}
        values = spoken_values(condition, self.model.process.conditions, self.layout.spoken)
        x = x.to(self.model.device) if self.layout.on_device else x
        back = self.layout.back(x, values)
        return (back, values) if with_conditions else back

    def log_prob(self, x: Any, condition: Any = None, *, seed: int = 0, **options: Any) -> Any:
        """``log p(x)`` of each point in nats per unit of the data, by the probability-flow ODE.

        Args:
            x: points in units and form of the data; columns of a frame by their names.
            condition: what they are given, one for each or one for all; columns of a frame where x has them.
            seed: of random directions, where the divergence is estimated.
            options: of the estimator ``log-likelihood``, such as ``steps``.

        Returns:
            shape (n,): a tensor for tensors, else an array; minus infinity beyond the bounds of the data's units.

        Raises:
            UsageError: a source without a density, or a condition that is missing.
            DataError: points of another shape, or not finite.
        """
        estimator = build("estimator", "si-estimators/log-likelihood", **options)
        points, target = self._points(x, "x"), self.model.process.target
        inside = target.frame.inside(points)
        if not bool(inside.all()):
            # Any point within stands for those that have no density.
            within = target.decode(points.new_zeros(1, *target.shape))
            points = torch.where(inside.reshape(-1, *(1 for _ in target.shape)), points, within)
        found = self._measured(estimator, points, x, condition, seed)
        if found.per_sample is None:
            raise UsageError("the estimator tells no value of each point", got=found.name)
        each = found.per_sample.detach()
        each = torch.where(inside.to(each.device), each, -torch.inf)
        return each if container_of(x) == "torch" else each.cpu().numpy()

    def estimate(
        self, estimator: Estimator | str, data: Any = None, condition: Any = None, *, seed: int = 0, **options: Any
    ) -> Estimate:
        """Measure a number: see :func:`si_core.estimate`, here on points as the data came.

        Args:
            estimator: an estimator, or the name of one (``si list estimator``).
            data: points in units and form of the data; None for held-out rows or fresh draws.
            condition: as for :meth:`log_prob`.
            seed: of its randomness.
            options: of an estimator by name.
        """
        if isinstance(estimator, str):
            estimator = build("estimator", estimator, **options)
        points = None if data is None else self._points(data, "data")
        return self._measured(estimator, points, data, condition, seed)

    def _measured(
        self, estimator: Estimator | str, points: torch.Tensor | None, data: Any, condition: Any, seed: int
    ) -> Estimate:
        """A number at points in data space, which may have conditions among the columns that they came with."""
        specs, optional = self.model.process.conditions, self.model.optional
        own = self._own_condition(data)
        spoken = given(own if condition is None else condition, specs, optional)
        if condition is not None and own is not None and points is not None:
            refuse_others(spoken, given(own, specs, optional), specs, len(points))
        with of_saved(self._in_memory, "give points: data=..."):
            return estimate(self.model, estimator, points, condition=spoken, seed=seed)

    def _own_condition(self, data: Any) -> dict[str, Any] | None:
        """The conditions that points have among their columns."""
        if not is_frame(data):
            return None
        there = {str(name): name for name in column_names(data)}
        return {name: column_of(data, there[name]) for name in self.model.process.conditions if name in there} or None

    def _points(self, data: Any, where: str) -> torch.Tensor:
        """Points in data space, float64."""
        names = self.layout.columns if is_frame(data) else None
        shape = self.model.process.shape
        if is_frame(data) and names is None:
            names = tuple(column_names(data))
        values, _ = read_rows(data, names, where=where, like=self.layout)
        if values.shape[1:] != shape and values.shape == shape:
            raise DataError("one point is one row", where=where, got=values.shape, fix="x[None]")
        return torch.from_numpy(np.ascontiguousarray(values.astype(np.float64)))

    def plot(self, n: int = 1000, condition: Any = None, *, seed: int = 0) -> Any:
        """A figure of matplotlib: samples beside data of the same classes, where these are at hand, and the losses.

        Beside samples that are given values there are no data: none need have the same.

        Args:
            n: how many samples.
            condition, seed: as for :meth:`sample`.

        Raises:
            UsageError: matplotlib is not installed.
        """
        spoken = given(condition, self.model.process.conditions, self.model.optional)
        with of_saved(self._in_memory, "what samples are given: condition=..."):
            samples = draw_samples(self.model, n, seed, spoken).without_weights(seed)
        return figure_of(self.model, self.layout.rounded(samples), self.history, self.layout.columns, spoken)

    def save(self, folder: str | Path) -> Path:
        """Write the model into a new or empty folder, for :func:`si_core.load_model` and ``si sample``; not its data.

        Of objects in memory the class is written; who loads the model gives them anew:
        ``si.load_model(folder, network=MyNet())``.

        Raises:
            StorageError: the folder is in use, or can't be written.
        """
        return save_fitted(Path(folder), self._trained, self.layout)

    def _facts(self) -> list[str]:
        process, layout = self.model.process, self.layout
        size = "" if process.target.size is None else f"{process.target.size} rows of "
        columns = (
            f" ({', '.join(map(str, layout.columns[:6]))}{', ...' if len(layout.columns) > 6 else ''})"
            if layout.columns
            else ""
        )
        told = "; ".join(spec.described(name) for name, spec in process.conditions.items())
        count = sum(p.numel() for p in self._trained.assembly.fields.predictor.parameters())
        loss = f", loss {self.history[-1]['loss']:.4g}" if self.history else ""
        held = self.history[-1].get("validation") if self.history else None
        loss += f" ({held['total']:.4g} on held-out rows)" if isinstance(held, Mapping) and held else ""
        method, epsilon = type(self.model.integrator).__name__, self.model.epsilon
        level = epsilon if isinstance(epsilon, int | float) else type(epsilon).__name__
        return [
            f"Fitted to {size}shape {process.shape}{columns}" + (f", given {told}" if told else ""),
            f"  {', '.join(self._trained.assembly.fields.names)} by {count:,} parameters, {self.step} steps{loss}",
            f"  sampled by {method}, epsilon {level}, on {self.model.device}",
        ]

    def __repr__(self) -> str:
        return "\n".join(self._facts())

    def _repr_html_(self) -> str:
        """What a notebook shows: the facts, and a picture where matplotlib is installed."""
        if self._shown is None:
            facts = html.escape(repr(self))
            try:
                picture = f'<img alt="samples and losses" src="data:image/png;base64,{png_of(self.plot(500))}">'
            except (UsageError, DataError):
                picture = ""  # without matplotlib, or without a source to draw from, the facts are left
            self._shown = f"<pre>{facts}</pre>{picture}"
        return self._shown
