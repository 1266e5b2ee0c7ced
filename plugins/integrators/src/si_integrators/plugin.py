"""What this plugin offers."""

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-integrators."""
    return [
        Component("integrator", "euler", "si_integrators.euler:Euler", "ODE, order 1"),
        Component("integrator", "midpoint", "si_integrators.midpoint:Midpoint", "ODE, order 2"),
        Component("integrator", "heun", "si_integrators.heun:Heun", "ODE, order 2, the explicit trapezoid"),
        Component("integrator", "rk4", "si_integrators.rk4:RK4", "ODE, order 4, the classical Runge-Kutta method"),
        Component(
            "integrator", "euler-maruyama", "si_integrators.euler_maruyama:EulerMaruyama", "ODE and SDE, weak order 1"
        ),
        Component(
            "integrator",
            "stochastic-heun",
            "si_integrators.stochastic_heun:StochasticHeun",
            "ODE and SDE, weak order 2 for additive noise",
        ),
        Component(
            "integrator",
            "sra1",
            "si_integrators.sra1:SRA1",
            "ODE and SDE, weak order 2 and strong order 1.5 for additive noise",
        ),
        Component(
            "integrator", "edm-heun", "si_integrators.edm_heun:EDMHeun", "ODE and SDE, weak order 1, noise first"
        ),
        Component(
            "integrator",
            "adams-bashforth",
            "si_integrators.adams_bashforth:AdamsBashforth",
            "ODE, order 2 to 4 at one evaluation a step",
        ),
        Component(
            "integrator",
            "exponential",
            "si_integrators.exponential:Exponential",
            "ODE and SDE, exact for the linear part of the drift, order 1 to 4",
        ),
        Component("integrator", "dopri5", "si_integrators.dopri5:Dopri5", "ODE, order 5, adaptive"),
        Component(
            "integrator",
            "adaptive-stochastic-heun",
            "si_integrators.adaptive_stochastic_heun:AdaptiveStochasticHeun",
            "ODE and SDE, weak order 2 for additive noise, adaptive",
        ),
        Component("clock", "fitted", "si_integrators.fitted:Fitted", "equal errors at each step, as measured"),
    ]
