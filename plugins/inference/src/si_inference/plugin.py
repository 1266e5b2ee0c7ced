"""What this plugin offers."""

from pathlib import Path

from si_core import Component, Kind, hookimpl

_COMPONENTS = (
    (
        "simulator",
        "gaussian-linear",
        "simulators.gaussian_linear:GaussianLinear",
        "a Gaussian about Gaussian parameters",
    ),
    ("simulator", "two-moons", "simulators.two_moons:TwoMoons", "a posterior of two thin crescents"),
    ("simulator", "slcp", "simulators.slcp:Slcp", "a simple likelihood, a posterior of four modes"),
    ("distribution", "simulations", "simulations:Simulations", "parameters given observations, simulated or of files"),
    ("estimator", "c2st", "c2st:C2st", "accuracy of a classifier that tells samples from those of the posterior"),
    ("estimator", "calibration", "calibration:Calibration", "ranks of true parameters, coverage, TARP"),
    ("estimator", "posterior-kl", "posterior_kl:PosteriorKl", "E log p(theta|x)/q(theta|x), where p is known"),
)


@hookimpl
def si_kinds() -> list[Kind]:
    """Simulators, which a distribution and estimators are made of."""
    summary = "a prior of parameters, and observations given parameters"
    checks = "si_inference.checks:SimulatorChecks"
    return [Kind("simulator", "si_inference.simulator:Simulator", summary, conformance=checks)]


@hookimpl
def si_components() -> list[Component]:
    """The components of si-inference."""
    return [Component(kind, name, f"si_inference.{target}", summary) for kind, name, target, summary in _COMPONENTS]


@hookimpl
def si_recipes() -> Path:
    """The folder of recipes."""
    return Path(__file__).parent / "recipes"
