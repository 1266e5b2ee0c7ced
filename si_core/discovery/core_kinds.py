"""The core's own kinds of component, in the order in which a recipe uses them: entries of the table like any other."""

from __future__ import annotations

from si_core.discovery.kind import Kind

__all__ = ["CORE_KINDS", "RECIPE_KEYS"]

CORE_KINDS: tuple[Kind, ...] = (
    Kind(
        "distribution",
        "si_core.contract.distribution:Distribution",
        "a density or data set to start from or to reach",
        ("default_shape",),
    ),
    Kind("coupling", "si_core.contract.coupling:Coupling", "how source and target draws are paired"),
    Kind(
        "interpolant",
        "si_core.contract.interpolant:Interpolant",
        "the path I(t, x0, x1) between a pair",
        ("latent", "shape"),
    ),
    Kind("latent", "si_core.contract.latent:Latent", "the size gamma(t) of the noise added on the way"),
    Kind("objective", "si_core.contract.objective:Objective", "the loss whose minimiser is a field"),
    Kind(
        "network",
        "torch.nn:Module",
        "a network forward(t, x, condition)",
        ("shape", "heads", "conditions", "two_times", "process", "fields", "parametrisation"),
    ),
    Kind(
        "diffusion",
        "si_core.contract.diffusion:Diffusion",
        "the noise level epsilon(t) of sampling",
        ("interpolant", "latent"),
    ),
    Kind(
        "clock",
        "si_core.contract.clock:Clock",
        "the time in which sampling takes its steps",
        ("interpolant", "latent", "own"),
    ),
    Kind("integrator", "si_core.contract.integrator:Integrator", "the method that solves an ODE or SDE"),
    Kind("estimator", "si_core.contract.estimator:Estimator", "a number measured on a model, with its error"),
    Kind("report", "si_core.contract.report:Report", "what a person looks at when a run has ended"),
    Kind(
        "optimizer",
        "si_core.contract.optimizer:Optimizer",
        "how a step of training follows from gradients",
    ),
    Kind(
        "learning-rate",
        "si_core.contract.learning_rate:LearningRate",
        "the learning rate over the steps, as a factor of the optimizer's",
    ),
    Kind("guidance", "si_core.contract.guidance:Guidance", "how the fields of a model are changed before it samples"),
    Kind("exporter", "si_core.contract.exporter:Exporter", "a form in which a trained model is written for elsewhere"),
    Kind(
        "callback",
        "si_core.contract.callback:Callback",
        "what watches a run and may end its training",
        ("recipe", "process", "fields", "shape", "runtime"),
        section="callbacks",
        many=True,
    ),
)

RECIPE_KEYS = frozenset(
    {
        *("extends", "base", "schema", "title", "meta", "seed", "source", "target", "coupling", "interpolant"),
        *("latent", "objectives", "network", "init", "train", "sample", "estimators", "report"),
    }
)
"""Top-level keys of recipes that are the core's, and so no plugin's section; the rest of a recipe knows them as well
(:mod:`si_core.recipes.schema`), and a test holds the two together."""
