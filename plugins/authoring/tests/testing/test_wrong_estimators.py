"""Estimators with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import math
import re
import sys
from functools import cache

import pytest
import torch
from torch import Tensor

import si_core as si
from si_authoring.testing import check_component
from si_authoring.testing.chi_square import chi_square_interval
from si_authoring.testing.closed_forms import CLOSED_FORMS, closed_form
from si_authoring.testing.known_models import KnownModel, Law, known_models


def known_of(model: si.Model) -> KnownModel:
    return next(known for known in known_models(model.process.shape) if known.model is model)


@cache
def law_of(known: KnownModel) -> Law:
    """Of the model's ODE at t = 1."""
    return known.carried(0.0, "target")


class LogLikelihood(si.Estimator):
    """The mean log-density of points under the ODE, by its closed form."""

    needs = frozenset({"densities"})
    quantity = "ode-log-likelihood"

    def log_densities(self, model: si.Model, x: Tensor) -> Tensor:
        law = law_of(known_of(model))
        normal = torch.distributions.Normal(law.mean, math.sqrt(law.variance))
        return normal.log_prob(x.double()).flatten(1).sum(1)

    def estimate(self, model: si.Model, x: Tensor, generator: torch.Generator | None = None) -> si.Estimate:
        return self.mean("closed-form", self.log_densities(model, x), "exact", "nats")


class Changed(LogLikelihood):
    """The estimate with other parts."""

    def estimate(self, model: si.Model, x: Tensor, generator: torch.Generator | None = None) -> si.Estimate:
        found = super().estimate(model, x, generator)
        return si.Estimate(**{**vars(found), **self.parts(found, x)})

    def parts(self, found: si.Estimate, x: Tensor) -> dict[str, object]:
        return {}


class LooseLowerBound(Changed):
    def parts(self, found, x):
        return {"value": found.value - 1.0, "bound": "lower"}


class InBits(Changed):
    def parts(self, found, x):
        scale = 1 / (math.prod(x.shape[1:]) * math.log(2))
        return {"value": found.value * scale, "standard_error": found.standard_error * scale, "unit": "bits/dim"}


class NoErrorKnown(Changed):
    def parts(self, found, x):
        return {"standard_error": None, "per_sample": None}


class MeanOfDraws(si.Estimator):
    """A number of another kind, measured on draws of its own."""

    def estimate(self, model: si.Model, x: Tensor, generator: torch.Generator | None = None) -> si.Estimate:
        draws = model.process.target.sample(200, generator).flatten(1)[:, 0]
        return self.mean("mean-of-draws", draws, "unbiased", "1")


class LowerBoundThatIsNone(Changed):
    def parts(self, found, x):
        return {"value": found.value + 0.5, "bound": "lower"}


class UpperBoundThatIsNone(Changed):
    def parts(self, found, x):
        return {"value": found.value - 0.5, "bound": "upper"}


class LowerBoundForExactFieldsOnly(LogLikelihood):
    """That of the target itself, which is the model's only where its fields are exact."""

    def estimate(self, model, x, generator=None):
        return self.mean("target-density", model.process.target.log_prob(x), "lower", "nats")


class Biased(Changed):
    def parts(self, found, x):
        return {"value": 1.2 * found.value, "bound": "unbiased"}


class NeverThere(Changed):
    """Off by as much however many points there are."""

    def parts(self, found, x):
        return {"value": found.value + 1.0, "bound": "consistent"}


class Nears(Changed):
    """Off by what falls with the number of points."""

    def parts(self, found, x):
        return {"value": found.value + 8.0 * len(x) ** -0.5, "bound": "consistent"}


class ClaimsNothing(Changed):
    def parts(self, found, x):
        return {"value": found.value + 1.0, "bound": "approximate"}


class SmallError(Changed):
    def parts(self, found, x):
        return {"standard_error": found.standard_error / 3}


class LargeError(Changed):
    def parts(self, found, x):
        return {"standard_error": found.standard_error * 4}


class ErrorOfNothing(Changed):
    def parts(self, found, x):
        return {"standard_error": 0.0}


class ErrorOfOnePoint(Changed):
    def parts(self, found, x):
        return {"standard_error": found.standard_error * math.sqrt(len(x) / 96)}


class NotANumber(Changed):
    def parts(self, found, x):
        return {"value": math.nan}


class UnknownBound(Changed):
    def parts(self, found, x):
        return {"bound": "roughly"}


class NegativeError(Changed):
    def parts(self, found, x):
        return {"standard_error": -found.standard_error}


class NoUnit(Changed):
    def parts(self, found, x):
        return {"unit": ""}


