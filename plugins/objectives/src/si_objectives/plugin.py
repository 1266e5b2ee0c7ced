"""What this plugin offers."""

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-objectives."""
    home = "si_objectives.regression"
    return [
        Component("objective", "velocity", f"{home}:Velocity", "learns b = E[dx_t/dt | x_t]"),
        Component("objective", "interpolant-velocity", f"{home}:InterpolantVelocity", "learns v = E[dI/dt | x_t]"),
        Component("objective", "score", f"{home}:Score", "learns s = grad log rho"),
        Component("objective", "denoiser", f"{home}:Denoiser", "learns E[z | x_t]"),
        Component("objective", "source-denoiser", f"{home}:SourceDenoiser", "learns E[x0 | x_t]"),
        Component("objective", "target-denoiser", f"{home}:TargetDenoiser", "learns E[x1 | x_t]"),
    ]
