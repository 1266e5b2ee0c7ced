"""Transport with a cost of conditions: what it does to the law of x0 given y, from weight 0 to large weights."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import si_core as si
from si_distributions.gaussian import Gaussian
from si_schrodinger.condition_costs import condition_distances
from si_schrodinger.entropic import Entropic
from si_schrodinger.optimal_transport import OptimalTransport

SOURCE = Gaussian(dim=2, dtype="float64")
N, BATCHES = 256, 12


class Told(Gaussian):
    """A normal law in the plane that tells its first entry, and the sign of it."""

    conditions = {"first": si.ConditionSpec(scale=1.0), "sign": si.ConditionSpec(classes=("-", "+"))}  # noqa: RUF012

    def draw(self, n: int, generator: torch.Generator | None = None) -> Any:
        x = self.sample(n, generator)
        return x, {"first": x[:, 0], "sign": (x[:, 0] > 0).long()}


class OwnConditions(Told):
    """A source with conditions of the same names."""


TARGET = Told(dim=2, dtype="float64")


def correlations(coupling: si.Coupling, source: si.Distribution = SOURCE) -> tuple[float, float]:
    """Of x0 and x1 in the first entry, which is y, and in the second, which y says nothing of."""
    generator = torch.Generator().manual_seed(4)
    pairs = [coupling.draw(source, TARGET, N, generator) for _ in range(BATCHES)]
    x0, x1 = torch.cat([p.x0 for p in pairs]), torch.cat([p.x1 for p in pairs])
    first, second = (x0 * x1).mean(0).tolist()
    return first, second


def test_the_weight_takes_the_condition_out_of_x0_and_leaves_transport_of_the_rest() -> None:
    """Both entries are nearly carried to themselves at weight 0. A weight makes the first of x0, given y, the source's,
    while the second stays nearly carried to itself: conditional transport. At a fixed batch the largest weights leave
    the pairs that were dealt, which are independent."""
    settings = {"within_classes": False}
    plain, weighed, dealt = (
        correlations(OptimalTransport(condition_weight=weight, **settings)) for weight in (None, 30.0, 1e9)
    )
    error = 5 / math.sqrt(N * BATCHES)
    assert min(plain) > 0.9
    assert abs(weighed[0]) < 0.3
    assert weighed[1] > 0.6
    assert max(map(abs, dealt)) < error


def test_the_limit_for_labels_is_transport_within_classes() -> None:
    """A large weight pairs as pairs within classes are: the sign of x1 says nothing of x0, and the cost is the same."""

    def looked_at(coupling: si.Coupling) -> tuple[float, float]:
        generator, signs, costs = torch.Generator().manual_seed(5), [], []
        for _ in range(BATCHES):
            pairs = coupling.draw(SOURCE, TARGET, N, generator)
            assert pairs.condition is not None
            signs.append((pairs.x0[:, 0] * (2 * pairs.condition["sign"] - 1)).mean())
            costs.append((pairs.x0 - pairs.x1).square().sum(1).mean())
        return float(torch.stack(signs).mean()), float(torch.stack(costs).mean())

    error = 5 / math.sqrt(N * BATCHES)
    within = looked_at(OptimalTransport())
    weighed = looked_at(OptimalTransport(within_classes=False, condition_weight={"sign": 1e6}))
    assert abs(within[0]) < error
    assert abs(weighed[0]) < error
    assert abs(weighed[1] - within[1]) < 0.05 * within[1]
    assert looked_at(OptimalTransport(within_classes=False))[0] > 0.7  # E |x| = 0.8


def test_a_source_with_these_conditions_keeps_its_own() -> None:
    """With the same conditions on both sides a large weight pairs equal conditions, so x0 tells of y as the source's
    rows do; here y is the first entry on both sides."""
    coupling = OptimalTransport(within_classes=False, condition_weight={"first": 1e3})
    own = OwnConditions(dim=2, dtype="float64")
    assert correlations(coupling, own)[0] > 0.9


def test_entropic_pairs_weigh_conditions_too() -> None:
    first, second = correlations(Entropic(0.1, within_classes=False, condition_weight=30.0))
    assert abs(first) < 0.3
    assert second > 0.5


def test_distances_of_conditions() -> None:
    specs = {
        "dose": si.ConditionSpec((2,), mean=5.0, scale=2.0),
        "kind": si.ConditionSpec(classes=("a", "b")),
    }
    one = {"dose": torch.tensor([[1.0, 1.0], [torch.nan, 0.0]]), "kind": torch.tensor([0, -1])}
    other = {"dose": torch.tensor([[1.0, 5.0], [torch.nan, 9.0]]), "kind": torch.tensor([0, 1])}
    found = condition_distances(one, other, specs, {"dose": 3.0, "kind": 10.0})
    expected = 3.0 * torch.tensor([[2.0, 1.0], [1.0, 0.0]]) + 10.0 * torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    torch.testing.assert_close(found, expected.double())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"condition_weight": {"dose": 1.0}}, "no condition 'dose'"),
        ({"condition_weight": {"sign": 1.0}}, "within classes of this condition already"),
        ({"condition_weight": 0.0}, "positive"),
        ({"condition_weight": {"first": -1.0}}, "positive"),
    ],
)
def test_wrong_weights_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(si.UsageError, match=words):
        OptimalTransport(**options).draw(SOURCE, TARGET, 8, torch.Generator().manual_seed(0))
    with pytest.raises(si.UsageError, match="no conditions"):
        OptimalTransport(condition_weight=1.0).draw(SOURCE, SOURCE, 8, torch.Generator().manual_seed(0))
