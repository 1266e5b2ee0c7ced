"""Conformance of callbacks: they watch a run through its view, and leave it, its model and its numbers as they are."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from si_authoring.testing.check import NotApplicable, Violation, check
from si_authoring.testing.common import first_accepted
from si_authoring.testing.report_views import folders
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_authoring.testing.toy_model import toy_model
from si_core import Callback, Model
from si_core.public.discovery import did_you_mean

__all__ = ["SUITE"]

MOMENTS = ("before_training", "after_step", "after_training", "after_sampling", "before_report")
_OTHERS = ("before_run", "on_event", "state", "restore")
_STEPS, _RECORDS = 12, 3


@dataclass
class _Run:
    """A run as its parts see it (:class:`si_core.Run`), told by hand.

    Args:
        shown: the model that training would give now.
        directory: its folder; None in memory.
    """

    shown: Model
    directory: Path | None = None
    step: int = 0
    steps: int = _STEPS
    metrics: Mapping[str, Any] = field(default_factory=dict)
    stops: list[tuple[int, str]] = field(default_factory=list)

    def model(self) -> Model:
        return copy.deepcopy(self.shown)

    def request_stop(self, reason: str) -> None:
        self.stops.append((self.step, reason))


def _run(setting: Setting, directory: Path | None = None) -> _Run:
    return _Run(toy_model(replace(setting, chosen=None)), directory)


def _record(step: int) -> dict[str, Any]:
    """A record of a loss that falls, and of a validation loss that rises from the fifth step on."""
    validation = 1.0 + abs(step - 5) / 10
    return {
        "step": step,
        "seconds": 0.1 * step,
        "loss": 1 / step,
        "losses": {"velocity": 0.6 / step, "denoiser": 0.4 / step},
        "lr": 1e-3,
        "validation": {"velocity": validation, "denoiser": 0.5, "total": validation + 0.5},
    }


def _tell(callback: Callback, moment: str, run: _Run) -> None:
    method = getattr(callback, moment, None)
    if method is not None:
        method(run)


def _followed(callback: Callback, run: _Run, start: int = 0, stop: int = _STEPS) -> list[tuple[int, str]]:
    """The stops that it asks for, from one step to another; a run that ends has the other moments too."""
    _tell(callback, "before_training", run)
    for step in range(start + 1, stop + 1):
        run.step = step
        if step % _RECORDS == 0:
            run.metrics = _record(step)
        _tell(callback, "after_step", run)
    if stop == run.steps:
        _tell(callback, "after_training", run)
        for moment in ("after_sampling", "before_report") if run.directory is not None else ():
            _tell(callback, moment, run)
    return run.stops


def _exercise(callback: Callback, setting: Setting) -> Sequence[Output]:
    with folders() as made:
        stops = _followed(copy.deepcopy(callback), _run(setting, made.run))
    count = torch.tensor(float(len(stops)), device=setting.device)
    return [Output("the number of stops it asks for", count, (), rows=False, like=False)]


@check
def moments(callback: Callback) -> None:
    """It has a method of those that a run calls, and none that looks like one and is never called."""
    known = (*MOMENTS, *_OTHERS)
    hearing = (*MOMENTS, "on_event")
    if not any(callable(getattr(callback, name, None)) for name in hearing):
        raise Violation(f"it has none of the methods {', '.join(hearing)}, so it never hears of a run")
    for name in dir(callback):
        if name.startswith(("before_", "after_", "on_")) and name not in known and callable(getattr(callback, name)):
            raise Violation(f"{name} is never called: {did_you_mean(name, known) or ', '.join(known)}")
    if callable(getattr(callback, "state", None)) != callable(getattr(callback, "restore", None)):
        raise Violation("it has one of `state` and `restore`: what is stored in a checkpoint needs both")


@check
def run_unchanged(callback: Callback) -> None:
    """The run's records and its model stay as they are: it looks, and asks for a stop at most."""
    setting = first_accepted(SUITE, callback)
    # As training has it, whatever an exercise left behind.
    with folders() as made, torch.enable_grad():
        run = _run(setting, made.run)
        records = {step: _record(step) for step in range(_RECORDS, _STEPS + 1, _RECORDS)}
        follower = copy.deepcopy(callback)
        _tell(follower, "before_training", run)
        for step in range(1, _STEPS + 1):
            run.step, run.metrics = step, records.get(step, run.metrics)
            _tell(follower, "after_step", run)
            if not torch.is_grad_enabled():
                raise Violation("it leaves gradients switched off for the training")
        weights = zip(_weights(run.shown), _weights(toy_model(setting)), strict=True)
    if any(record != _record(step) for step, record in records.items()):
        raise Violation("it changes the record that it is shown; work on a copy")
    if not all(torch.equal(one, other) for one, other in weights):
        raise Violation("it changes the model that is trained; run.model() has networks of its own")


