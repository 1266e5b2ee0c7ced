"""How far samples are from the truth that they were given a part of.

For pairs (x1, y) of data, y the conditions that belong to x1 and the state x0 that is paired with it, and samples X of
the model given y,

    E |X - x1|^2 / d,        d the entries of an event,

in the units of the data. It is least, ``E var(x1 | y)``, where X is the mean of x1 given y; samples of the law of x1
given y have twice that. So of two models told the same the one with the smaller error is nearer to that law, or says
less than it; a distance of laws tells which.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from si_core import Condition, Estimate, Estimator, Largest, Model, UsageError
from si_estimators.options import needs_generator, points, whole

__all__ = ["ReconstructionError"]

_WHERE = "reconstruction-error"


class ReconstructionError(Estimator):
    """``E |X - x1|^2 / d`` in squared units of the data, over points x1 and samples X given what belongs to each,
    *unbiased*.

    Points are rows that are held out. Each is paired by the coupling, which makes its conditions (a corrupted picture)
    and the state that its sample starts from; or conditions are given with the points. Per sample is the mean over the
    draws of a point, and the standard error is over points. Details: ``error_of_mean``, of the mean over the draws, and
    for pictures ``psnr``, ``10 log10(range^2 / error)`` in dB.

    Args:
        draws: samples for each point.
        limit: of the number of points: the first of a random order.
        batch: how many samples are made at once.

    Raises:
        UsageError: options out of range; a model that knows nothing of the points, that does not sample the target, or
            whose coupling can't pair given points.
    """

    needs = frozenset({"samples"})

    def __init__(
        self,
        draws: Annotated[int, Field(ge=1, le=Largest.COPIES)] = 1,
        limit: Annotated[int, Field(ge=2, le=Largest.POINTS)] = 1000,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 500,
    ) -> None:
        self.draws, self.limit = whole(draws, "draws", _WHERE), whole(limit, "limit", _WHERE, 2)
        self.batch = whole(batch, "batch", _WHERE)

    def check(self, model: Model) -> None:
        """Refuse a model whose samples are told nothing of a point of the target."""
        process = model.process
        told = process.conditions or not process.coupling.independent
        if not told or model.end is not process.target or model.start != 0.0:
            raise UsageError(
                "samples are compared with the points that they are told a part of",
                where=_WHERE,
                got="independent pairs without conditions" if not told else f"samples from t = {model.start:g}",
                fix="a coupling that gives some, such as `corrupted`, sampled from t = 0",
            )

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model to sample.
            x: points in model space, shape (B, *event).
            generator: the source of pairs and samples.
        """
        process, stream = model.process, needs_generator(generator, _WHERE)
        x = points(x, process.shape, _WHERE, least=2)
        self.check(model)
        rows = torch.randperm(len(x), generator=stream, device=stream.device)[: self.limit]
        given = _conditions(model, x)
        errors, of_mean = list[Tensor](), list[Tensor]()
        for chosen in rows.split(max(1, self.batch // self.draws)):
            truth = x[chosen]
            drawn = self._samples(model, truth, _rows(given, chosen), stream)
            exact = process.target.decode(truth).double()
            errors.append((drawn - exact).square().flatten(2).mean((0, 2)))
            of_mean.append((drawn.mean(0) - exact).square().flatten(1).mean(1))
        found = self.mean(_WHERE, torch.cat(errors), "unbiased", "squared units of the data")
        details: dict[str, Any] = {"points": len(rows), "draws": self.draws}
        if self.draws > 1:
            details["error_of_mean"] = float(torch.cat(of_mean).mean())
        pixels = process.target.frame.pixels
        if pixels is not None:
            details["psnr"] = 10 * math.log10((pixels[1] - pixels[0]) ** 2 / max(found.value, 1e-300))
        return replace(found, details=details)

    def _samples(self, model: Model, x: Tensor, given: Condition | None, stream: torch.Generator) -> Tensor:
        """Samples for each point in data space, (draws, B, *event), float64."""
        x, given = _repeated(x, given, self.draws)
        start, conditions = _starts(model, x, given, stream)
        with torch.no_grad():
            path = model.sample(len(x), stream, condition=conditions, start_from=start)
        if path.log_weights is not None:
            raise UsageError("samples with weights are no draws for each point", where=_WHERE, fix="guidance: none")
        return model.decode(path.final).double().unflatten(0, (self.draws, -1))


def _conditions(model: Model, x: Tensor) -> Condition | None:
    """What is given with the points: by whoever gave them, or as the held-out rows have it that they are."""
    if model.fields.condition is not None:
        return model.fields.condition
    target = model.process.target
    if not target.conditions:
        return None
    held_out = target.held_out()
    if held_out is None or held_out[0].shape != x.shape or not torch.equal(held_out[0].to(x), x):
        raise UsageError(
            "points come with their conditions",
            where=_WHERE,
            got="points without",
            allowed=", ".join(model.process.conditions),
            fix="rows held out, or give conditions beside the points",
        )
    return {name: values.to(x.device) for name, values in (held_out[1] or {}).items()}


def _starts(model: Model, x: Tensor, given: Condition | None, stream: torch.Generator) -> tuple[Tensor, Any]:
    """States to start from with all conditions, each (B, *shape)."""
    process = model.process
    if given and all(name in given for name in process.conditions):
        return model.initial(len(x), stream, given)
    if not process.coupling.pairs_points:
        raise UsageError(
            "the coupling draws its pairs together: what belongs to given points is not known",
            where=_WHERE,
            got=type(process.coupling).__name__,
            fix="give all conditions beside the points",
        )
    pairs = process.coupling.pairs_of(process.source, process.target, x, given, stream)
    return pairs.x0, model.conditions_in_precision(process.condition_of(pairs))


def _rows(condition: Condition | None, rows: Tensor) -> Condition | None:
    return condition and {name: values if len(values) == 1 else values[rows] for name, values in condition.items()}


def _repeated(x: Tensor, condition: Condition | None, count: int) -> tuple[Tensor, Condition | None]:
    """Each of B points ``count`` times, (count * B, *event)."""
    repeated = condition and {
        name: values.expand(len(x), *values.shape[1:]).repeat(count, *(1,) * (values.ndim - 1))
        for name, values in condition.items()
    }
    return x.repeat(count, *(1,) * (x.ndim - 1)), repeated