class NoName(Changed):
    def parts(self, found, x):
        return {"name": " "}


class TensorForAValue(Changed):
    def parts(self, found, x):
        return {"value": torch.tensor(found.value)}


class ColumnPerSample(Changed):
    def parts(self, found, x):
        return {"per_sample": found.per_sample[:, None]}


class ShortPerSample(Changed):
    def parts(self, found, x):
        return {"per_sample": found.per_sample[1:]}


class SortedPerSample(Changed):
    def parts(self, found, x):
        return {"per_sample": found.per_sample.sort().values}


class ReversedPerSample(Changed):
    def parts(self, found, x):
        return {"per_sample": found.per_sample.flip(0)}


class ShuffledPerSample(LogLikelihood):
    """As from batches in a random order that are not put back."""

    def estimate(self, model, x, generator=None):
        found = super().estimate(model, x)
        order = torch.randperm(len(x), generator=generator)
        return si.Estimate(**{**vars(found), "per_sample": found.per_sample[order]})


class NoisePerPlace(LogLikelihood):
    """Unbiased for each point, with noise that stands at places and not at points: right."""

    def estimate(self, model, x, generator=None):
        noise = 0.1 * torch.randn(len(x), generator=generator, dtype=torch.float64)
        return self.mean("noisy", self.log_densities(model, x) + noise, "unbiased", "nats")


