"""What this plugin offers."""

from si_core import Component, hookimpl

_ESTIMATORS = {
    "log-likelihood": (
        "log_likelihood:LogLikelihood",
        "log rho1(x) = log rho0(X_0) - int div b dt along the ODE",
    ),
    "sde-log-likelihood": (
        "sde_log_likelihood:SDELogLikelihood",
        "lower bound E log w of the SDE's log-density, by Girsanov's weights of paths run the other way",
    ),
    "feynman-kac": (
        "feynman_kac:FeynmanKac",
        "lower bound of the SDE's log-density by the Feynman-Kac formula, for reference",
    ),
    "cross-entropy": (
        "cross_entropy:CrossEntropy",
        "-E log rho_hat(x) of data: exact for the ODE, an upper bound for the SDE",
    ),
    "kl-bound": (
        "kl_bound:KLBound",
        "upper bound of KL(rho | rho_hat) of the SDE from the errors of its fields",
    ),
    "gaussian-kl": (
        "gaussian_kl:GaussianKL",
        "exact KL(rho | rho_hat) of affine drifts between Gaussians, by their moments",
    ),
    "optimal-epsilon": (
        "optimal_epsilon:OptimalEpsilon",
        "noise level of the least kl-bound: sqrt(dL_b/dL_s), and over time",
    ),
    "fisher-divergence": (
        "fisher_divergence:FisherDivergence",
        "E|s_hat - s|^2 of the score, or of the density of the ODE, where exact fields are known",
    ),
    "wasserstein": (
        "wasserstein:Wasserstein",
        "W_p of samples and data by an optimal assignment",
    ),
    "sliced-wasserstein": (
        "sliced_wasserstein:SlicedWasserstein",
        "(E_theta W_p^p(theta.X, theta.Y))^(1/p) of samples and data",
    ),
    "energy-distance": (
        "energy_distance:EnergyDistance",
        "2E|X-Y| - E|X-X'| - E|Y-Y'| of samples and data",
    ),
    "mmd": (
        "mmd:MaximumMeanDiscrepancy",
        "squared distance of kernel means of samples and data",
    ),
    "marginal-kl": (
        "marginal_kl:MarginalKL",
        "KL of the first two coordinates of data and samples, by kernel densities",
    ),
    "frechet-distance": (
        "frechet_distance:FrechetDistance",
        "|m_X - m_Y|^2 + tr(C_X + C_Y - 2(C_X C_Y)^(1/2)) of features of samples and data",
    ),
    "kernel-distance": (
        "kernel_distance:KernelDistance",
        "squared distance of polynomial kernel means of features of samples and data",
    ),
    "precision-recall": (
        "precision_recall:PrecisionRecall",
        "fraction of samples near data, and of data near samples, by nearest neighbours of features",
    ),
    "classifier-accuracy": (
        "classifier_accuracy:ClassifierAccuracy",
        "fraction of samples that a classifier fitted to the data labels as asked",
    ),
    "reconstruction-error": (
        "reconstruction_error:ReconstructionError",
        "E |X - x1|^2 per entry, of samples X given what is known of held-out x1",
    ),
    "excess-loss": (
        "excess_loss:ExcessLoss",
        "L[f] - min L = 1/2 E|f - exact|^2 of each learned field",
    ),
}


@hookimpl
def si_components() -> list[Component]:
    """The components of si-estimators."""
    return [
        Component("estimator", name, f"si_estimators.{target}", summary)
        for name, (target, summary) in _ESTIMATORS.items()
    ]
