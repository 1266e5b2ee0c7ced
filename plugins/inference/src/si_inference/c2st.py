"""The classifier two-sample test as an estimator: of posteriors against reference samples, or of any model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Largest, Model, Nested, UsageError
from si_distributions.files.read import read
from si_estimators.options import flat, needs_generator, points, whole
from si_estimators.samples import ModelSamples, model_samples
from si_inference.classifier_test import c2st
from si_inference.observations import given_observation
from si_inference.simulator import Reference, Simulator

__all__ = ["C2st"]

_WHERE = "c2st"
_LEAST = 20


class C2st(Estimator):
    """How often a classifier tells samples of the model from reference samples: 1/2 for equal laws, at most 1.

    The test of the benchmark of simulation-based inference, five folds of a perceptron on columns z-scored by the
    reference (:mod:`si_inference.classifier_test`), in data units. The number depends on how many samples there are, of
    both as many: those of one size alone are compared. Beside it stands the number for two halves of the reference
    (``halves_of_reference``), which is what equal laws give; with little data it lies a little below 1/2. The standard
    error is that of answers to one set of samples of each observation, which repetitions share in part: it is
    cautious.

    A simulator brings observations with reference posteriors, and the value is the mean over them (``observations`` of
    the details has each). Without one and without files, samples of the model are compared with the points that it is
    measured on.

    Args:
        simulator: whose observations and reference posteriors are taken.
        observation: a file with one observation, in place of a simulator: .npy, or a row of a table.
        reference: a file with samples of the posterior given it, a row each.
        samples: the number of samples of the model, and the most of the reference.
        repeats: how many times samples are drawn and classifiers fitted anew, each from another seed.
        batch: how many samples are made at once.

    Raises:
        UsageError: one file without the other, files and a simulator, or a simulator without reference posteriors.
    """

    needs = frozenset({"samples"})
    quantity = "accuracy"

    def __init__(
        self,
        simulator: Annotated[Simulator | None, Nested("simulator")] = None,
        observation: Path | None = None,
        reference: Path | None = None,
        samples: Annotated[int, Field(ge=_LEAST, le=Largest.PAIRWISE)] = 1000,
        repeats: Annotated[int, Field(ge=1, le=Largest.COPIES)] = 1,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 2048,
    ) -> None:
        files = (observation, reference)
        if (files.count(None) == 1) or (simulator is not None and files != (None, None)):
            raise UsageError(
                "reference samples come from a simulator, or from two files",
                where=_WHERE,
                allowed="simulator: NAME, or observation: FILE and reference: FILE, or none of them",
            )
        self.references: tuple[Reference, ...] = ()
        if simulator is not None:
            self.references = simulator.references()
            if not self.references:
                got = type(simulator).__name__
                fix = "observation: FILE and reference: FILE"
                raise UsageError("a simulator without reference posteriors", where=_WHERE, got=got, fix=fix)
        elif observation is not None and reference is not None:
            self.references = (_of_files(observation, reference),)
        self.samples, self.repeats = whole(samples, "samples", _WHERE, _LEAST), whole(repeats, "repeats", _WHERE)
        self.batch = whole(batch, "batch", _WHERE)

    def check(self, model: Model) -> None:
        """Refuse a model that is not given the observations of the reference samples."""
        for reference in self.references:
            given_observation(model, reference.observation, _WHERE)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model; with observations, one with that condition.
            x: points in model space, shape (B, *event), B >= 20: the reference where no other is given.
            generator: the source of samples.

        Raises:
            UsageError: observations of another shape than the model's condition.
            DataError: too few points.
        """
        generator = needs_generator(generator, _WHERE)
        if not self.references:
            x = points(x, model.process.shape, _WHERE, least=_LEAST)
            found, halves, drawn = self._compared(model, model.decode(x), generator)
            return drawn.qualified(self._told([found], [halves], len(x), {}))
        every, halves, names = [], [], []
        drawn = ModelSamples(x)
        for reference in self.references:
            posterior = given_observation(model, reference.observation, _WHERE)
            found, of_halves, drawn = self._compared(posterior, reference.samples, generator)
            every.append(found)
            halves.append(of_halves)
            names.append(reference.name)
        each = {
            name: {"value": float(np.mean(found)), "repeats": found, "halves_of_reference": half}
            for name, found, half in zip(names, every, halves, strict=True)
        }
        size = min(len(reference.samples) for reference in self.references)
        return drawn.qualified(self._told(every, halves, size, {"observations": each}))

    def _told(self, every: Sequence[list[float]], halves: list[float], size: int, more: dict[str, Any]) -> Estimate:
        means = [float(np.mean(found)) for found in every]
        answers = self.samples + min(size, self.samples)
        error = math.sqrt(sum(max(p * (1 - p), 1 / answers) / answers for p in means)) / len(means)
        details = {
            "halves_of_reference": float(np.mean(halves)),
            "samples": self.samples,
            "references": min(size, self.samples),
            "repeats": self.repeats,
            **more,
        }
        return Estimate(_WHERE, float(np.mean(means)), error, "approximate", "1", details=details)

    def _compared(
        self, model: Model, reference: Tensor, generator: torch.Generator
    ) -> tuple[list[float], float, ModelSamples]:
        """The accuracy of each repetition, that of two halves of the reference, and samples of the last."""
        order = torch.randperm(len(reference), generator=generator, device=generator.device).to(reference.device)
        rows = flat(reference[order[: self.samples]]).double().cpu().numpy()
        found, drawn = [], ModelSamples(reference)
        for _ in range(self.repeats):
            with torch.no_grad():
                drawn = model_samples(model, self.samples, self.batch, generator)
            samples = flat(model.decode(drawn.x)).double().cpu().numpy()
            found.append(c2st(rows, samples, _seed(generator)))
        middle = len(rows) // 2
        return found, c2st(rows[:middle], rows[middle : 2 * middle], _seed(generator)), drawn


def _seed(generator: torch.Generator) -> int:
    return int(torch.randint(2**31 - 1, (), generator=generator, device=generator.device))


def _of_files(observation: Path, reference: Path) -> Reference:
    arrays = (read(path).loaded(path) for path in map(str, (observation, reference)))
    x, samples = (torch.from_numpy(np.array(values, dtype=np.float64)) for values in arrays)
    # One observation is a row of its file; an array of numbers alone is read as a column of them.
    x = x[0] if len(x) == 1 else x[:, 0] if x.ndim == 2 and x.shape[1] == 1 else x
    return Reference(observation.stem, x, samples, torch.empty(0))
