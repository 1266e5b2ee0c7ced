"""Views of a small run and of a small sweep, made by hand, and the folders that a report is watched in."""

from __future__ import annotations

import contextlib
import itertools
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from si_authoring.testing.check import Violation
from si_authoring.testing.setting import Setting
from si_core import Frame, RunView, SweepView, Trajectory

__all__ = ["OPTIONAL_PARTS", "Folders", "folders", "run_view", "sweep_view"]

_ROWS, _PATHS, _TIMES = 24, 6, 4
_AXES: dict[str, list[Any]] = {"sample.epsilon": [0, 0.5], "latent": ["none", {"use": "brownian", "scale": 2.0}]}
_OWN_FILES = {"recipe.yaml": "seed: 7\n", "metrics.jsonl": '{"step": 1}\n', "plots/note.txt": "a user's own"}

_WITHOUT: dict[str, dict[str, Any]] = {
    "draws of its target": {"target": None},
    "draws of either end, whose data are gone": {"source": None, "target": None, "notes": ("Both are gone.",)},
    "a trajectory": {"trajectory": None},
    "the model's log-density": {"log_density": None},
    "the target's log-density": {"true_log_density": None},
    "metrics": {"metrics": ()},
    "estimates": {"estimates": ()},
    "versions and facts": {"environment": {}, "facts": {}},
}
OPTIONAL_PARTS = {
    **_WITHOUT,
    "anything optional": {key: part for parts in _WITHOUT.values() for key, part in parts.items()},
}
"""What a view may be without, by what it then lacks."""


class Folders:
    """A temporary folder with that of a run in it, beside others which a report has no business with.

    Args:
        root: the temporary folder.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.run, self.elsewhere = root, root / "runs" / "run", root / "elsewhere"
        self.elsewhere.mkdir()
        for name, text in _OWN_FILES.items():
            path = self.run / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    own = frozenset(name.partition("/")[0] for name in _OWN_FILES)
    """What lies in the folder of the run before anything is written."""

    def strays(self) -> list[str]:
        """The files outside of the run's folder, relative to the temporary one."""
        found = (path for path in self.root.rglob("*") if path.is_file() and not path.is_relative_to(self.run))
        return sorted(str(path.relative_to(self.root)) for path in found)

    def changed(self) -> list[str]:
        """The run's own files that are not what they were."""
        return [name for name, text in _OWN_FILES.items() if _text(self.run / name) != text]


def _text(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


@contextlib.contextmanager
def folders() -> Iterator[Folders]:
    """Folders to write in; the current one is beside that of the run meanwhile.

    Raises:
        Violation: the current folder is another at the end.
    """
    with tempfile.TemporaryDirectory() as name:
        made = Folders(Path(name).resolve())
        with contextlib.chdir(made.elsewhere):
            yield made
            if Path.cwd() != made.elsewhere:
                raise Violation("it changes the current directory")


def _log_density(x: Tensor) -> Tensor:
    """Of a standard normal law, shape (B,)."""
    rows = x.reshape(len(x), -1)
    return -0.5 * rows.square().sum(1) - 0.5 * rows.shape[1] * math.log(2 * math.pi)


def run_view(directory: Path, setting: Setting, **parts: Any) -> RunView:
    """A view with everything in it, with draws of a setting's event shape; parts can be replaced."""
    sets = {}
    for name in ("source", "target", "samples"):
        states = torch.randn(_ROWS, *setting.event, generator=torch.Generator().manual_seed(len(name)))
        sets[name] = setting.given(name, states)
    t = torch.linspace(0, 1, _TIMES)
    along = torch.stack([(1 - s) * sets["source"][:_PATHS] + s * sets["target"][:_PATHS] for s in t.tolist()])
    whole: dict[str, Any] = {
        "directory": directory,
        "title": "A small run",
        "recipe": {"title": "A small run", "seed": 7, "train": {"steps": 3, "optimizer": {"use": "adam", "lr": 1e-3}}},
        **sets,
        "frame": Frame(setting.event),
        "trajectory": Trajectory(setting.given("t", t), setting.given("trajectory", along), 3),
        "log_density": _log_density,
        "true_log_density": _log_density,
        "metrics": [{"step": step, "loss": 1 / step, "lr": 1e-3} for step in (1, 2, 3)],
        "estimates": [_estimate(-1.5, 0.1), {**_estimate(0.2, None), "name": "kl-bound", "bound": "upper"}],
        "environment": {"python": "3.12.0", "packages": {"torch": "2.13.0"}},
        "facts": {"finished": "2026-01-02 03:04 UTC", "time taken": "5 s"},
    }
    return RunView(**{**whole, **parts})


def sweep_view(directory: Path) -> SweepView:
    """A view of a sweep over two axes, with a point that failed and one that is pending."""
    records: list[dict[str, Any]] = []
    for point, values in enumerate(itertools.product(*_AXES.values())):
        state = ("finished", "failed", "pending", "finished")[point]
        finished = state == "finished"
        records.append(
            {
                "point": point,
                "folder": f"points/{point:03d}",
                "values": dict(zip(_AXES, values, strict=True)),
                "state": state,
                "message": "step 3: the loss is not finite" if state == "failed" else "",
                "seconds": {"training": 1.5, "sampling": 0.5} if finished else {},
                "estimates": [_estimate(-float(point), 0.1)] if finished else [],
            }
        )
    recipe = {"title": "A small sweep", "seed": 7, "sweep": _AXES}
    return SweepView(directory, "A small sweep", recipe, _AXES, records, {"python": "3.12.0"}, {"trainings": "2"})


def _estimate(value: float, error: float | None) -> dict[str, Any]:
    return {"name": "log-likelihood", "value": value, "standard_error": error, "bound": "exact", "unit": "nats"}
