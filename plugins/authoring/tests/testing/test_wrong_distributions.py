"""Distributions with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy
import pytest
import torch
from pydantic import Field
from torch import Tensor

import si_core as si
from si_authoring.testing.doubles import Normal


class Unnormalised(Normal):
    def log_prob(self, x: Tensor) -> Tensor:
        return super().log_prob(x) + math.log(1.05)


class WiderDensity(Normal):
    """The density of another deviation than the draws'."""

    def log_prob(self, x: Tensor) -> Tensor:
        return Normal(self.shape, self.mean, 1.2 * self.deviation).log_prob(x)


class DensityOfCoordinates(Normal):
    def log_prob(self, x: Tensor) -> Tensor:
        return torch.distributions.Normal(self.mean, self.deviation).log_prob(x)


class DensityOfTheBatch(Normal):
    def log_prob(self, x: Tensor) -> Tensor:
        return super().log_prob(x) - super().log_prob(x).mean()


class DensityInBits(Normal):
    def log_prob(self, x: Tensor) -> Tensor:
        return super().log_prob(x) / math.log(2)


class NoDensityAtDraws(Normal):
    def log_prob(self, x: Tensor) -> Tensor:
        return super().log_prob(x).masked_fill(x.flatten(1)[:, 0] > 2, -math.inf)


class LosesThePrecision(Normal):
    def log_prob(self, x: Tensor) -> Tensor:
        return super().log_prob(x).float()


class GlobalDraws(Normal):
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return torch.randn(n, *self.shape)


class DrawsByNumpy(Normal):
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return torch.from_numpy(numpy.random.normal(size=(n, *self.shape)))


class SeedsItself(Normal):
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return super().sample(n, torch.Generator().manual_seed(0))


class SeedsFromTheGenerator(Normal):
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        seed = 0 if generator is None else generator.initial_seed()
        return super().sample(n, torch.Generator().manual_seed(seed))


class OneDrawForAll(Normal):
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return super().sample(1, generator).expand(n, *self.shape)


class OneRowTooMany(Normal):
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return super().sample(n + 1, generator)


class FlatDraws(Normal):
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return super().sample(n, generator).flatten(1)


class ShapeOfAList(Normal):
    def __init__(self) -> None:
        super().__init__()
        self.shape = [2]  # type: ignore[assignment]


class SaysStandardNormal(Normal):
    def __init__(self, mean: float = 0.0, deviation: float = 1.0) -> None:
        super().__init__((2,), mean, deviation)
        self.standard_normal = True


class SaysStandardNormalOfOtherDraws(Normal):
    """The log-density is the standard normal's, the draws have heavier tails."""

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        x = super().sample(n, generator)
        return x * x.abs() / math.sqrt(3)


class Constant(si.Distribution):
    shape = (2,)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return torch.ones(n, 2)


class OtherPoint(Constant):
    point = torch.zeros(2)


class Scaled(Normal):
    """``data = 3 + 2 model``."""

    frame = si.Frame((2,), shift=3.0, scale=2.0)


class EntropyOfOneCoordinate(Normal):
    def __init__(self) -> None:
        super().__init__()
        self.entropy = self.entropy / 2


class Box(si.Distribution):
    """Uniform on the unit square, with breakpoints that others get wrong."""

    shape = (2,)
    breakpoints = ((0.0, 1.0), (0.0, 1.0))

    def sample(self, n, generator=None):
        return torch.rand(n, 2, generator=generator)

    def log_prob(self, x):
        inside = ((x >= 0) & (x <= 1)).all(1)
        return torch.zeros(len(x), dtype=x.dtype).masked_fill(~inside, -math.inf)


class BoxWithoutAnEdge(Box):
    breakpoints = ((0.0, 1.0), (0.0,))


class BoxOfFallingEdges(Box):
    breakpoints = ((0.0, 1.0), (1.0, 0.0))


class BoxOfOneEntry(Box):
    breakpoints = ((0.0, 1.0),)


class MomentsOfOneCoordinate(Normal):
    moments = si.Moments(0.0, 0.5, 0.5)


class MomentsWithoutTheMean(Normal):
    moments = si.Moments(1.0, 1.0)


class NarrowerThanNarrow(Normal):
    moments = si.Moments(0.0, 1.0, 2.0)


class OwnVolume(Scaled):
    log_volume_at = math.log(2)


class OwnUnits(Normal):
    def decode(self, x: Tensor) -> Tensor:
        return 3 + 2 * x


class FrameOfOtherEvents(Normal):
    frame = si.Frame((3,))


class FrameOfText(Normal):
    frame = "centimetres"