class Classifier(si.Estimator):
    """How many points and samples a least-squares classifier puts right; where it is fitted is the mistake."""

    quantity = "accuracy"

    def estimate(self, model: si.Model, x: Tensor, generator: torch.Generator | None = None) -> si.Estimate:
        y = model.sample(len(x), generator).final
        rows = torch.cat([x, y.to(x)]).flatten(1).double()
        # As many as a fifth of the rows, up to 40: more than few points determine.
        features = torch.exp(-torch.cdist(rows, rows[:: max(5, len(rows) // 40)]).square())
        sides = torch.cat([torch.ones(len(x)), -torch.ones(len(y))]).double()
        fitted, scored = self.rows(len(x), len(rows))
        weights = torch.linalg.lstsq(features[fitted], sides[fitted, None], driver="gelsd").solution[:, 0]
        right = ((features[scored] @ weights).sign() == sides[scored]).double()
        return self.mean("classifier", right, "unbiased", "1")

    def rows(self, n: int, total: int) -> tuple[Tensor, Tensor]:
        everything = torch.arange(total)
        return everything, everything


class HeldOutClassifier(Classifier):
    """Right: fitted to one half and scored on the other."""

    def rows(self, n: int, total: int) -> tuple[Tensor, Tensor]:
        odd = torch.arange(total) % 2 == 1
        return odd.nonzero()[:, 0], (~odd).nonzero()[:, 0]


class UnnamedClassifier(Classifier):
    quantity = ""


class NearestNeighbour(Classifier):
    """Each is its own neighbour: all answers are right, for any number of points."""

    def estimate(self, model: si.Model, x: Tensor, generator: torch.Generator | None = None) -> si.Estimate:
        y = model.sample(len(x), generator).final
        rows = torch.cat([x, y.to(x)]).flatten(1).double()
        sides = torch.arange(len(rows)) < len(x)
        right = (sides[torch.cdist(rows, rows).argmin(1)] == sides).double()
        return si.Estimate("neighbours", float(right.mean()), 0.0, "unbiased", "1")


class TensorInDetails(Changed):
    def parts(self, found, x):
        return {"details": {"points": x}}


class HalfAPanel(Changed):
    def parts(self, found, x):
        return {"details": {"shown": {"panel": "curve", "x": [0.0, 1.0], "series": {"a": [1.0]}}}}


class InfiniteDetail(Changed):
    def parts(self, found, x):
        return {"details": {"ratio": math.inf}}


class ReturnsANumber(LogLikelihood):
    def estimate(self, model, x, generator=None):
        return float(self.log_densities(model, x).mean())


class DrawsGlobally(LogLikelihood):
    def log_densities(self, model, x):
        return super().log_densities(model, x) + torch.randn(len(x))


class MakesAGeneratorOfItsOwn(LogLikelihood):
    def __init__(self) -> None:
        self.own = torch.Generator().manual_seed(0)

    def log_densities(self, model, x):
        return super().log_densities(model, x) + torch.randn(len(x), generator=self.own)


class SortsThePoints(LogLikelihood):
    def log_densities(self, model, x):
        x.copy_(x.sort(0).values)
        return super().log_densities(model, x)


class CentresThePoints(LogLikelihood):
    def log_densities(self, model, x):
        x -= x.mean()
        return super().log_densities(model, x)


class LeavesGradientsOff(LogLikelihood):
    def log_densities(self, model, x):
        torch.set_grad_enabled(False)
        return super().log_densities(model, x)


class ForVectorsOnly(LogLikelihood):
    def log_densities(self, model, x):
        law = known_of(model).target
        return torch.distributions.Normal(law.mean, math.sqrt(law.variance)).log_prob(x.double()).sum(1)


class RefusesAll(LogLikelihood):
    def estimate(self, model, x, generator=None):
        raise si.UsageError("for my own model only")


class UnknownNeed(LogLikelihood):
    needs = frozenset({"patience"})


class UnknownQuantity(LogLikelihood):
    quantity = "likelihood"


class UnknownEnd(LogLikelihood):
    points_of = "middle"


class BlindDistance(si.Estimator):
    """A distance of the data from themselves."""

    quantity = "distance"

    def estimate(self, model: si.Model, x: Tensor, generator: torch.Generator | None = None) -> si.Estimate:
        y = model.process.target.sample(len(x), generator)
        return self.mean("blind", (x - y).flatten(1).sum(1), "unbiased", "1")


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (LowerBoundThatIsNone(), "bound", "lies above the true value"),
        (LowerBoundForExactFieldsOnly(), "bound", "the stated lower bound"),
        (UpperBoundThatIsNone(), "bound", "the stated upper bound"),
        (Biased(), "bound", "said to be unbiased, is off the true value"),
        (NeverThere(), "bound", "said to be consistent, is off the true value"),
        (SmallError(), "standard-errors", "too small"),
        (LargeError(), "standard-errors", "too large"),
        (ErrorOfNothing(), "standard-errors", "too small"),
        (ErrorOfOnePoint(), "more-points", "does not fall like 1/sqrt(n)"),
        (NotANumber(), "says-what-it-is", "no finite number"),
        (UnknownBound(), "says-what-it-is", "the bound is 'roughly'; it is one of exact, unbiased, consistent, lower"),
        (NegativeError(), "says-what-it-is", "the standard error is -"),
        (NoUnit(), "says-what-it-is", "the unit of the estimate is ''"),
        (NoName(), "says-what-it-is", "the name of the estimate is ' '"),
        (TensorForAValue(), "says-what-it-is", "no finite number"),
        (ColumnPerSample(), "says-what-it-is", "per_sample is (32, 1)"),
        (ShortPerSample(), "says-what-it-is", "per_sample has 31 values for 32 points"),
        (SortedPerSample(), "order-of-points", "per_sample is not in the order of the points"),
        (ReversedPerSample(), "order-of-points", "per_sample is not in the order of the points"),
        (ShuffledPerSample(), "order-of-points", "per_sample is not in the order of the points"),
        (Classifier(), "bound", "said to be unbiased, is off the true value 0.5 of the accuracy"),
        (Classifier(), "same-mean", "what is fitted to points is measured on others"),
        (UnnamedClassifier(), "same-mean", "said to be unbiased, depends on the number of points"),
        (NearestNeighbour(), "bound", "the value 1, said to be unbiased, is off the true value 0.5 of the accuracy"),
        (TensorInDetails(), "says-what-it-is", "details are not plain"),
        (InfiniteDetail(), "says-what-it-is", "details are not plain"),
        (HalfAPanel(), "says-what-it-is", "'shown' says that it is a panel, and is none"),
        (ReturnsANumber(), "says-what-it-is", "instead of an Estimate"),
        (DrawsGlobally(), "own-randomness", "global generator of torch"),
        (MakesAGeneratorOfItsOwn(), "own-randomness", "two calls with equal inputs"),
        (SortsThePoints(), "inputs-unchanged", "changes its inputs in place: x"),
        (CentresThePoints(), "inputs-unchanged", "changes its inputs in place: x"),
        (LeavesGradientsOff(), "host-unchanged", "changes the grad mode"),
        (ForVectorsOnly(), "says-what-it-is", "per_sample is (32, 2, 2)"),
        (UnknownNeed(), "traits", "a frozenset of some of fields, samples"),
        (UnknownQuantity(), "traits", "quantity is 'likelihood'"),
        (UnknownEnd(), "traits", "points_of is 'middle'"),
        (BlindDistance(), "tells-apart", "does not tell a model with errors"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Estimator) else "",
)
def test_a_wrong_estimator(rejected, component: si.Estimator, check: str, words: str) -> None:
    rejected("estimator", component, check, words)


def test_one_that_refuses_all_models_is_not_judged_by_them() -> None:
    """It may be one of what the kit's models have not; what can be told without a model still is."""
    results = {result.check: result for result in check_component("estimator", RefusesAll())}
    assert results["shape-and-dtype"].state == results["bound"].state == "not applicable"
    assert "refuses all that the kit has to offer: for my own model only" in results["shape-and-dtype"].message
    assert results["traits"].state == "holds"


def test_a_lower_bound_that_is_none_is_told_by_how_much(rejected) -> None:
    found = rejected("estimator", LowerBoundThatIsNone(), "bound", "the stated lower bound")
    assert "above the true value" in found.message
    assert "of the ode-log-likelihood by 0." in found.message
    # The mean of 8 runs of 192 points of N(m, v I) scatters by that of -(x - m_hat)^2/(2 v_hat) in two coordinates.
    known = known_models((2,))[0]
    law, found_law = known.target, law_of(known)
    gap = (law.mean - found_law.mean) ** 2
    error = math.sqrt((law.variance**2 + 2 * law.variance * gap) / found_law.variance**2 / (8 * 192))
    count = float(found.message.split(", ")[-1].split()[0])
    assert 5 < count < 0.5 / error + 5


@pytest.mark.parametrize(
    "component",
    [
        LogLikelihood(),
        LooseLowerBound(),
        Nears(),
        ClaimsNothing(),
        InBits(),
        NoErrorKnown(),
        MeanOfDraws(),
        NoisePerPlace(),
        HeldOutClassifier(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_right_one_is_accepted(accepted, component: si.Estimator) -> None:
    accepted("estimator", component)


def test_a_claim_on_what_is_not_stated_is_not_applicable() -> None:
    states = {result.check: result.state for result in check_component("estimator", MeanOfDraws())}
    assert {states[name] for name in ("bound", "more-points", "tells-apart")} == {"not applicable"}
    assert states["standard-errors"] == "holds"


def test_the_interface_names_every_quantity() -> None:
    table = sys.modules[si.Estimator.__module__].__doc__ or ""
    assert re.findall(r"(?m)^``([a-z-]+)``", table) == list(CLOSED_FORMS)


@pytest.mark.parametrize("event", [(2,), (1, 2, 2)])
def test_exact_fields_have_the_laws_of_the_ends(event: tuple[int, ...]) -> None:
    known = known_models(event)[-1]
    entropy = math.prod(event) / 2 * math.log(2 * math.pi * math.e * known.target.variance)
    for quantity in CLOSED_FORMS:
        truth = {"ode-cross-entropy": entropy, "sde-cross-entropy": entropy, "optimal-epsilon": None}
        truth |= {"accuracy": 0.5, "ode-log-likelihood": -entropy, "sde-log-likelihood": -entropy}
        found = closed_form(quantity, known, "target")
        expected = truth.get(quantity, 0.0)
        assert found is expected is None or abs(found - expected) < 1e-10
    backward = known.carried(0.7, "source")
    assert abs(backward.mean - known.source.mean) < 1e-10
    assert abs(backward.variance - known.source.variance) < 1e-10


def test_samples_and_the_closed_forms_agree() -> None:
    """Moments and the mean distance of 20000 samples of each model: five standard errors."""
    for known in known_models((2,)):
        generator = torch.Generator().manual_seed(0)
        n = 20_000
        x, y = known.model.sample(n, generator).final, known.model.process.target.sample(n, generator)
        law = known.carried(known.epsilon, "target")
        # Heun's method with 32 steps is off by about 1/32^2 beside that.
        assert torch.allclose(x.mean(0), torch.tensor(law.mean).double(), atol=5 * math.sqrt(law.variance / n) + 5e-3)
        error = 5 * law.variance * math.sqrt(2 / n) + 5e-3
        assert torch.allclose(x.var(0), torch.tensor(law.variance).double(), atol=error)
        halves = ((x, y), (x, x.roll(1, 0)), (y, y.roll(1, 0)))
        distances = [(a - b).norm(dim=1) for a, b in halves]
        found = 2 * distances[0] - distances[1] - distances[2]
        truth = closed_form("energy-distance", known, "target")
        # Neighbours in the last two share points: their terms are correlated, by less than doubling the variance.
        assert abs(float(found.mean()) - truth) < 5 * float(found.std()) * math.sqrt(2 / n) + 5e-3


@pytest.mark.parametrize(
    ("freedom", "low", "high"),
    # For two degrees the law is exponential; the rest is from tables.
    [(2, -2 * math.log(0.95), -2 * math.log(0.05)), (10, 3.940, 18.307), (15, 7.261, 24.996)],
)
def test_quantiles_of_chi_square(freedom: int, low: float, high: float) -> None:
    assert chi_square_interval(freedom, 0.05) == pytest.approx((low, high), abs=1e-3)
