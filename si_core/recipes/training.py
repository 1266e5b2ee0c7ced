"""The ``train`` section: how the objectives are minimised."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from si_core.contract.largest import Largest
from si_core.recipes.selection import OneOf, Select, Selection, wrong

__all__ = [
    "Count",
    "ImportanceTimes",
    "LogitNormalTimes",
    "PowerAverages",
    "ProcessTraining",
    "Section",
    "SkipNonFinite",
    "StopAtNonFinite",
    "Times",
    "Train",
    "UniformTimes",
]

Count = Annotated[int, Field(ge=1, le=Largest.EVENTS)]
Batch = Annotated[int, Field(ge=1, le=Largest.BATCH)]
Rate = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A part of a recipe: no other keys, no conversions between types, only finite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class UniformTimes(Section):
    """Times uniform in the clock of learning: the loss is the integral over the clock."""

    use: Literal["uniform"] = "uniform"


class LogitNormalTimes(Section):
    """``t = logistic(mean + std n)`` with n standard normal (arXiv:2403.03206, section 3.1).

    Losses are plain means over these times, that is, weighted by their density: the minimiser stays, as with any
    positive weight at each t, but losses recorded are not comparable with those of other times. In the paper t is 0 at
    the data: its mean has the other sign.
    """

    use: Literal["logit-normal"] = "logit-normal"
    mean: float = Field(default=0.0, ge=-10, le=10, description="of the logit of t: above 0, later times")
    std: float = Field(default=1.0, gt=0, le=10, description="of the logit of t: smaller, nearer to the middle")


class ImportanceTimes(Section):
    """Times drawn more often where gradients are large, each loss weighted by one over the density (arXiv:2102.09672).

    In expectation losses and gradients are those of uniform times, and so are the losses recorded; their variance is
    what falls.
    """

    use: Literal["importance"] = "importance"
    bins: int = Field(default=64, ge=2, le=4096, description="equal parts of the clock, each with a density of its own")
    warmup: int = Field(default=500, ge=0, le=Largest.EVENTS, description="steps of uniform times at the start")
    uniform: float = Field(
        default=0.1, gt=0, le=1, description="fraction of the times that stays uniform; weights are at most one over it"
    )


Times = Annotated[
    Annotated[UniformTimes | LogitNormalTimes | ImportanceTimes, Field(discriminator="use")],
    OneOf(("uniform", "logit-normal", "importance"), default="uniform"),
]


class PowerAverages(Section):
    """Running averages whose memory grows in proportion to the steps done (arXiv:2312.02696, section 3).

    A length is the standard deviation of the profile of an average over the steps done: of 0.1, most weight is on the
    last quarter. Some are followed in training, each for one copy of the weights, and kept at equal distances over the
    steps; any length between them, and somewhat beyond, can be had after training.
    """

    use: Literal["power"] = "power"
    lengths: Annotated[list[Annotated[float, Field(ge=1e-3, le=0.28)]], Field(min_length=1, max_length=8)] = Field(
        default=[0.05, 0.1],
        description="relative lengths that are followed; the first is what sampling uses unless `sample.ema` says",
    )
    snapshots: int = Field(
        default=16, ge=1, le=1000, description="how often over the steps all of them are kept, the last at the end"
    )

    @model_validator(mode="after")
    def _lengths_differ(self) -> PowerAverages:
        if len(set(self.lengths)) < len(self.lengths):
            raise wrong("has a length twice", key="lengths", fix=f"lengths: {sorted(set(self.lengths))}")
        return self


class StopAtNonFinite(Section):
    """The first step whose loss or gradient is not finite ends training; the weights are as before it."""

    use: Literal["stop"] = "stop"


class SkipNonFinite(Section):
    """Steps whose loss or gradient is not finite are left out: they count, and nothing is learned from them.

    A batch is drawn from streams that are named by its step, so the number of a step is all that is needed to draw it
    again, and it is never drawn twice. Data, coefficients and weights that are not finite end training all the same.
    """

    use: Literal["skip"] = "skip"
    limit: Count = Field(default=100, description="steps that may be left out in all; one more ends training")
    in_a_row: Count = Field(default=10, description="steps that may be left out one after another")


NonFinite = Annotated[
    Annotated[StopAtNonFinite | SkipNonFinite, Field(discriminator="use")], OneOf(("stop", "skip"), default="skip")
]


class ProcessTraining(Section):
    """How learnable parts of the process itself are trained, where it has any: by Adam, beside the networks.

    Their learning rate follows ``train.schedule`` as that of the networks does. Where networks minimise what the
    process maximises, ``method`` says how the two take a step that both have a part in: one after the other, or both by
    the gradients at an extrapolated point (:mod:`si_core.training.extragradient`), for two gradients of each.
    """

    method: Literal["alternating", "extragradient"] = Field(
        default="alternating", description="steps of networks and process: in turn, or both from an extrapolation"
    )
    lr: Rate = Field(default=1e-3, description="learning rate")
    every: Count = Field(default=2, description="steps of the networks for each of the process")
    warmup: int = Field(
        default=500, ge=0, le=Largest.EVENTS, description="steps of the networks before the process moves"
    )
    clip: Rate | None = Field(default=1.0, description="largest gradient norm; null for no limit")


class Train(Section):
    """How the objectives are minimised."""

    steps: int = Field(default=2000, ge=0, le=Largest.EVENTS, description="optimizer steps; 0 to train nothing")
    batch: Batch = Field(default=1024, description="draws per step, over all processes")
    accumulate: Batch = Field(
        default=1,
        description="parts of a batch, taken one after another for less memory; the step is the same",
    )
    optimizer: Annotated[Selection, Select("optimizer", "adam")] = Field(
        default=Selection("optimizer", "adam"), description="how a step follows from gradients"
    )
    schedule: Annotated[Selection, Select("learning-rate", "constant")] = Field(
        default=Selection("learning-rate", "constant"), description="learning rate over the steps"
    )
    ema: Annotated[float, Field(ge=0, lt=1)] | Annotated[PowerAverages, OneOf(("power",), default="power")] | None = (
        Field(
            default=0.999,
            description="running average of the weights, which sampling uses: its decay, or averages of several "
            "lengths from which `sample.ema` chooses; null for none",
            examples=["ema: {use: power, lengths: [0.05, 0.1]}"],
        )
    )
    clip: Rate | None = Field(default=None, description="largest gradient norm; null for no limit")
    process: ProcessTraining = Field(
        default=ProcessTraining(), description="training of the process's own parameters, where it has any"
    )
    rounds: Annotated[int, Field(ge=1, le=10**6)] = Field(
        default=1, description="equal parts of the steps; between two of them the coupling is refitted by the model"
    )
    clock: Literal["auto", "uniform"] = Field(
        default="auto", description="time in which targets are regressed: the clock of the process, or plain t"
    )
    times: Times = Field(
        default=UniformTimes(),
        description="times of the draws: uniform in the clock of learning, logit-normal in t, or importance",
    )
    condition_dropout: Annotated[float, Field(ge=0, lt=1)] | dict[str, Annotated[float, Field(ge=0, lt=1)]] = Field(
        default=0.0,
        description="how often a condition is left out, so that the networks learn the mixture over it as well: a "
        "probability for each condition, or one a name; only then may rows of the data lack one",
    )
    on_nonfinite: NonFinite = Field(
        default=StopAtNonFinite(),
        description="at a step whose loss or gradient is not finite: stop, or skip such steps up to a limit",
    )
    antithetic: bool | Literal["auto"] = Field(
        default="auto", description="draw pairs with opposite noise; auto where the targets need it"
    )
    precondition: bool = Field(default=True, description="scale inputs and outputs of the network to unit size")
    checkpoint_every: Count | None = Field(
        default=None, description="steps between checkpoints; null for one at the end"
    )
    keep: int = Field(default=3, ge=2, le=10**6, description="checkpoints kept")
    log_every: Count = Field(default=50, description="steps between lines of metrics")
    validation_bins: Annotated[int, Field(ge=2, le=64)] | None = Field(
        default=None,
        description="equal parts of the clock of learning by which the validation loss is recorded; null for the whole",
    )
    precision: Literal["full", "bfloat16", "float16"] = Field(
        default="full",
        description="of products in the networks: full, that of their weights, bfloat16, or float16 with scaled "
        "losses; weights, states, losses and averages stay full",
    )
    compile: bool = Field(default=False, description="compile the training step")
    shard: bool = Field(
        default=False,
        description="spread weights, gradients, averages and moments over the processes of torchrun (FSDP2), for "
        "networks that outgrow one device",
    )

    @property
    def averages(self) -> int:
        """How many running averages of the weights there are."""
        return len(self.ema.lengths) if isinstance(self.ema, PowerAverages) else int(self.ema is not None)

    @model_validator(mode="after")
    def _parts_have_rows(self) -> Train:
        if self.accumulate > self.batch:
            raise wrong("is more than there are draws in a batch", key="accumulate", fix=f"accumulate: {self.batch}")
        return self

    @model_validator(mode="after")
    def _rounds_are_equal(self) -> Train:
        if self.steps % self.rounds:
            raise wrong(
                "does not divide train.steps into equal parts",
                key="rounds",
                fix=f"steps: {self.steps + self.rounds - self.steps % self.rounds}",
            )
        return self
