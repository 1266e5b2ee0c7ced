"""Events of runs, and what TensorBoard itself reads of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from si_core.contract.event import Event

NEEDED = ("tensorboard", "si_tensorboard")
collect_ignore_glob = ["test_*.py"] if any(importlib.util.find_spec(name) is None for name in NEEDED) else []

RECIPE = {"title": "Two | Gaussians", "train": {"steps": 20, "optimizer": {"use": "adam"}}, "estimators": []}


class Story:
    """The events of a run in a folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, name: Any, step: int, /, **values: Any) -> None:
        from si_tensorboard import logger

        logger.hear(Event(name, self.directory, step, values))

    def start(self, step: int = 0) -> None:
        self("started", step, recipe=RECIPE, environment={})

    def steps(self, *steps: int, losses: float = 1.0) -> None:
        for step in steps:
            each = {"velocity": losses / step, "denoiser": 2 * losses / step}
            self("step", step, step=step, loss=3 * losses / step, losses=each, grad_norm=0.25, lr=1e-3, note="a word")


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Callable[[str], Story]]:
    """``story(name)``: the events of a run in a folder of this name."""
    from si_tensorboard import logger

    yield lambda name="run": Story(tmp_path / name)
    for run in logger._open.values():
        run.file.close()
    logger._open.clear()


@pytest.fixture
def read() -> Callable[[Path], Any]:
    """``read(run)``: TensorBoard's own reader of a run's folder, with everything in it."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def reader(run: Path) -> Any:
        accumulator = EventAccumulator(
            str(run / "tensorboard"), size_guidance={"scalars": 0, "tensors": 0, "images": 0}
        )
        return accumulator.Reload()

    return reader


@pytest.fixture
def text(read: Callable[[Path], Any]) -> Callable[[Path, str], list[str]]:
    """``text(run, tag)``: the texts of a tag, in order."""

    def texts(run: Path, tag: str) -> list[str]:
        return [entry.tensor_proto.string_val[0].decode() for entry in read(run).Tensors(f"{tag}/text_summary")]

    return texts
