"""Stochastic interpolants: the core.

``import si_core as si`` gives every public name; each is imported from its home when it is first used, so that
listing what is installed never pays for torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from si_core.contract.bounds import Bounds as Bounds
    from si_core.contract.callback import Callback as Callback
    from si_core.contract.class_names import class_names as class_names
    from si_core.contract.class_names import number_of as number_of
    from si_core.contract.clock import Clock as Clock
    from si_core.contract.clock import SineClock as SineClock
    from si_core.contract.clock import UniformClock as UniformClock
    from si_core.contract.condition import Condition as Condition
    from si_core.contract.condition import ConditionSpec as ConditionSpec
    from si_core.contract.condition import check_classes as check_classes
    from si_core.contract.condition import check_condition as check_condition
    from si_core.contract.coupling import Coupling as Coupling
    from si_core.contract.data import Draw as Draw
    from si_core.contract.data import Estimate as Estimate
    from si_core.contract.data import Pairs as Pairs
    from si_core.contract.data import Trajectory as Trajectory
    from si_core.contract.diffusion import Diffusion as Diffusion
    from si_core.contract.distribution import Distribution as Distribution
    from si_core.contract.drift_parts import DriftFunction as DriftFunction
    from si_core.contract.drift_parts import DriftParts as DriftParts
    from si_core.contract.estimate_line import estimate_line as estimate_line
    from si_core.contract.estimator import Estimator as Estimator
    from si_core.contract.event import Event as Event
    from si_core.contract.exporter import Exporter as Exporter
    from si_core.contract.exporter import RunRecords as RunRecords
    from si_core.contract.frame import Frame as Frame
    from si_core.contract.guidance import Guidance as Guidance
    from si_core.contract.integrator import Integrator as Integrator
    from si_core.contract.interpolant import (
        Interpolant as Interpolant,
    )
    from si_core.contract.interpolant import (
        LinearCoefficients as LinearCoefficients,
    )
    from si_core.contract.interpolant import (
        SpatiallyLinear as SpatiallyLinear,
    )
    from si_core.contract.label_counts import LabelCounts as LabelCounts
    from si_core.contract.largest import Largest as Largest
    from si_core.contract.largest_state import largest_state as largest_state
    from si_core.contract.latent import Latent as Latent
    from si_core.contract.latent import LatentCoefficients as LatentCoefficients
    from si_core.contract.learning_rate import LearningRate as LearningRate
    from si_core.contract.moments import Moments as Moments
    from si_core.contract.objective import FIELDS as FIELDS
    from si_core.contract.objective import LearnedField as LearnedField
    from si_core.contract.objective import Objective as Objective
    from si_core.contract.objective import Regression as Regression
    from si_core.contract.optimizer import Optimizer as Optimizer
    from si_core.contract.problem import LinearPart as LinearPart
    from si_core.contract.problem import Problem as Problem
    from si_core.contract.problem_wrapper import ProblemWrapper as ProblemWrapper
    from si_core.contract.process import Structure as Structure
    from si_core.contract.report import Report as Report
    from si_core.contract.report import RunView as RunView
    from si_core.contract.report import SweepView as SweepView
    from si_core.contract.run import Run as Run
    from si_core.contract.runtime import Runtime as Runtime
    from si_core.contract.schedule import Schedule as Schedule
    from si_core.contract.service import ServiceCallback as ServiceCallback
    from si_core.contract.weights import effective_sample_size as effective_sample_size
    from si_core.contract.weights import resample as resample
    from si_core.contract.weights import resample_alike as resample_alike
    from si_core.discovery.build import build as build
    from si_core.discovery.command import Command as Command
    from si_core.discovery.component import Component as Component
    from si_core.discovery.hooks import hookimpl as hookimpl
    from si_core.discovery.kind import Kind as Kind
    from si_core.discovery.nested import Nested as Nested
    from si_core.errors import (
        DataError as DataError,
    )
    from si_core.errors import (
        NumericsError as NumericsError,
    )
    from si_core.errors import (
        PluginError as PluginError,
    )
    from si_core.errors import (
        RecipeError as RecipeError,
    )
    from si_core.errors import (
        SIError as SIError,
    )
    from si_core.errors import (
        StorageError as StorageError,
    )
    from si_core.errors import (
        UsageError as UsageError,
    )
    from si_core.fields.base import DirectFields as DirectFields
    from si_core.fields.base import Fields as Fields
    from si_core.fields.called import flow_map as flow_map
    from si_core.fields.combined import CombinedFields as CombinedFields
    from si_core.fields.exact import exact_fields as exact_fields
    from si_core.fields.functions import FunctionFields as FunctionFields
    from si_core.fields.learned import LearnedFields as LearnedFields
    from si_core.fields.mixed import MixedFields as MixedFields
    from si_core.fields.parametrisation import Parametrisation as Parametrisation
    from si_core.fields.predictor import Predictor as Predictor
    from si_core.fields.rescheduled import RescheduledFields as RescheduledFields
    from si_core.fields.steered import SteeredFields as SteeredFields
    from si_core.fields.switched import SwitchedFields as SwitchedFields
    from si_core.fields.tilted import TiltedFields as TiltedFields
    from si_core.fields.transformed import TransformedFields as TransformedFields
    from si_core.memory.fit import fit as fit
    from si_core.memory.fitted import Fitted as Fitted
    from si_core.memory.loading import load_model as load_model
    from si_core.models.acceleration.accelerator import Accelerator as Accelerator
    from si_core.models.estimation import estimate as estimate
    from si_core.models.model import Model as Model
    from si_core.models.needs import refuse_beyond_memory as refuse_beyond_memory
    from si_core.models.sampling import sample as sample
    from si_core.process.process import StochasticInterpolant as StochasticInterpolant
    from si_core.recipes.loader import load_recipe as load_recipe
    from si_core.runs.training import train as train
    from si_core.transport.integrate import integrate as integrate
    from si_core.transport.transport import Transport as Transport

_HOMES: dict[str, tuple[str, ...]] = {
    "si_core.contract.class_names": ("class_names", "number_of"),
    "si_core.contract.clock": ("Clock", "SineClock", "UniformClock"),
    "si_core.contract.condition": ("Condition", "ConditionSpec", "check_classes", "check_condition"),
    "si_core.contract.callback": ("Callback",),
    "si_core.contract.coupling": ("Coupling",),
    "si_core.contract.data": ("Draw", "Estimate", "Pairs", "Trajectory"),
    "si_core.contract.estimate_line": ("estimate_line",),
    "si_core.contract.diffusion": ("Diffusion",),
    "si_core.contract.distribution": ("Distribution",),
    "si_core.contract.bounds": ("Bounds",),
    "si_core.contract.frame": ("Frame",),
    "si_core.contract.moments": ("Moments",),
    "si_core.contract.label_counts": ("LabelCounts",),
    "si_core.contract.drift_parts": ("DriftFunction", "DriftParts"),
    "si_core.contract.estimator": ("Estimator",),
    "si_core.contract.exporter": ("Exporter", "RunRecords"),
    "si_core.contract.guidance": ("Guidance",),
    "si_core.contract.integrator": ("Integrator",),
    "si_core.contract.interpolant": ("Interpolant", "LinearCoefficients", "SpatiallyLinear"),
    "si_core.contract.largest": ("Largest",),
    "si_core.contract.largest_state": ("largest_state",),
    "si_core.contract.latent": ("Latent", "LatentCoefficients"),
    "si_core.contract.learning_rate": ("LearningRate",),
    "si_core.contract.objective": ("FIELDS", "LearnedField", "Objective", "Regression"),
    "si_core.contract.optimizer": ("Optimizer",),
    "si_core.contract.problem": ("LinearPart", "Problem"),
    "si_core.contract.problem_wrapper": ("ProblemWrapper",),
    "si_core.contract.process": ("Structure",),
    "si_core.contract.report": ("Report", "RunView", "SweepView"),
    "si_core.contract.run": ("Run",),
    "si_core.contract.runtime": ("Runtime",),
    "si_core.contract.service": ("ServiceCallback",),
    "si_core.contract.weights": ("effective_sample_size", "resample", "resample_alike"),
    "si_core.discovery.build": ("build",),
    "si_core.discovery.command": ("Command",),
    "si_core.discovery.component": ("Component",),
    "si_core.discovery.hooks": ("hookimpl",),
    "si_core.discovery.kind": ("Kind",),
    "si_core.discovery.nested": ("Nested",),
    "si_core.errors": (
        "DataError",
        "NumericsError",
        "PluginError",
        "RecipeError",
        "SIError",
        "StorageError",
        "UsageError",
    ),
    "si_core.fields.called": ("flow_map",),
    "si_core.fields.exact": ("exact_fields",),
    "si_core.fields.functions": ("FunctionFields",),
    "si_core.fields.learned": ("LearnedFields",),
    "si_core.fields.predictor": ("Predictor",),
    "si_core.fields.rescheduled": ("RescheduledFields",),
    "si_core.fields.combined": ("CombinedFields",),
    "si_core.fields.mixed": ("MixedFields",),
    "si_core.fields.steered": ("SteeredFields",),
    "si_core.fields.switched": ("SwitchedFields",),
    "si_core.fields.tilted": ("TiltedFields",),
    "si_core.fields.transformed": ("TransformedFields",),
    "si_core.fields.base": ("DirectFields", "Fields"),
    "si_core.fields.parametrisation": ("Parametrisation",),
    "si_core.process.process": ("StochasticInterpolant",),
    "si_core.contract.schedule": ("Schedule",),
    "si_core.recipes.loader": ("load_recipe",),
    "si_core.models.acceleration.accelerator": ("Accelerator",),
    "si_core.models.model": ("Model",),
    "si_core.models.needs": ("refuse_beyond_memory",),
    "si_core.memory.fit": ("fit",),
    "si_core.memory.fitted": ("Fitted",),
    "si_core.memory.loading": ("load_model",),
    "si_core.models.estimation": ("estimate",),
    "si_core.contract.event": ("Event",),
    "si_core.models.sampling": ("sample",),
    "si_core.runs.training": ("train",),
    "si_core.transport.integrate": ("integrate",),
    "si_core.transport.transport": ("Transport",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'si_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
