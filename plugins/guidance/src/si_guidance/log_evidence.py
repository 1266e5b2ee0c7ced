"""The log-evidence: the normaliser of the law that weighted samples follow.

    ``log Z = log E[w]``,   ``Z = int rho(x) e^{r(x)} dx`` of a tilt, ``int rho_none^(1-w) rho_c^w dx`` of a mixture

w being the weights of :meth:`si_core.Fields.log_weight_rate`. For a measurement Z is the density of what was observed.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Largest, Model, UsageError, effective_sample_size

__all__ = ["LogEvidence"]

_WHERE = "log-evidence"

Value = str | float | Annotated[list[float], Field(min_length=1, max_length=Largest.POINTS)]
"""Of a condition: the name of a class, or numbers."""


class LogEvidence(Estimator):
    """``log Z = log mean w`` of samples of a model with weighted guidance, in nats.

    The standard error is that of independent replicates: within one the samples may have met in resampling. Each is
    unbiased for Z up to the steps of sampling and the errors of the fields, and the log is of their mean, so the value
    is *approximate*.

    Args:
        samples: of each replicate.
        replicates: how many there are.
        condition: what all samples are given: a value, or values by name; None for what the model's fields are given.

    Raises:
        UsageError: fewer than two replicates; later: a model without weights, or samples given different conditions.
    """

    needs = frozenset({"samples"})

    def __init__(
        self,
        samples: Annotated[int, Field(ge=1, le=Largest.POINTS)] = 1000,
        replicates: Annotated[int, Field(ge=2, le=10_000)] = 10,
        condition: Value | dict[str, Value] | None = None,
    ) -> None:
        for name, value, least in (("samples", samples, 1), ("replicates", replicates, 2)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UsageError(name, where=_WHERE, got=repr(value), allowed=f"a whole number >= {least}")
        self.samples, self.replicates, self.condition = samples, replicates, condition

    def check(self, model: Model) -> None:
        """Refuse a model whose samples have no weights."""
        if not model.fields.weighted:
            raise UsageError(
                "an evidence is the mean of weights, and the samples of this model have none",
                where=_WHERE,
                fix='guidance with weights, such as --guidance \'{"use": "reward", ..., "weights": true}\'',
            )

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure; x is not looked at."""
        self.check(model)
        if generator is None:
            raise UsageError("samples need a generator", where=_WHERE, fix="generator=torch.Generator().manual_seed(0)")
        given = model.fields.condition if self.condition is None else model.conditions(1, generator, self.condition)
        if (model.process.conditions and not given) or not _alike(given):
            raise UsageError(
                "each condition has an evidence of its own, and the samples would have several conditions",
                where=_WHERE,
                fix="give one condition for all samples: `condition` among its options, or --condition",
            )
        first = {name: values[:1] for name, values in given.items()} if given else None
        logs, sizes = [], []
        for _ in range(self.replicates):
            start, told = model.initial(self.samples, generator, first)
            path = model.sample(self.samples, generator, condition=told, start_from=start)
            if path.log_weights is None:
                raise UsageError("weighted fields gave no weights", where=_WHERE)
            logs.append(path.log_weights.double().logsumexp(0) - math.log(self.samples))
            sizes.append(effective_sample_size(path.log_weights))
        each = torch.stack(logs).cpu()
        value = each.logsumexp(0) - math.log(self.replicates)
        relative = (each - value).exp()
        error = float(relative.std() / math.sqrt(self.replicates))
        details = {"effective_samples": sum(sizes), "samples": self.samples * self.replicates}
        return Estimate(_WHERE, float(value), error, "approximate", "nats", each, details)


def _alike(given: object) -> bool:
    values = given.values() if isinstance(given, dict) else ()
    return all(bool((each == each[:1]).all()) for each in values)
