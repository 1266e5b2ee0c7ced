"""A picture of a fitted model: samples beside data, and the losses; events of any shape.

========================  =============================================
event                     samples beside data
========================  =============================================
``(1,)``                  densities on a line
``(2,)``                  clouds of points
``([c,] h, w)``           images
everything else           densities of the first columns
========================  =============================================
"""

from __future__ import annotations

import base64
import importlib.util
import io
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core.contract.given_condition import read_condition
from si_core.errors import DataError, UsageError
from si_core.models.model import Model

__all__ = ["figure_of", "png_of"]

_COLUMNS, _IMAGES = 8, 16
_ACROSS = 3
"""Panels in a row at most: as many as a page of a notebook is wide."""
_SOUGHT = 8192
"""Rows among which those of a class are sought."""
_DATA, _SAMPLES = "0.55", "C0"


def figure_of(
    model: Model,
    samples: Tensor,
    history: Sequence[Mapping[str, Any]],
    columns: Sequence[object] | None = None,
    condition: Any = None,
) -> Any:
    """The figure.

    Args:
        model: the model, whose end is drawn from where its data are at hand.
        samples: in data space, shape (n, *event).
        history: the records of training.
        columns: the names of the columns.
        condition: what the samples were given, as for :meth:`si_core.Model.conditions`.

    Raises:
        UsageError: matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("pictures need matplotlib, which is not installed", fix="pip install matplotlib")
    from matplotlib.figure import Figure

    if "IPython" in sys.modules:
        # Notebooks learn how to show a figure when pyplot loads its backend, at its first use beyond the import.
        importlib.import_module("matplotlib.pyplot").draw_if_interactive()
    drawn = samples.double().cpu().numpy()
    data = _data(model, len(drawn), condition)
    losses = len(history) > 1  # one point is no curve
    image = _is_image(drawn.shape[1:])
    shown = 1 if image or drawn.shape[1:] == (2,) else min(math.prod(drawn.shape[1:]), _COLUMNS)
    sides = 2 if image and data is not None else shown
    panels = sides + losses
    down = math.ceil(panels / _ACROSS)
    across = math.ceil(panels / down)
    figure = Figure(figsize=(3.2 * across, 2.9 * down), layout="constrained")
    axes = list(np.atleast_1d(figure.subplots(down, across, squeeze=False)).flat)
    for spare in axes[panels:]:
        spare.set_axis_off()
    if image:
        both = [("samples", drawn), *([("data", data)] if data is not None else [])]
        for ax, (title, values) in zip(axes, both, strict=False):
            ax.imshow(_mosaic(values[:_IMAGES]), cmap="gray")
            ax.set_title(title)
            ax.set_axis_off()
    elif drawn.shape[1:] == (2,):
        _cloud(axes[0], drawn, data, columns)
    else:
        for i in range(shown):
            _density(axes[i], drawn, data, i, columns)
    if losses:
        _losses(axes[panels - 1], history)
    return figure


def png_of(figure: Any) -> str:
    """The figure as the base64 text of a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return base64.b64encode(buffer.getvalue()).decode()


def _data(model: Model, n: int, condition: Any = None) -> NDArray[np.float64] | None:
    """At most n rows of the end that samples reach, of the classes they were given, in data space.

    None where its data are not at hand, where values were given, or where no row is of these classes.
    """
    end = model.end
    if not end.has_samples:
        return None
    stream = torch.Generator().manual_seed(0)
    try:
        if condition is None:
            x = end.sample(n, stream)
        else:
            asked = read_condition(model.process.conditions, condition)
            if any(model.process.conditions[name].classes is None for name in asked):
                return None
            x, drawn = end.draw(max(_SOUGHT, n), stream)
            own = drawn or {}
            alike = torch.ones(len(x), dtype=torch.bool)
            for name, places in asked.items():
                if name not in own:
                    return None  # a condition of the pairs, which the end alone knows nothing of
                alike &= torch.isin(own[name].cpu(), places.cpu())
            x = x[alike][:n]
        return end.decode(x).double().numpy() if len(x) else None
    except DataError:  # a model that was loaded has no data
        return None


def _is_image(event: tuple[int, ...]) -> bool:
    return len(event) == 2 or (len(event) == 3 and 1 in (event[0] in (1, 3), event[-1] in (1, 3)))


def _mosaic(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Images side by side in a square, with their channels last."""
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[-1] not in (1, 3):
        images = np.moveaxis(images, 1, -1)
    images = images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images
    least, most = images.min(), images.max()
    images = (images - least) / max(most - least, 1e-12)
    across = math.ceil(math.sqrt(len(images)))
    blank = np.ones((across * across - len(images), *images.shape[1:]))
    tiles = np.concatenate([images, blank]).reshape(across, across, *images.shape[1:])
    return np.concatenate([np.concatenate(list(row), axis=1) for row in tiles], axis=0)


def _cloud(
    ax: Any, drawn: NDArray[np.float64], data: NDArray[np.float64] | None, columns: Sequence[object] | None
) -> None:
    if data is not None:
        ax.scatter(*data.T, s=4, color=_DATA, alpha=0.5, linewidths=0, label="data")
    ax.scatter(*drawn.T, s=4, color=_SAMPLES, alpha=0.5, linewidths=0, label="samples")
    # Above the points, for they may be anywhere.
    ax.legend(frameon=False, markerscale=3, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    if columns is not None:
        ax.set(xlabel=str(columns[0]), ylabel=str(columns[1]))


def _density(
    ax: Any, drawn: NDArray[np.float64], data: NDArray[np.float64] | None, i: int, columns: Sequence[object] | None
) -> None:
    own = drawn.reshape(len(drawn), -1)[:, i]
    others = None if data is None else data.reshape(len(data), -1)[:, i]
    seen = own if others is None else np.concatenate([own, others])
    bins = np.histogram_bin_edges(seen, bins=40)
    if others is not None:
        ax.hist(others, bins, density=True, color=_DATA, alpha=0.6, label="data")
    ax.hist(own, bins, density=True, histtype="step", color=_SAMPLES, label="samples")
    ax.set_title(str(columns[i]) if columns is not None else f"column {i}")
    ax.set_yticks([])
    if i == 0:
        ax.legend(frameon=False)


def _losses(ax: Any, history: Sequence[Mapping[str, Any]]) -> None:
    steps = [record["step"] for record in history]
    ax.plot(steps, [record["loss"] for record in history], color=_SAMPLES, label="training")
    held = [(record["step"], record["validation"]["total"]) for record in history if record.get("validation")]
    if held:
        ax.plot(*zip(*held, strict=True), color="C1", label="held-out rows")
        ax.legend(frameon=False)
    ax.set(title="loss", xlabel="step")
