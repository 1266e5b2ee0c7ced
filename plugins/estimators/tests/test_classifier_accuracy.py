"""The accuracy of labels against models that are right as often as is known."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

import si_core as si
from si_distributions.datasets.in_memory import InMemory
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.classifier_accuracy import ClassifierAccuracy
from si_estimators.classifiers import CLASSIFIERS
from si_interpolants.latents import NoLatent
from si_interpolants.spatially_linear import Linear


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def data(held_out=0.2, **more):
    """Two classes on a line, some 14 standard deviations apart."""
    rng, kind = np.random.default_rng(0), np.arange(200) % 2
    values = np.stack([10.0 * kind, np.zeros(200)], 1) + 0.7 * rng.normal(size=(200, 2))
    labels = {"kind": np.array(["left", "right"])[kind], **more}
    return InMemory(values, labels=labels, standardise=False, held_out=held_out)


class Mistaken(torch.nn.Module):
    """One step from N(0, I) to the class that was asked for, but to the right where the first coordinate is above."""

    def __init__(self, above):
        super().__init__()
        self.above, self.own = above, torch.nn.Parameter(torch.zeros(()))

    def forward(self, t, x, condition=None):
        right = (condition["kind"] == 1) | (x[:, 0] > self.above)
        return torch.stack([10.0 * right, torch.zeros(len(x))], 1) + self.own


def fields_of(process, above):
    parametrisation = si.Parametrisation(process.clock, precondition=False)
    return si.LearnedFields(process, ["velocity"], si.Predictor([Mistaken(above)], 1), parametrisation)


def model_of(target, above=math.inf):
    process = si.StochasticInterpolant(Linear(), NoLatent(), Independent(), Gaussian(dim=2), target)
    return si.Model(process, fields_of(process, above), si.build("integrator", "euler", steps=1))


class Corrected(si.Guidance):
    """Fields that make no mistake."""

    def guided(self, fields):
        return fields_of(fields.process, math.inf)


X = torch.zeros(4, 2)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_a_right_model_is_right(classifier):
    found = ClassifierAccuracy(classifier=classifier, samples=100).estimate(model_of(data()), X, generator())
    assert found.value == found.details["classifier_accuracy"] == 1
    assert found.details["confusion"] == [[50, 0], [0, 50]]
    assert (found.details["classifier_rows"], found.details["classifier_rows_tried"]) == (160, 40)
    assert 0 < found.standard_error < 0.02
    assert found.bound == "unbiased"


def test_mistakes_are_counted_by_the_class_that_was_asked_for():
    """``P(X_0 > 1/2) = 0.309`` of the samples of the left class are on the right."""
    wrong = 0.5 * math.erfc(0.5 / math.sqrt(2))
    found = ClassifierAccuracy(samples=2000, batch=300).estimate(model_of(data(), 0.5), X, generator())
    assert found.value == pytest.approx(1 - wrong / 2, abs=5 * found.standard_error)
    assert found.standard_error == pytest.approx(math.sqrt(wrong / 2 * (1 - wrong / 2) / 2000), rel=0.1)
    assert found.details["per_class"]["right"] == 1
    assert found.details["per_class"]["left"] == pytest.approx(1 - wrong, abs=5 * math.sqrt(wrong / 1000))
    ((left, moved), right) = found.details["confusion"]
    assert (left + moved, right) == (1000, [0, 1000])
    assert found.per_sample is not None
    assert float(found.per_sample.mean()) == found.value


def test_values_scatter_by_the_error():
    model, estimator = model_of(data(), 0.0), ClassifierAccuracy(samples=60)
    found = [estimator.estimate(model, X, generator(seed)) for seed in range(50)]
    values, errors = (
        torch.tensor([getattr(each, name) for each in found], dtype=torch.float64)
        for name in ("value", "standard_error")
    )
    assert float(values.mean()) == pytest.approx(0.75, abs=4.5 * float(values.std()) / math.sqrt(50))
    # Half of the answers do not scatter at all, for classes are asked for in turn: 1/8 in place of 3/16 of variance.
    ratio = float(errors.square().mean().sqrt() / values.std())
    assert ratio == pytest.approx(math.sqrt(1.5), abs=4.5 * math.sqrt(1.5) / math.sqrt(100))


def test_what_guidance_gains():
    model = model_of(data(), 0.0).with_guidance([Corrected()])
    found = ClassifierAccuracy(samples=400, unguided=True).estimate(model, X, generator())
    details = found.details
    assert found.value == 1
    assert details["unguided"] == pytest.approx(0.75, abs=5 * details["unguided_standard_error"])
    assert details["gain_of_guidance"] == found.value - details["unguided"]
    assert details["gain_of_guidance_standard_error"] > details["unguided_standard_error"]
    assert "unguided" not in ClassifierAccuracy(samples=40).estimate(model, X, generator()).details


def test_the_public_door_gives_the_same_every_time_in_plain_words():
    first, again = (si.estimate(model_of(data(), 0.5), "classifier-accuracy", seed=3) for _ in range(2))
    assert (first.name, first.value, first.details) == ("classifier-accuracy", again.value, again.details)
    assert json.loads(json.dumps(first.details, allow_nan=False)) == first.details


def test_a_condition_that_is_given_is_what_was_asked_for():
    model = model_of(data())
    given = replace(model, fields=model.fields.conditioned({"kind": torch.tensor([1])}))
    found = ClassifierAccuracy(samples=30).estimate(given, X, generator())
    assert found.details["confusion"] == [[0, 0], [0, 30]]
    assert found.details["per_class"] == {"right": 1.0}


def test_of_several_labels_one_is_named_and_all_are_as_the_data_have_them():
    model = model_of(data(other=np.arange(200) // 2 % 3))
    with pytest.raises(si.UsageError, match=r"(?s)several labels.*kind, other"):
        ClassifierAccuracy().estimate(model, X, generator())
    found = ClassifierAccuracy(label="kind", samples=200).estimate(model, X, generator())
    assert found.value == 1
    # Drawn as the data have them, not in turn.
    assert found.details["confusion"][0][0] == pytest.approx(100, abs=5 * math.sqrt(50))


def test_without_rows_held_out_some_are_set_aside():
    found = ClassifierAccuracy(samples=20, rows=100).estimate(model_of(data(held_out=0.0)), X, generator())
    assert (found.details["classifier_rows"], found.details["classifier_rows_tried"]) == (96, 24)


def test_errors(monkeypatch):
    with pytest.raises(si.UsageError, match=r"(?s)no such label.*'size'.*kind"):
        ClassifierAccuracy(label="size").estimate(model_of(data()), X, generator())
    with pytest.raises(si.UsageError, match="no labels"):
        ClassifierAccuracy().estimate(model_of(Gaussian(dim=2)), X, generator())
    with pytest.raises(si.UsageError, match="generator"):
        ClassifierAccuracy().estimate(model_of(data()), X)
    for options in ({"samples": 1}, {"rows": 1}, {"batch": 0}, {"classifier": "oracle"}):
        with pytest.raises(si.UsageError, match=next(iter(options))):
            ClassifierAccuracy(**options)
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(si.UsageError, match=r"(?s)scikit-learn.*si-estimators\[classifier\]"):
        ClassifierAccuracy().estimate(model_of(data()), X, generator())
