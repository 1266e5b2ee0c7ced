"""How large an option may be: one table of upper bounds for whatever sizes memory or work.

A bound is there so that a slip of the pen, or a stranger's recipe, is refused with its key before anything is built;
what is allowed may still be more than a machine has, which is told by what it needs
(:mod:`si_core.models.needs`). Each is above any honest use, for the reason given beside it.
"""

from __future__ import annotations

from typing import Final

__all__ = ["Largest"]


class Largest:
    """Upper bounds of options, to be used as ``steps: Annotated[int, Field(ge=1, le=Largest.STEPS)]``."""

    WIDTH: Final = 65_536
    """Units of a layer, channels, features, terms: a square layer of that width has 4.3e9 weights."""

    DEPTH: Final = 1_024
    """Layers: the deepest networks that were ever trained have about as many."""

    PARTS: Final = 10**5
    """Layers and parameters of one network, each an object of its own: a hundred for each of a thousand blocks."""

    DIMENSIONS: Final = 2**26
    """Numbers of one state: 256 MiB of float32 in each draw; a video of 32 frames of 512 x 512 pixels has 25e6."""

    TABLE: Final = 2**26
    """Numbers of a table that is made in full, such as covariances of a mixture: 512 MiB of float64."""

    SIDE: Final = 2**13
    """Rows of a square one."""

    COMPONENTS: Final = 65_536
    """Components of a mixture, heads, groups: loops in Python go over them."""

    STEPS: Final = 10**7
    """Steps of a method and iterations: beyond, float32 does not tell their times apart (2^-24 = 6e-8)."""

    POINTS: Final = 10**9
    """Points drawn to measure something: standard errors are then 3e-5 of a standard deviation."""

    COPIES: Final = 10**6
    """Paths, probes, projections, times for each of those points: as above, each is averaged over."""

    BATCH: Final = 10**7
    """States that are worked on together."""

    PAIRWISE: Final = 10**6
    """Points that are compared each with each: 1e12 pairs."""

    SAMPLES: Final = 10**10
    """Samples that are kept: 80 GB in two dimensions."""

    EVENTS: Final = 10**12
    """Steps of training, or steps between two events of a run, which need no memory: centuries."""

    SEED: Final = 2**63 - 1
    """Seeds, which torch takes as 64 bits with a sign."""
