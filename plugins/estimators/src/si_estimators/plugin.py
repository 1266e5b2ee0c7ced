"""What this plugin offers."""

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-estimators."""
    return [
        Component(
            "estimator",
            "log-likelihood",
            "si_estimators.log_likelihood:LogLikelihood",
            "log rho1(x) = log rho0(X_0) - int div b dt along the ODE",
        ),
        Component(
            "estimator",
            "sliced-wasserstein",
            "si_estimators.sliced_wasserstein:SlicedWasserstein",
            "(E_theta W_p^p(theta.X, theta.Y))^(1/p) of samples and data",
        ),
        Component(
            "estimator",
            "energy-distance",
            "si_estimators.energy_distance:EnergyDistance",
            "2E|X-Y| - E|X-X'| - E|Y-Y'| of samples and data",
        ),
        Component(
            "estimator",
            "mmd",
            "si_estimators.mmd:MaximumMeanDiscrepancy",
            "squared distance of kernel means of samples and data",
        ),
        Component(
            "estimator",
            "excess-loss",
            "si_estimators.excess_loss:ExcessLoss",
            "L[f] - min L = 1/2 E|f - exact|^2 of each learned field",
        ),
    ]
