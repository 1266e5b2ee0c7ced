"""Images side by side: a grid as square as their number allows, from left to right and top to bottom."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["image_grid"]

_GAP = 1
"""Pixels between two images."""


def image_grid(images: Tensor, limits: tuple[float, float] | None = None) -> Tensor:
    """One image of several, values from 0 (black) to 1 (white), gaps and empty places white.

    Args:
        images: shape (n, h, w) or (n, c, h, w), n >= 1; three channels are red, green and blue, of any other number of
            channels the first is shown.
        limits: the values of black and white; None for the least and the greatest.

    Returns:
        shape (H, W), or (H, W, 3) for colours.
    """
    shown = images.float() if images.ndim == 4 else images.float()[:, None]
    shown = shown if shown.shape[1] == 3 else shown[:, :1]
    black, white = limits or (float(shown.min()), float(shown.max()))
    # Of one value alone nothing is told by its shade.
    shown = ((shown - black) / (white - black)).clamp(0, 1) if white != black else torch.full_like(shown, 0.5)
    n, channels, height, width = shown.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    grid = torch.ones(channels, rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP)
    for i, image in enumerate(shown):
        top, left = i // columns * (height + _GAP), i % columns * (width + _GAP)
        grid[:, top : top + height, left : left + width] = image
    return grid[0] if channels == 1 else grid.permute(1, 2, 0)
