"""The recipe's own keys: types, defaults, ranges and what they mean, in the order of a resolved recipe."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from si_core.contract.largest import Largest
from si_core.recipes.selection import NetworkSelection, OneOrMany, Select, Selection, SelectNetwork, wrong
from si_core.recipes.training import Batch, Section, Train

__all__ = ["SCHEMA_VERSION", "LastStep", "Sample", "Sections"]

SCHEMA_VERSION: Final = 1
"""The version of recipes this si-core reads."""

LastStep = Literal["tweedie", "mean", "euler"]
"""How sampling that stops before the end finishes; see :mod:`si_core.models.last_step`."""

Told = str | float | int | list[Any]
Time = Annotated[float, Field(ge=0, le=1)]


def _report_form(value: Any) -> str:
    return "all" if isinstance(value, bool) else "chosen"


Reports = Annotated[
    Annotated[bool, Tag("all")]
    | Annotated[list[Annotated[Selection, Select("report")]], Field(max_length=100), Tag("chosen")],
    Discriminator(_report_form),
    OneOrMany(),
]
"""All installed reports or none, or those selected, of which a single one needs no list."""


class Sample(Section):
    """How samples are drawn after training."""

    number: Annotated[int, Field(ge=1, le=Largest.SAMPLES)] = Field(default=10_000, description="samples to draw")
    integrator: Annotated[Selection, Select("integrator")] | None = Field(
        default=None, description="integrator; null picks one for an ODE (epsilon 0) or an SDE"
    )
    interpolant: Annotated[Selection, Select("interpolant")] | None = Field(
        default=None,
        description="schedule of sampling, where it is another than that of training (one-sided processes)",
    )
    epsilon: Annotated[Selection | float, Select("diffusion", number=True)] = Field(
        default=0.0, description="noise level: 0 for the probability-flow ODE, a number, or a diffusion"
    )
    start: Time = Field(default=0.0, description="time at which integration starts")
    stop: Time = Field(default=1.0, description="time at which integration stops; below start: backward")
    clock: Annotated[Selection | Literal["auto", "uniform"], Select("clock", words=("auto", "uniform"))] = Field(
        default="auto", description="time of the steps: the clock of the process, plain t, or a clock by name"
    )
    guidance: Annotated[list[Annotated[Selection, Select("guidance")]], Field(max_length=100), OneOrMany()] = Field(
        default=[],
        description="what changes the fields before they are sampled, in order; one needs no list",
        examples=["guidance: {use: classifier-free, weight: 2.0}"],
    )
    denoise: bool | LastStep = Field(
        default=False,
        description="the last step of sampling that stops before the end: tweedie, or true, for the mean of what is "
        "left; mean, a step of the drift without noise; euler, a step of the ODE; false for none",
    )
    freeze: bool = Field(
        default=False,
        description="keep the last weights of the learned fields beside an end where they have no bound; else refused",
    )
    batch: Batch | None = Field(
        default=None,
        description="samples integrated together, a whole batch however few are asked for; "
        "null for 2048, of large events fewer, at least 64",
    )
    condition: Told | dict[str, Told] | None = Field(
        default=None,
        description="what the samples are given, by the name of each condition: a class by its name, a number, a list "
        "to go through, or a .npy file of values; the bare value where there is one condition; null: as the data have",
    )
    ema: Annotated[float, Field(ge=1e-3, le=0.28)] | None = Field(
        default=None,
        description="relative length of the average of the weights to sample from, where `train.ema` keeps several; "
        "null for the first of them",
    )
    precision: Literal["full", "bfloat16"] = Field(
        default="full", description="of the networks: full, that of their weights, or bfloat16; states stay full"
    )
    channels_last: bool = Field(default=False, description="lay images out with channels last for convolutions")
    compile: bool = Field(default=False, description="compile the networks for sampling")
    graph: bool | Literal["auto"] = Field(
        default=False,
        description="replay the steps as a CUDA graph, sample for sample the same; auto: where it can be done",
    )

    @model_validator(mode="after")
    def _some_span(self) -> Sample:
        if self.start == self.stop:
            raise wrong("is the same as sample.start", key="stop", allowed="another time in [0, 1]")
        return self


class Sections(Section):
    """The core's own keys of a recipe, without ``extends``; :mod:`si_core.recipes.sections` adds those of kinds."""

    schema_version: Literal[1] = Field(default=SCHEMA_VERSION, alias="schema", description="version of the format")
    title: str | None = Field(default=None, description="one line for people")
    meta: dict[str, Any] = Field(default={}, description="notes for people; never read by the program")
    seed: int = Field(default=0, ge=0, lt=2**63, description="seed of all random streams")
    source: Annotated[Selection, Select("distribution")] | None = Field(
        default=None,
        description="distribution at time 0; what takes any shape takes the target's",
        examples=["source: gaussian"],
    )
    target: Annotated[Selection, Select("distribution")] = Field(
        description="distribution at time 1: the data to learn", examples=["target: checkerboard"]
    )
    coupling: Annotated[Selection, Select("coupling", "independent")] = Field(
        default=Selection("coupling", "independent"), description="how source and target draws are paired"
    )
    interpolant: Annotated[Selection, Select("interpolant", "linear")] = Field(
        default=Selection("interpolant", "linear"), description="path between a pair of draws"
    )
    latent: Annotated[Selection, Select("latent", "none")] = Field(
        default=Selection("latent", "none"), description="noise added on the way"
    )
    objectives: Annotated[list[Annotated[Selection, Select("objective")]], Field(min_length=1, max_length=100)] = Field(
        default=[Selection("objective", "velocity")], description="losses; each learns one field"
    )
    network: Annotated[NetworkSelection, SelectNetwork("network", "mlp")] = Field(
        default=NetworkSelection("network", "mlp"), description="network; shared: one trunk, a head per objective"
    )
    init: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="folder of a run whose weights training begins with; null: those drawn by the seed",
        examples=["init: runs/digits/20261129-120000-a1b2c3"],
    )
    train: Train = Field(default=Train(), description="how the objectives are minimised")
    sample: Sample = Field(default=Sample(), description="how samples are drawn")
    estimators: Annotated[list[Annotated[Selection, Select("estimator")]], Field(max_length=100)] = Field(
        default=[], description="numbers measured after sampling"
    )
    report: Reports = Field(
        default=True,
        description="reports to write, with their options; true for every installed one, false for none",
        examples=["report: {use: html, dpi: 80}"],
    )
