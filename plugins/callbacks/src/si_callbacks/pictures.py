"""Pictures of samples, drawn while a run trains."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Callback, Largest, Run, UsageError, sample
from si_core.public.storage import make_own_folder, write_atomic

__all__ = ["SamplePictures"]


class SamplePictures(Callback):
    """Draws samples every so many steps, into ``pictures/step-<step>.png`` of the run's folder.

    Points are plotted by their first two coordinates (one coordinate: a histogram), images side by side. Samples come
    from the model that training would give then, always by the same seed. A run in memory has no folder, and no
    pictures.

    Args:
        every: steps between two pictures.
        number: samples drawn, at most 16 of which are shown where they are images.
        seed: of the samples.

    Raises:
        UsageError: matplotlib is not installed.
    """

    def __init__(
        self,
        every: Annotated[int, Field(ge=1, le=Largest.EVENTS)] = 500,
        number: Annotated[int, Field(ge=1, le=10**5)] = 500,
        seed: Annotated[int, Field(ge=0, lt=2**63)] = 0,
    ) -> None:
        if importlib.util.find_spec("matplotlib") is None:
            raise UsageError(
                "pictures need matplotlib, which is not installed",
                where="sample-pictures",
                fix="pip install 'si-callbacks[pictures]', or leave this callback out",
            )
        self.every, self.number, self.seed = every, number, seed

    def after_step(self, run: Run) -> None:
        """Draw a picture, where this step has one."""
        if run.directory is None or run.step % self.every:
            return
        drawn = sample(run.model(), self.number, seed=self.seed)
        points = drawn[0] if isinstance(drawn, tuple) else drawn
        folder = make_own_folder(run.directory / "pictures")
        _save(points.detach().cpu(), folder / f"step-{run.step:08d}.png", f"step {run.step} of {run.steps}")


def _save(points: Tensor, path: Path, title: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title)
    if points.ndim > 2:
        images = points[:16].reshape(len(points[:16]), -1, *points.shape[-2:])[:, 0]
        axes.imshow(torch.cat(list(images), dim=-1).numpy(), cmap="gray")
        axes.set_axis_off()
    elif points.ndim == 1 or points.shape[1] == 1:
        axes.hist(points.flatten().numpy(), bins=60)
    else:
        axes.scatter(points[:, 0].numpy(), points[:, 1].numpy(), s=4, alpha=0.5)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_atomic(path, buffer.getvalue())