class Rows(si.Distribution):
    """Rows of a table, with a label and an observation of another shape, both by their number."""

    shape, size = (2,), 30
    conditions: Mapping[str, si.ConditionSpec] = {
        "species": si.ConditionSpec(classes=("one", "two", "three")),
        "observation": si.ConditionSpec((3,)),
    }

    def __init__(self) -> None:
        self._x = torch.linspace(-1, 1, 60).reshape(30, 2)
        self._y = torch.arange(30) % 3
        self._seen = torch.arange(90.0).reshape(30, 3)

    def told(self, index: Tensor) -> dict[str, Tensor]:
        return {"species": self._y[index], "observation": self._seen[index]}

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return self.draw(n, generator)[0]

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, si.Condition | None]:
        return self.rows(torch.randint(30, (n,), generator=generator))

    def rows(self, index: Tensor) -> tuple[Tensor, si.Condition | None]:
        return self._x[index], self.told(index)

    def held_out(self) -> tuple[Tensor, si.Condition | None] | None:
        return torch.full((2, 2), 5.0), self.told(torch.tensor([0, 2]))


class LabelsFromOne(Rows):
    def told(self, index: Tensor) -> dict[str, Tensor]:
        return {**super().told(index), "species": self._y[index] + 1}


class LabelsAsNumbers(Rows):
    def told(self, index: Tensor) -> dict[str, Tensor]:
        return {**super().told(index), "species": self._y[index].float()}


class LabelsInColumns(Rows):
    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, si.Condition | None]:
        x, told = super().draw(n, generator)
        return x, {**told, "species": told["species"][:, None]}


class LabelsForgotten(Rows):
    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, si.Condition | None]:
        return super().draw(n, generator)[0], None


class ConditionsUnsaid(Rows):
    conditions: Mapping[str, si.ConditionSpec] = {}


class ClassesForSpecs(Rows):
    conditions: Mapping[str, si.ConditionSpec] = {"species": ("one", "two", "three"), "observation": (3,)}  # type: ignore[dict-item]


class ValuesOfAnotherShape(Rows):
    def told(self, index: Tensor) -> dict[str, Tensor]:
        return {**super().told(index), "observation": self._seen[index].T}


class ValuesFlat(Rows):
    """One number in place of the three declared."""

    def told(self, index: Tensor) -> dict[str, Tensor]:
        return {**super().told(index), "observation": self._seen[index, 0]}


class WholeNumbersForValues(Rows):
    def told(self, index: Tensor) -> dict[str, Tensor]:
        return {**super().told(index), "observation": self._seen[index].long()}


class DeclaredAndNotGiven(Rows):
    def told(self, index: Tensor) -> dict[str, Tensor]:
        return {"species": self._y[index]}


class GivenAndNotDeclared(Rows):
    def told(self, index: Tensor) -> dict[str, Tensor]:
        return {**super().told(index), "dose": self._seen[index, 0]}


class OneValueForAll(Rows):
    def told(self, index: Tensor) -> dict[str, Tensor]:
        return {**super().told(index), "observation": self._seen[:1]}


class ConditionsOfOtherRows(Rows):
    """Those of the rows in their order in the table, whichever are asked for."""

    def rows(self, index: Tensor) -> tuple[Tensor, si.Condition | None]:
        return self._x[index], self.told(index.sort().values)


class RowsMissing(Rows):
    def rows(self, index: Tensor) -> tuple[Tensor, si.Condition | None]:
        return self._x[index[:29]], self.told(index[:29])


class RowsShuffled(Rows):
    """Row i is another one in each call."""

    def rows(self, index: Tensor) -> tuple[Tensor, si.Condition | None]:
        return self._x[index.sort().values], self.told(index)


class DrawsToldOfOthers(Rows):
    """Draws rows, and then what is told of them: each by itself at random."""

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, si.Condition | None]:
        x, _ = super().draw(n, generator)
        return x, self.told(torch.randint(30, (n,), generator=generator))


class Split(si.Distribution):
    """300 rows with a dose that depends on x, of which the last 60 of a permutation are held out."""

    shape, size = (2,), 240
    conditions: Mapping[str, si.ConditionSpec] = {"dose": si.ConditionSpec()}
    order_of_doses = order_of_rows = torch.randperm(300, generator=torch.Generator().manual_seed(1))

    def __init__(self) -> None:
        noise = torch.randn(300, 3, generator=torch.Generator().manual_seed(0))
        self._x, self._dose = noise[:, :2], noise[:, 1].exp() + noise[:, 2] / 4

    def _at(self, place: Tensor) -> tuple[Tensor, si.Condition | None]:
        return self._x[self.order_of_rows[place]], {"dose": self._dose[self.order_of_doses[place]]}

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, si.Condition | None]:
        return self.rows(torch.randint(self.size, (n,), generator=generator))

    def rows(self, index: Tensor) -> tuple[Tensor, si.Condition | None]:
        return self._at(index)

    def held_out(self) -> tuple[Tensor, si.Condition | None] | None:
        return self._at(torch.arange(self.size, 300))


