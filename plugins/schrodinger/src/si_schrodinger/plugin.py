"""What this plugin offers."""

from si_core import Component, hookimpl

_COMPONENTS = (
    ("coupling", "entropic", "entropic:Entropic", "entropic optimal transport within a batch, by Sinkhorn"),
    ("coupling", "optimal-transport", "optimal_transport:OptimalTransport", "the cheapest pairing of a batch"),
    ("coupling", "markovian", "markovian:Markovian", "pairs of the model's own SDE, refitted between rounds"),
    ("interpolant", "learned", "learned_path:LearnedPath", "(1-t) x0 + t x1 + t(1-t) N(t, x0, x1), N a network"),
    ("interpolant", "learned-linear", "learned_linear:LearnedLinear", "alpha and beta as trained cosine series"),
    (
        "objective",
        "schrodinger-bridge",
        "max_min:SchrodingerBridge",
        "the forward drift, and the path that it is least for",
    ),
    ("distribution", "bridge-target", "bridge_target:BridgeTarget", "the end of a bridge with a mixture as potential"),
    ("estimator", "path-energy", "path_energy:PathEnergy", "int E|b_F|^2 dt along the model's own SDE"),
    ("estimator", "path-kl", "path_energy:PathKL", "KL(paths of the model || Brownian motion from the same start)"),
    ("estimator", "drift-error", "drift_error:DriftError", "distance of the forward drift to the exact bridge's"),
    ("estimator", "coupling-error", "coupling_error:CouplingError", "first and last states against the exact plan"),
    (
        "estimator",
        "bures-wasserstein",
        "bures_wasserstein:BuresWasserstein",
        "moments along the way against the bridge's",
    ),
    ("estimator", "inner-gap", "inner_gap:InnerGap", "whether networks have reached the forward drift of a process"),
    (
        "estimator",
        "cyclic-consistency",
        "cyclic_consistency:CyclicConsistency",
        "pairs of the forward and backward SDE",
    ),
)


@hookimpl
def si_components() -> list[Component]:
    """The components of si-schrodinger."""
    return [Component(kind, name, f"si_schrodinger.{target}", summary) for kind, name, target, summary in _COMPONENTS]


@hookimpl
def si_extensions() -> list[str]:
    """Closed forms between Gaussians."""
    return ["si_schrodinger.exact"]
