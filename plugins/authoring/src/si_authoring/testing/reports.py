"""Conformance of reports: files in the run's folder and nowhere else, whatever the run has to show."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from si_authoring.testing.check import NotApplicable, Violation, check
from si_authoring.testing.common import accepted, first_accepted
from si_authoring.testing.report_views import OPTIONAL_PARTS, Folders, folders, run_view, sweep_view
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_core import ConditionSpec, Report, UsageError

__all__ = ["SUITE"]

_PLAIN = ("recipe", "metrics", "estimates", "environment", "facts")


def _exercise(report: Report, setting: Setting) -> Sequence[Output]:
    # A report is of all draws, as many whichever rows are asked for, and a run hands them over on the processor.
    whole = replace(setting, chosen=None, device="cpu")
    with folders() as made:
        written = _listed(report.write(run_view(made.run, whole)))
        count = torch.tensor(float(len(written)), device=setting.device)
    return [Output("the number of files", count, (), rows=False, like=False)]


def _listed(found: object) -> list[Path]:
    if not isinstance(found, list) or not all(isinstance(path, Path) for path in found):
        raise Violation(f"it returns {found!r} instead of a list of paths (pathlib.Path)")
    return found


def _written(made: Folders, write: Callable[[], Any]) -> list[Path]:
    """The files that a call says it wrote.

    Raises:
        Violation: they are not what it says, or not in the folder; or it wrote elsewhere, or over the run's own files.
    """
    found = _listed(write())
    strays = made.strays()
    if strays:
        raise Violation(f"it writes outside of the run's folder: {', '.join(strays)}; write into view.directory")
    for path in found:
        if not path.resolve().is_relative_to(made.run):
            raise Violation(f"it returns a path outside of the run's folder: {path}")
        if not path.is_file():
            raise Violation(f"it returns a path that is no file: {path.name}")
    if len(set(found)) != len(found):
        raise Violation("it returns a path twice")
    changed = made.changed()
    if changed:
        raise Violation(f"it changes or removes files of the run that are not its own: {', '.join(changed)}")
    return found


def _report_of(report: Report, made: Folders, setting: Setting, **parts: Any) -> list[Path]:
    view = run_view(made.run, setting, **parts)
    found = _written(made, lambda: report.write(view))
    if not found:
        raise Violation("it returns no files: a report has one to open first")
    return found


@check
def files(report: Report) -> None:
    """The report of a run is a list of files that are there, within the run's folder, and it writes nowhere else."""
    for setting in accepted(SUITE, report):
        with folders() as made:
            _report_of(report, made, setting)


@check
def optional_parts(report: Report) -> None:
    """What a run may lack (draws of its ends, a trajectory, densities, metrics, estimates) may be missing."""
    setting = first_accepted(SUITE, report)
    for lacking, parts in OPTIONAL_PARTS.items():
        with folders() as made:
            try:
                _report_of(report, made, setting.anew(), **parts)
            except Violation:
                raise
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                raise Violation(f"it fails for a run without {lacking}, which a run need not have: {text}") from error


@check
def conditions(report: Report) -> None:
    """Samples may have labels, and values of any shape."""
    setting = first_accepted(SUITE, report)
    with folders() as made:
        count = len(run_view(made.run, setting.anew()).samples)
        specs = {"species": ConditionSpec(classes=("one", "two", "three")), "observation": ConditionSpec((3,))}
        given = {"species": torch.arange(count) % 3, "observation": torch.linspace(0, 1, 3 * count).reshape(-1, 3)}
        _report_of(report, made, setting.anew(), condition=given, conditions=specs)


@check
def view_unchanged(report: Report) -> None:
    """The view is left as it was: draws, trajectory and records."""
    setting = first_accepted(SUITE, report)
    with folders() as made:
        view = run_view(made.run, setting)
        before = {name: copy.deepcopy(getattr(view, name)) for name in _PLAIN}
        _written(made, lambda: report.write(view))
        changed = [*dict.fromkeys(setting.changed()), *(name for name in _PLAIN if getattr(view, name) != before[name])]
        sweep = sweep_view(made.run)
        copied = copy.deepcopy(sweep)
        _written(made, lambda: report.write_sweep(sweep))
        if sweep != copied:
            changed.append("the view of a sweep")
    if changed:
        raise Violation(f"it changes what it is shown: {', '.join(changed)}; work on a copy")


@check
def again(report: Report) -> None:
    """A second report of a run takes the place of the first, in the same files."""
    setting = first_accepted(SUITE, report)
    with folders() as made:
        first = _report_of(report, made, setting.anew())
        try:
            second = _report_of(report, made, setting.anew())
        except (OSError, UsageError) as error:
            raise Violation(f"it fails where there is a report already: {error}") from error
    if first != second:
        names = ", ".join(sorted({path.name for path in first} ^ {path.name for path in second}))
        raise Violation(f"a second report of the same run has other files: {names or 'in another order'}")


@check
def sweep(report: Report) -> None:
    """The report of a sweep is a list of files that are there, within the sweep's folder, or an empty list."""
    with folders() as made:
        found = _written(made, lambda: report.write_sweep(sweep_view(made.run)))
    if not found and type(report).write_sweep is Report.write_sweep:
        raise NotApplicable("it has no report of sweeps")


SUITE = Suite(
    kind="report",
    exercise=_exercise,
    own=(files, optional_parts, conditions, view_unchanged, again, sweep),
    events=((2,), (1, 4, 4)),
)