class SplitsValuesAlone(Split):
    """The held-out rows are those of the permutation, their doses the last of the file."""

    def held_out(self) -> tuple[Tensor, si.Condition | None] | None:
        return super().held_out()[0], {"dose": self._dose[self.size :]}


class SplitsLabelsOtherwise(Split):
    conditions: Mapping[str, si.ConditionSpec] = {"dose": si.ConditionSpec(classes=("low", "high"))}

    def _at(self, place: Tensor) -> tuple[Tensor, si.Condition | None]:
        x, told = super()._at(place)
        return x, {"dose": (told["dose"] > 1).long()}

    def held_out(self) -> tuple[Tensor, si.Condition | None] | None:
        x, told = super().held_out()
        return x, {"dose": told["dose"].roll(1)}


class SizeUnsaid(Rows):
    size = None


class HeldOutFlat(Rows):
    def held_out(self) -> tuple[Tensor, si.Condition | None] | None:
        return torch.zeros(4), None


class HeldOutWithoutConditions(Rows):
    def held_out(self) -> tuple[Tensor, si.Condition | None] | None:
        return torch.zeros(4, 2), None


class HeldOutAnew(Rows):
    def held_out(self) -> tuple[Tensor, si.Condition | None] | None:
        self.calls = getattr(self, "calls", 0) + 1
        return torch.full((4, 2), float(self.calls)), self.told(torch.arange(4))


class Square(si.Distribution):
    """Uniform on ``[0, side]^2``, whose density has edges."""

    shape = (2,)

    def __init__(self, side: float = 1.3, claimed: float = 1.3) -> None:
        self.side, self.claimed = side, claimed

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return self.side * torch.rand(n, 2, generator=generator, dtype=torch.float64)

    def log_prob(self, x: Tensor) -> Tensor:
        inside = ((x >= 0) & (x <= self.claimed)).all(1)
        return torch.full_like(x[:, 0], -2 * math.log(self.claimed)).masked_fill(~inside, -math.inf)


