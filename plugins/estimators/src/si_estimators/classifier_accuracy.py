"""How many samples a classifier, which has learned from the data, labels as they were asked for.

    ``P(h(X) = y)``   for X a sample of the model given the label y, and h fitted to labelled rows of the data

It is the accuracy of Ravuri and Vinyals (arXiv 1905.10887) the other way round: they fit to samples and try on data.
It says whether samples are of their class, and nothing of whether they are as various as the data.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from si_core import Condition, Estimate, Estimator, Largest, Model
from si_estimators.classifiers import CLASSIFIERS, ClassifierName, new_classifier
from si_estimators.labelled_rows import label_of, labelled_rows
from si_estimators.options import choice, flat, needs_generator, whole
from si_estimators.samples import ModelSamples, model_samples

__all__ = ["ClassifierAccuracy"]

_WHERE = "classifier-accuracy"
_SHOWN = 100
"""The most classes whose confusion is told: a table of their square."""


class ClassifierAccuracy(Estimator):
    """The fraction of samples, drawn given a label, that a classifier fitted to labelled data labels so.

    Of a model with that one condition each class is asked for equally often, in turn; of one with several, conditions
    are drawn together as the data have them. Samples are the model's own, with its guidance. For the classifier that
    was fitted the value is *unbiased*, with the standard error of n independent answers; where classes are asked for
    in turn that is cautious. How good the classifier itself is on rows that it was not fitted to stands among the
    details (``classifier_accuracy``, with its standard error): where it errs on real rows of a class, samples that are
    right are counted as wrong, too. Further details: the fraction of each class, and of up to 100 classes the
    confusion, a row for each class that was asked for.

    Args:
        label: the condition; None where the data have one label.
        classifier: of scikit-learn: ``svm`` (a Gaussian kernel), ``logistic-regression``, ``nearest-neighbours`` or
            ``random-forest``.
        samples: the number of samples.
        unguided: whether as many samples without the model's guidance are looked at, too: their fraction is then among
            the details, with the gain of guidance and its standard error.
        rows: the most rows that the classifier is fitted to; a support vector machine takes time of their square.
        batch: how many samples are made at once.

    Raises:
        UsageError: an option out of range; scikit-learn is not installed; data without such a label.
    """

    needs = frozenset({"samples"})

    def __init__(
        self,
        label: str | None = None,
        classifier: ClassifierName = "svm",
        samples: Annotated[int, Field(ge=2, le=Largest.POINTS)] = 1000,
        unguided: bool = False,
        rows: Annotated[int, Field(ge=10, le=Largest.PAIRWISE)] = 10_000,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 1000,
    ) -> None:
        choice(classifier, CLASSIFIERS, "classifier", _WHERE)
        self.label, self.classifier, self.unguided = label, classifier, unguided
        self.samples, self.batch = whole(samples, "samples", _WHERE, 2), whole(batch, "batch", _WHERE)
        self.rows = whole(rows, "rows", _WHERE, 10)

    def check(self, model: Model) -> None:
        """Refuse data without the label, and an environment without the classifier."""
        label_of(model, self.label, _WHERE)
        new_classifier(self.classifier, _WHERE)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model to sample, with a label.
            x: points, shape (B, *event); not used: the labelled rows are those of the model's own data.
            generator: the source of samples.

        Raises:
            DataError: too few labelled rows.
            MissingDataError: a loaded model whose data are gone.
        """
        generator = needs_generator(generator, _WHERE)
        label, classes = label_of(model, self.label, _WHERE)
        classifier = new_classifier(self.classifier, _WHERE)
        data = labelled_rows(model, label, self.rows, generator, _WHERE)
        classifier.fit(data.train, data.train_labels)
        of_data = float((classifier.predict(data.others) == data.other_labels).mean())
        asked = self._asked(model, label, len(classes), generator)
        drawn = self._drawn(model, asked, generator)
        labels = asked[label].cpu().numpy()
        found = _predicted(classifier, drawn)
        right = found == labels
        details: dict[str, Any] = {
            "classifier": self.classifier,
            "classifier_accuracy": of_data,
            "classifier_accuracy_standard_error": _error(of_data, len(data.others)),
            "classifier_rows": len(data.train),
            "classifier_rows_tried": len(data.others),
            "samples": len(labels),
            "per_class": {name: float(right[labels == k].mean()) for k, name in enumerate(classes) if k in labels},
        }
        if len(classes) <= _SHOWN:
            details["confusion"] = _confusion(labels, found, len(classes))
        value = float(right.mean())
        error = _error(value, len(right))
        if self.unguided and model.guidance:
            details |= self._without_guidance(model, asked, classifier, labels, value, error, generator)
        return drawn.qualified(
            Estimate(_WHERE, value, error, "unbiased", "1", torch.from_numpy(right.astype(np.float64)), details)
        )

    def _asked(self, model: Model, label: str, classes: int, generator: torch.Generator) -> Condition:
        """What the samples are given, each (n, *shape)."""
        given = model.fields.condition
        if given is not None and label in given:
            index = torch.arange(self.samples, device=generator.device)
            return {name: values[(index % len(values)).to(values.device)] for name, values in given.items()}
        if set(model.process.conditions) == {label}:
            return {label: torch.arange(self.samples, device=generator.device) % classes}
        conditions = model.conditions(self.samples, generator) or {}
        labelled = (conditions[label] >= 0).nonzero()[:, 0]
        turn = labelled[torch.arange(self.samples, device=labelled.device) % len(labelled)]
        return {name: values[turn] for name, values in conditions.items()}

    def _drawn(self, model: Model, asked: Condition, generator: torch.Generator) -> ModelSamples:
        with torch.no_grad():
            told = replace(model, fields=model.fields.conditioned(asked))
            return model_samples(told, self.samples, self.batch, generator)

    def _without_guidance(
        self,
        model: Model,
        asked: Condition,
        classifier: Any,
        labels: NDArray[np.int64],
        value: float,
        error: float,
        generator: torch.Generator,
    ) -> dict[str, Any]:
        plain = self._drawn(model.with_guidance(()), asked, generator)
        fraction = float((_predicted(classifier, plain) == labels).mean())
        own = _error(fraction, len(labels))
        return {
            "unguided": fraction,
            "unguided_standard_error": own,
            "gain_of_guidance": value - fraction,
            "gain_of_guidance_standard_error": math.hypot(error, own),
        }


def _predicted(classifier: Any, drawn: ModelSamples) -> NDArray[np.int64]:
    return np.asarray(classifier.predict(flat(drawn.x).double().cpu().numpy()))


def _error(fraction: float, n: int) -> float:
    """The standard error of a fraction of n, by the mean of its posterior under a uniform prior: never 0 for finite n.

    ``(p (1-p)/n)^(1/2)`` says 0 where all n answers are right.
    """
    mean = (fraction * n + 1) / (n + 2)
    return math.sqrt(mean * (1 - mean) / n)


def _confusion(asked: NDArray[np.int64], found: NDArray[np.int64], classes: int) -> list[list[int]]:
    """How many samples of each class (row) were labelled as each (column)."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (asked, found), 1)
    return [[int(count) for count in row] for row in counts]