def _weights(model: Model) -> list[torch.Tensor]:
    predictor: Any = getattr(model.fields, "predictor", None)
    return [] if predictor is None else list(predictor.parameters())


@check
def own_folder(callback: Callback) -> None:
    """What it writes is in the run's folder, beside the run's own files; of a run in memory it writes nothing."""
    setting = first_accepted(SUITE, callback)
    for inside in (True, False):
        with folders() as made:
            _followed(copy.deepcopy(callback), _run(setting, made.run if inside else None))
            strays, changed = made.strays(), made.changed()
        if strays:
            place = "outside of the run's folder" if inside else "for a run in memory (`run.directory` is None)"
            raise Violation(f"it writes {place}: {', '.join(strays)}")
        if changed:
            raise Violation(f"it changes or removes files of the run that are not its own: {', '.join(changed)}")


@check
def resumes(callback: Callback) -> None:
    """Stopped at any step and gone on with from its ``state()``, it asks for the same stops as if nothing had been."""
    first_accepted(SUITE, callback)
    if not callable(getattr(callback, "state", None)):
        whole = _followed(copy.deepcopy(callback), _run(Setting()))
        for cut in range(1, _STEPS):
            fresh, run = copy.deepcopy(callback), _run(Setting())
            if _later(whole, cut) != _later(_followed(fresh, run, cut), cut):
                raise Violation(f"stopped after step {cut} and built anew, it asks for other stops: keep a `state()`")
        raise NotApplicable("it keeps no state, and asks for the same stops without one")
    for cut in range(1, _STEPS):
        first, run = copy.deepcopy(callback), _run(Setting())
        _followed(first, run, 0, cut)
        kept = _plain(first.state())  # type: ignore[attr-defined]
        second = copy.deepcopy(callback)
        second.restore(kept)  # type: ignore[attr-defined]
        expected = _later(_followed(first, run, cut), cut)
        found = _later(_followed(second, _run(Setting()), cut), cut)
        if found != expected:
            raise Violation(f"gone on with after step {cut} it asks for the stops {found} instead of {expected}")


def _later(stops: list[tuple[int, str]], cut: int) -> list[tuple[int, str]]:
    return [stop for stop in stops if stop[0] > cut]


def _plain(state: Any) -> Any:
    """The state as a checkpoint gives it back.

    Raises:
        Violation: it is no mapping of plain values.
    """
    try:
        kept = json.loads(json.dumps(state, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise Violation(f"its state can't be stored: {error}; plain values only, no tensors, no infinities") from error
    if not isinstance(state, dict):
        raise Violation(f"its state is a {type(state).__name__} instead of a dict")
    if kept != state:
        raise Violation("its state comes back changed from a checkpoint: text for keys, lists for tuples")
    return kept


SUITE = Suite(
    kind="callback",
    exercise=_exercise,
    own=(moments, run_unchanged, own_folder, resumes),
    context=lambda: {
        "recipe": None,
        "process": None,
        "fields": ("velocity", "denoiser"),
        "shape": (2,),
        "device": torch.device("cpu"),
    },
    events=((2,), (1, 4, 4)),
    refusable=True,
)
