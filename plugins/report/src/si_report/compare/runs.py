"""What is compared of a run: its recipe, records, state, size and time, as far as its files tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from si_core import Model, SIError, load_model
from si_core.public.recipes import load_found_recipe
from si_core.public.runs import RunDirectory, read_estimates, read_json
from si_core.public.storage import read_metrics

__all__ = ["ComparedRun", "read_runs"]


@dataclass(frozen=True)
class ComparedRun:
    """One run.

    Args:
        label: its name among the others.
        recipe: the resolved recipe; empty where it can't be loaded here.
        state: finished, interrupted, failed, running, exported, or unknown.
        step: training steps done, or None.
        seconds: from its first start to the last word of its status, or None.
        parameters: of its networks, or None.
        size: bytes of its weights, or None.
        metrics: its records of training.
        estimates: its records of estimates.
        problems: what is missing or can't be read, one line each.
    """

    label: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    state: str = "unknown"
    step: int | None = None
    seconds: float | None = None
    parameters: int | None = None
    size: int | None = None
    metrics: Sequence[Mapping[str, Any]] = ()
    estimates: Sequence[Mapping[str, Any]] = ()
    problems: Sequence[str] = ()


def read_runs(paths: Sequence[str]) -> list[ComparedRun]:
    """The runs in some folders.

    Raises:
        StorageError: a folder that is no run.
    """
    directories = [RunDirectory.open(path) for path in paths]
    return [_read(directory, label) for directory, label in zip(directories, _labels(paths), strict=True)]


def _labels(paths: Sequence[str]) -> list[str]:
    """The shortest ends of the paths that tell them apart; a path given twice has a number."""
    parts = [Path(path).resolve().parts for path in paths]
    for length in range(1, max(map(len, parts)) + 1):
        labels = ["/".join(each[-length:]) for each in parts]
        if len(set(labels)) == len(set(parts)):
            break
    return [label if labels.count(label) == 1 else f"{label} ({k + 1})" for k, label in enumerate(labels)]


def _read(directory: RunDirectory, label: str) -> ComparedRun:
    problems: list[str] = []

    def read(path: Path, reader: Any, otherwise: Any, needed: bool = True) -> Any:
        if not path.is_file():
            problems.extend([f"no {path.name}"] if needed else [])
            return otherwise
        try:
            found = reader(path)
        except SIError as error:
            problems.append(f"{path.name}: {error.problem}")
            return otherwise
        if not isinstance(found, type(otherwise)):
            problems.append(f"{path.name}: not what it should be")
            return otherwise
        return found

    recipe = read(directory.resolved, lambda path: load_found_recipe(path).resolved(), {})
    model = read(directory.model, lambda path: _parameters(directory), -1)
    exported = directory.resolved.name != "resolved.yaml"
    status = {"state": "exported"} if exported else read(directory.status, read_json, {})
    # A model without its run may never have been measured.
    metrics = read(directory.metrics, read_metrics, [], not exported)
    estimates = read(directory.estimates, read_estimates, [], not exported)
    step = status.get("step", metrics[-1].get("step") if metrics else None)
    return ComparedRun(
        label=label,
        recipe=recipe,
        state=str(status.get("state", "unknown")),
        step=step if isinstance(step, int) else None,
        seconds=_seconds(status),
        parameters=None if model < 0 else model,
        size=directory.model.stat().st_size if directory.model.is_file() else None,
        metrics=metrics,
        estimates=estimates,
        problems=problems,
    )


def _parameters(directory: RunDirectory) -> int:
    found: Any = load_model(directory.path)
    model = found if isinstance(found, Model) else found.model  # one fitted to arrays has a model beneath
    predictor = getattr(model.unguided or model.fields, "predictor", None)
    return 0 if predictor is None else sum(parameter.numel() for parameter in predictor.parameters())


def _seconds(status: Mapping[str, Any]) -> float | None:
    try:
        start, end = (datetime.fromisoformat(status[key]) for key in ("started", "updated"))
        return (end - start).total_seconds()
    except (KeyError, TypeError, ValueError):
        return None  # an older or damaged status tells no times, or one of them with a zone and one without
