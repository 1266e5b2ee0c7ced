"""Whether the breakpoints of a distribution are where its density jumps, as far as its support tells."""

from __future__ import annotations

import math
from itertools import pairwise

import torch

from si_authoring.testing.check import NotApplicable, Violation, check
from si_core import Distribution

__all__ = ["breakpoints"]

_DRAWS = 2000
_STEP = 0.02
"""Of a coordinate's spread: some 40 of the draws are that near to the edge of a box."""


@check
def breakpoints(law: Distribution) -> None:
    """``breakpoints`` rise for each entry of an event (d,), and between a draw and where there is no density is one."""
    jumps = law.breakpoints
    if jumps is None:
        raise NotApplicable("it tells no breakpoints")
    if len(law.shape) != 1 or len(jumps) != law.shape[0]:
        raise Violation(f"breakpoints of {len(jumps)} entries, for events {tuple(law.shape)}; one tuple for each entry")
    for entry, values in enumerate(jumps):
        if not all(map(math.isfinite, values)) or not all(low < high for low, high in pairwise(values)):
            raise Violation(f"breakpoints of entry {entry} are {values}; finite numbers that rise")
    if not law.has_density or not law.has_samples:
        return
    x = law.sample(_DRAWS, torch.Generator().manual_seed(0))
    for entry, values in enumerate(jumps):
        for step in (-_STEP, _STEP):
            beside = x.clone()
            beside[:, entry] += step * x[:, entry].std()
            low, high = torch.minimum(x, beside)[:, entry, None], torch.maximum(x, beside)[:, entry, None]
            at = torch.tensor(values, dtype=x.dtype, device=x.device)
            alone = ~((low <= at) & (at <= high)).any(1)
            lost = alone & torch.isneginf(law.log_prob(beside))
            if bool(lost.any()):
                row = int(lost.nonzero()[0])
                between = f"{float(x[row, entry]):.4g} and {float(beside[row, entry]):.4g}"
                raise Violation(f"the density ends between {between} of entry {entry}, where no breakpoint is")
