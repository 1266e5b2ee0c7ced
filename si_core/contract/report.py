"""Reports: what a person looks at when a run has ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from si_core.contract.condition import Condition, ConditionSpec
from si_core.contract.data import Trajectory
from si_core.contract.frame import Frame

__all__ = ["Report", "RunView", "SweepView"]


@dataclass(frozen=True)
class RunView:
    """Everything a report may show. All points are in data space.

    Args:
        directory: the run's folder; plots go to ``directory / "plots"``.
        title: the recipe's title.
        recipe: the resolved recipe as a mapping.
        source: draws of what sampling starts from, shape (N, *event); None where its data are not at hand.
        target: draws of what it is to reach, shape (N, *event); None where its data are not at hand.
        samples: draws of the model, shape (N, *event).
        frame: units, column names and layout of these points, or None.
        notes: lines for people on what the view lacks, and why.
        condition: what the samples were drawn given, by name, each (N, *shape), or None.
        target_condition: what belongs to the draws of the target, by name, each (N, *shape), or None.
        conditions: what these are.
        trajectory: states on their way, in time order, or None: two thousand of events of one or two numbers, a few
            hundred of others.
        flow: where sampling has noise, the first of these starts on their way by the probability-flow ODE at the same
            times, of events of one or two numbers; else None.
        breakpoints: for each entry of an event (d,) the values at which the target's density may jump; None where
            nothing is known.
        log_density: the model's log-density at points (B, *event) in nats, or None.
        true_log_density: the target's log-density, or None.
        metrics: the records of ``metrics.jsonl``.
        estimates: the records of ``estimates.json``; their details hold what is drawn (:mod:`si_core.contract.panel`).
        environment: versions of everything used.
        facts: further lines for the head of the report, such as the time taken.
    """

    directory: Path
    title: str
    recipe: Mapping[str, Any]
    source: Tensor | None
    target: Tensor | None
    samples: Tensor
    frame: Frame | None = None
    notes: Sequence[str] = ()
    condition: Condition | None = None
    conditions: Mapping[str, ConditionSpec] = field(default_factory=dict)
    target_condition: Condition | None = None
    trajectory: Trajectory | None = None
    flow: Trajectory | None = None
    breakpoints: Sequence[Sequence[float]] | None = None
    log_density: Callable[[Tensor], Tensor] | None = None
    true_log_density: Callable[[Tensor], Tensor] | None = None
    metrics: Sequence[Mapping[str, Any]] = ()
    estimates: Sequence[Mapping[str, Any]] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SweepView:
    """What came out of a sweep: one run for each combination of the values of its axes.

    Args:
        directory: the sweep's folder; plots go to ``directory / "plots"``.
        title: the recipe's title.
        recipe: the resolved recipe as a mapping, with the grid as ``sweep``.
        axes: the values of each axis by dotted key, both in the order of the sweep.
        records: the records of ``results.json``, one for each point in the order of the sweep, the last axis fastest:
            ``point`` (its number), ``folder`` (relative to the sweep's), ``values`` (by axis), ``state`` (finished,
            failed or pending), ``message``, ``seconds`` (by stage) and ``estimates`` (as in ``estimates.json``).
        environment: versions of everything used.
        facts: further lines for the head of the report.
    """

    directory: Path
    title: str
    recipe: Mapping[str, Any]
    axes: Mapping[str, Sequence[Any]]
    records: Sequence[Mapping[str, Any]]
    environment: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


class Report(ABC):
    """A writer of plots and pages."""

    @abstractmethod
    def write(self, view: RunView) -> list[Path]:
        """Write the report of a run into its folder.

        Returns:
            The files written, the one to open first at the head.
        """

    def write_sweep(self, view: SweepView) -> list[Path]:
        """Write the report of a sweep into its folder; by default there is none.

        Returns:
            The files written, the one to open first at the head.
        """
        return []
