"""Ends far from unit size: told before training, for networks learn them badly.

The known part beside a network (:mod:`si_core.fields.parametrisation`) is the best linear guess for ends of second
moment one, ``E|x|^2/d = 1``, and networks are made for inputs of that size. For a Gaussian end of size s, reached from
one of size one along a path with ``alpha^2 + beta^2 = 1``, the guess leaves the network a linear field of slope

    ``alpha beta (1 - s^2) / (alpha^2 + beta^2 s^2)``,      at most ``|1/s - s| / 2``, where ``beta/alpha = 1/s``:

nothing at s = 1, 10 at s = 1/20 or 20. Without preconditioning the field itself is as steep.
What a network can't resolve, samples are too wide or too narrow by: at 1000 steps of a perceptron of width 64 by 1 % at
s = 1/10, 14 % at 1/30, a factor of 2 at 1/100 and of 19 at 1/1000; 1 % at 10, 4 % at 30, 35 % at 100. In units in which
an end has size one, all of it is gone.
"""

from __future__ import annotations

import logging
import math

from torch import Tensor

from si_core.contract.data import Draw
from si_core.contract.distribution import Distribution
from si_core.process.process import StochasticInterpolant
from si_core.recipes.recipe import Recipe

__all__ = ["FARTHEST", "tell_sizes"]

_log = logging.getLogger(__name__)

FARTHEST = 20.0
"""How many times as large or as small as one an end may be without a word: its slope is then below 10."""


def tell_sizes(recipe: Recipe, process: StochasticInterpolant, draw: Draw) -> None:
    """Warn of an end whose size is far from one.

    Args:
        recipe: whose keys are named.
        process: its process.
        draw: the first draw of it, for the size of an end that tells none: a few numbers, so right up to a factor.
    """
    ends = {"target": (process.target, draw.x1), "source": (process.source, draw.x0)}
    for name, (law, x) in ends.items():
        if name == "source" and process.source is process.target:
            continue
        size = _size(law, x)
        # A point has no width that samples could miss, wherever it is not far away.
        point = law.point is not None or (process.coupling.anchored and name == "source")
        if size > FARTHEST or (size < 1 / FARTHEST and not point):
            _log.warning(
                "%s: the %s has values of size %.2g (root mean square), and networks learn at "
                "size 1: samples may be much too %s; set standardise: true where it is an option, or use other units",
                recipe.where(name),
                name,
                size,
                "narrow" if size > 1 else "wide",
            )


def _size(law: Distribution, x: Tensor) -> float:
    """``(E|x|^2/d)^(1/2)``, or that over the rows of a draw."""
    known = law.moments
    return math.sqrt(float(x.detach().double().square().mean()) if known is None else known.mean_size)
