"""Conformance of exporters: files in the folder that they are given, and nowhere else, naming no path of a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from si_authoring.testing.check import Violation, check
from si_authoring.testing.common import accepted, first_accepted
from si_authoring.testing.recipe_model import recipe_model
from si_authoring.testing.report_views import Folders, folders
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_authoring.testing.toy_model import toy_model
from si_core import Exporter, Model, RunRecords, StorageError, UsageError

__all__ = ["SUITE"]


_RECORDS = RunRecords(
    [{"name": "log-likelihood", "value": -1.5, "standard_error": 0.1, "bound": "exact", "unit": "nats"}],
    [{"step": 1, "loss": 1.5, "losses": {"velocity": 1.5}}],
    {"python": "3.12.0", "distributions": {"si-core": "0.2.0"}},
)


def _model(setting: Setting) -> Model:
    """A model of a recipe; a toy where the parts of one are not installed."""
    found = recipe_model(setting.event)
    return toy_model(replace(setting, chosen=None, device="cpu")) if found is None else found


def _exported(exporter: Exporter, made: Folders, model: Model, name: str = "export") -> list[Path]:
    """The files that it says it wrote into a new folder.

    Raises:
        Violation: they are not what it says, or not in the folder; or it wrote elsewhere.
    """
    directory = made.run / name
    directory.mkdir()
    found = exporter.export(model, directory, _RECORDS)
    if not isinstance(found, list) or not all(isinstance(path, Path) for path in found):
        raise Violation(f"it returns {found!r} instead of a list of paths (pathlib.Path)")
    there = {path.resolve() for path in directory.rglob("*") if path.is_file()}
    missing = [path.name for path in found if path.resolve() not in there]
    if missing:
        raise Violation(f"it returns paths that are no files in the folder: {', '.join(missing)}")
    unsaid = sorted(path.name for path in there - {path.resolve() for path in found})
    if unsaid:
        raise Violation(f"it writes files that it does not return: {', '.join(unsaid)}")
    if not found:
        raise Violation("it writes nothing")
    others = [str(path.relative_to(made.run)) for path in made.run.rglob("*") if _beside(path, made, name)]
    if made.strays() or others or made.changed():
        raise Violation(f"it writes outside of the folder: {', '.join([*made.strays(), *others, *made.changed()])}")
    return found


def _beside(path: Path, made: Folders, name: str) -> bool:
    """Whether a file is neither in this folder, nor in that of an earlier export, nor the run's own."""
    return path.is_file() and path.relative_to(made.run).parts[0] not in (name, "export", *made.own)


def _exercise(exporter: Exporter, setting: Setting) -> Sequence[Output]:
    with folders() as made:
        count = float(len(_exported(exporter, made, _model(setting))))
    return [Output("the number of files", torch.tensor(count, device=setting.device), (), rows=False, like=False)]


@check
def files(exporter: Exporter) -> None:
    """It returns the files that it wrote, all of them, in the folder that it was given, and writes nowhere else."""
    for setting in accepted(SUITE, exporter):
        with folders() as made:
            _exported(exporter, made, _model(setting))


@check
def no_paths(exporter: Exporter) -> None:
    """No file names a path of this machine: the folder can be moved to another one."""
    with folders() as made:
        for path in _exported(exporter, made, _model(first_accepted(SUITE, exporter))):
            if str(made.root).encode() in path.read_bytes():
                raise Violation(f"{path.name} names a path of this machine, such as that of the folder it is in")


@check
def same_again(exporter: Exporter) -> None:
    """A second export of a model has the same files with the same content."""
    model = _model(first_accepted(SUITE, exporter))
    with folders() as made:
        first, second = (
            {path.relative_to(made.run / name): path.read_bytes() for path in _exported(exporter, made, model, name)}
            for name in ("export", "again")
        )
    if first != second:
        changed = sorted(str(path) for path in {*first, *second} if first.get(path) != second.get(path))
        raise Violation(f"a second export of the same model has other files: {', '.join(changed)}")


@check
def model_unchanged(exporter: Exporter) -> None:
    """The model stays as it is: its weights, and where they are."""
    setting = first_accepted(SUITE, exporter)
    model, fresh = _model(setting), _model(setting)
    with folders() as made:
        _exported(exporter, made, model)
    for one, other in zip(*(list(each.fields.predictor.parameters()) for each in (model, fresh)), strict=True):  # type: ignore[attr-defined]
        if one.dtype != other.dtype or one.requires_grad != other.requires_grad or not torch.equal(one, other):
            raise Violation("it changes the weights of the model; work on a copy")


@check
def lost_folder(exporter: Exporter) -> None:
    """A folder that can't be written is an error that says so, a StorageError or an OSError of the system."""
    with folders() as made:
        directory = made.run / "plots" / "note.txt"
        try:
            exporter.export(_model(first_accepted(SUITE, exporter)), directory, _RECORDS)
        except (StorageError, OSError, UsageError):
            return
    raise Violation("it says nothing where the folder can't be written")


SUITE = Suite(
    kind="exporter",
    exercise=_exercise,
    own=(files, no_paths, same_again, model_unchanged, lost_folder),
    events=((2,), (1, 4, 4)),
    refusable=True,
)
