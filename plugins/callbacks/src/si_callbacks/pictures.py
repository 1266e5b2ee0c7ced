"""Pictures of samples, drawn while a run trains."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import Annotated

from pydantic import Field
from torch import Tensor

from si_callbacks.image_grid import image_grid
from si_core import Callback, Largest, Run, UsageError, sample
from si_core.public.storage import make_own_folder, write_atomic

__all__ = ["SamplePictures"]

_IMAGES = 64
"""Images in a picture, at most."""


class SamplePictures(Callback):
    """Draws samples every so many steps, into ``pictures/step-<step>.png`` of the run's folder.

    Points are plotted by their first two coordinates (one coordinate: a histogram); images, events of shape (h, w) or
    (c, h, w), stand in a grid, in colour where they have three channels. Samples come from the model that training
    would give then, always by the same seed. A run in memory has no folder, and no pictures.

    Args:
        every: steps between two pictures.
        number: samples drawn; of images at most 64.
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
        model = run.model()
        images = len(model.process.shape) in (2, 3)
        drawn = sample(model, min(self.number, _IMAGES) if images else self.number, seed=self.seed)
        points = (drawn[0] if isinstance(drawn, tuple) else drawn).detach().cpu()
        shown = image_grid(points, model.end.frame.pixels) if images else points.flatten(1)
        folder = make_own_folder(run.directory / "pictures")
        _save(shown, images, folder / f"step-{run.step:08d}.png", f"step {run.step} of {run.steps}")


def _save(shown: Tensor, image: bool, path: Path, title: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title)
    if image:
        axes.imshow(shown.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_axis_off()
    elif shown.shape[1] == 1:
        axes.hist(shown.flatten().numpy(), bins=60)
    else:
        axes.scatter(shown[:, 0].numpy(), shown[:, 1].numpy(), s=4, alpha=0.5)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_atomic(path, buffer.getvalue())