class Lopsided(Square):
    """The density of the square's draws is uniform, and they crowd at one side."""

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        x = super().sample(n, generator)
        return self.side * (x / self.side) ** 1.2


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (Unnormalised(), "density-of-draws", "integrates to 1.05 in place of 1"),
        (Unnormalised((1,)), "density-of-draws", "integrates to 1.05"),
        (Unnormalised((5,), 1.0, 2.0), "density-of-draws", "too large"),
        (WiderDensity(), "density-of-draws", "do not fall where the density says"),
        (WiderDensity((5,)), "density-of-draws", "too small"),
        (
            DensityOfCoordinates(),
            "shape-and-dtype",
            "log_prob(x) at states of shape (6,), torch.float64 has shape (6, 2)",
        ),
        (DensityOfCoordinates(), "density-at-draws", "one number for each row"),
        (DensityOfTheBatch(), "rows-independent", "depends on other rows"),
        (DensityInBits(), "density-of-draws", "in place of 1"),
        (NoDensityAtDraws(), "density-at-draws", "-inf at a draw of its own"),
        (LosesThePrecision(), "shape-and-dtype", "loses the states' dtype"),
        (GlobalDraws(), "own-randomness", "global generator of torch"),
        (DrawsByNumpy(), "own-randomness", "global generator of numpy"),
        (SeedsItself(), "draws-differ", "the generator given is not used"),
        (SeedsFromTheGenerator(), "draws-differ", "the next draws from one generator are the same"),
        (OneDrawForAll(), "draws-differ", "must be independent"),
        (OneRowTooMany(), "draws", "gives shape (2, 2) in place of shape (1, 2)"),
        (FlatDraws((2, 2)), "draws", "gives shape (1, 4)"),
        (ShapeOfAList(), "draws", "no tuple of whole numbers"),
        (SaysStandardNormal(deviation=1.01), "standard-normal", "it is not"),
        (SaysStandardNormal(mean=0.01), "standard-normal", "it is not"),
        (SaysStandardNormalOfOtherDraws(), "standard-normal", "it is not"),
        (Constant(), "draws-differ", "say which by `point`"),
        (OtherPoint(), "draws-differ", "its draws are not that point"),
        (EntropyOfOneCoordinate(), "entropy", "entropy is 1.41894, and the mean of -log p is 2.8"),
        (BoxWithoutAnEdge(), "breakpoints", "of entry 1, where no breakpoint is"),
        (BoxOfFallingEdges(), "breakpoints", "breakpoints of entry 1 are (1.0, 0.0)"),
        (BoxOfOneEntry(), "breakpoints", "breakpoints of 1 entries, for events (2,)"),
        (MomentsOfOneCoordinate(), "moments", "variance is 0.5, and that of draws is 1.0"),
        (MomentsWithoutTheMean(), "moments", "mean_square + variance is 2, and that of draws is 1.0"),
        (NarrowerThanNarrow(), "moments", "is larger than the mean one"),
        (OwnVolume(), "units", "log_volume_at is that of the frame"),
        (OwnUnits(), "units", "decode is overridden"),
        (FrameOfOtherEvents(), "units", "frame is that of events (3,), and events are (2,)"),
        (FrameOfText(), "units", "frame is a str"),
        (LabelsFromOne(), "conditions", "the condition 'species' is out of range; got 3 at entry"),
        (LabelsAsNumbers(), "conditions", "the condition 'species' is a label; got torch.float32, due int64"),
        (LabelsInColumns(), "conditions", "'species' has another shape; got (500, 1), due (500,)"),
        (LabelsForgotten(), "conditions", "the condition 'species' is missing; got no condition"),
        (ConditionsUnsaid(), "conditions", "an unknown condition 'species'"),
        (ClassesForSpecs(), "conditions", "'species': tuple, no name with a ConditionSpec"),
        (ValuesOfAnotherShape(), "conditions", "'observation' has another shape; got (3, 500), due (500, 3)"),
        (ValuesFlat(), "conditions", "'observation' has another shape; got (500,), due (500, 3)"),
        (WholeNumbersForValues(), "conditions", "the condition 'observation' has values; got torch.int64"),
        (DeclaredAndNotGiven(), "conditions", "the condition 'observation' is missing; got species"),
        (GivenAndNotDeclared(), "conditions", "an unknown condition 'dose'"),
        (OneValueForAll(), "conditions", "gives 1 values of the condition 'observation' for 500 draws"),
        (ConditionsOfOtherRows(), "finite-rows", "the condition 'species' by another index is not that"),
        (RowsMissing(), "finite-rows", "rows of all 30 indices have shape (29, 2)"),
        (RowsShuffled(), "finite-rows", "not those rows"),
        (SizeUnsaid(), "finite-rows", "size is None"),
        (HeldOutFlat(), "held-out-rows", "None for none"),
        (HeldOutWithoutConditions(), "held-out-rows", "held_out: the condition 'species' is missing"),
        (HeldOutAnew(), "held-out-rows", "other rows each time"),
        (DrawsToldOfOthers(), "conditions-of-rows", "draw gives the condition 'species' of other rows"),
        (SplitsValuesAlone(), "conditions-of-held-out-rows", "the condition 'dose' of held-out rows has nothing to do"),
        (
            SplitsLabelsOtherwise(),
            "conditions-of-held-out-rows",
            "the condition 'dose' of held-out rows has nothing to do",
        ),
        (Square(claimed=1.4), "density-of-draws", "do not fall where the density says"),
        (Lopsided(), "density-of-draws", "do not fall where the density says"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Distribution) else "",
)
def test_a_wrong_distribution(rejected, component: si.Distribution, check: str, words: str) -> None:
    rejected("distribution", component, check, words)


class Point(Constant):
    point = torch.ones(2)


class Tails(si.Distribution):
    """The logistic law in each coordinate, with heavier tails than a Gaussian's."""

    def __init__(self, size: Annotated[int, Field(ge=1, le=100)] = 3) -> None:
        self.shape = (size,)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        u = torch.rand(n, *self.shape, generator=generator, dtype=torch.float64)
        return u.log() - (-u).log1p()

    def log_prob(self, x: Tensor) -> Tensor:
        return (-x - 2 * torch.nn.functional.softplus(-x)).sum(1)


class Needle(si.Distribution):
    """A tenth of the mass is within a millionth of the rest."""

    shape = (2,)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        narrow = torch.rand(n, 1, generator=generator, dtype=torch.float64) < 0.1
        z = torch.randn(n, 2, generator=generator, dtype=torch.float64)
        return torch.where(narrow, 0.3 + 1e-6 * z, z)

    def log_prob(self, x: Tensor) -> Tensor:
        wide, narrow = Normal().log_prob(x), Normal(mean=0.3, deviation=1e-6).log_prob(x)
        return torch.logaddexp(math.log(0.9) + wide, math.log(0.1) + narrow)


RIGHT: list[Any] = [
    Normal(),
    Normal((1,), 2.0, 0.5),
    Normal((2, 3), -1.0, 4.0),
    Scaled(),
    Rows(),
    Split(),
    Point(),
    Square(),
    Needle(),
    Tails(1),
    Tails(2),
    Tails(12),
]


@pytest.mark.parametrize("component", RIGHT, ids=lambda law: f"{type(law).__name__}{tuple(law.shape)}")
def test_a_right_one_is_accepted(accepted, component: si.Distribution) -> None:
    accepted("distribution", component)
