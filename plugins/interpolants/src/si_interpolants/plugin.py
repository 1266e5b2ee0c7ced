"""What this plugin offers."""

from si_core import Component, hookimpl

_INTERPOLANTS = (
    ("linear", "Linear", "alpha = 1-t, beta = t"),
    ("trigonometric", "Trigonometric", "alpha = cos(pi t/2), beta = sin(pi t/2)"),
    ("variance-matched-trigonometric", "VarianceMatchedTrigonometric", "trigonometric, scaled by sqrt(1-gamma^2)"),
    ("encoder-decoder", "EncoderDecoder", "x0 -> noise -> x1, cos^2(pi t) on each half"),
    ("variance-preserving", "VariancePreserving", "alpha = sqrt(1-t^2), beta = t"),
)
_SCHEDULES = (("vp-beta", "VPBeta", "variance preserving, of diffusion models with a linear beta schedule"),)
_LATENTS = (
    ("none", "NoLatent", "gamma = 0: flow matching"),
    ("constant", "ConstantLatent", "gamma = scale at all times, also at the ends, which are smeared by it"),
    ("brownian", "Brownian", "gamma = sqrt(scale t(1-t))"),
    ("quadratic", "Quadratic", "gamma = scale t(1-t)"),
    ("sine-squared", "SineSquared", "gamma = scale sin^2(pi t)"),
    ("sigmoid-bump", "SigmoidBump", "gamma = a difference of logistic functions"),
    ("wiener", "Wiener", "gamma = scale (1-t) sqrt(t), for forecasts"),
    ("encoder-decoder", "EncoderDecoderLatent", "gamma = sin^2(pi t) or sqrt(1-cos^4(pi t))"),
)
_DIFFUSIONS = (
    ("constant", "Constant", "epsilon = level"),
    ("gamma", "Gamma", "epsilon = scale gamma(t)"),
    ("likelihood-optimal", "LikelihoodOptimal", "epsilon = D(t) of a one-sided process"),
    ("follmer", "Follmer", "epsilon = |gamma^2 beta_dot/beta - gamma gamma_dot|, for a source that is a point"),
    ("sine", "Sine", "epsilon = scale sin(pi t)"),
    ("sine-squared", "SineSquaredLevel", "epsilon = scale sin^2(pi t)"),
    ("cosine-decay", "CosineDecay", "epsilon = (1 + scale cos(pi t))^2/4"),
    ("linear-decay", "LinearDecay", "epsilon = scale (1-t)"),
)
_MEASURED = (("measured", "Measured", "the level that the errors of the trained model ask for"),)
_CLOCKS = (
    ("uniform", "UniformClock", "t = u"),
    ("shift", "ShiftClock", "t = u/(u + shift (1-u)), the timestep shift of rectified flows"),
    ("sine", "SineClock", "t = sin^2(pi u/2), or slower at one end alone"),
)
_FAMILIES = (
    ("interpolant", "spatially_linear", _INTERPOLANTS),
    ("interpolant", "vp_beta", _SCHEDULES),
    ("latent", "latents", _LATENTS),
    ("diffusion", "diffusions", _DIFFUSIONS),
    ("diffusion", "measured", _MEASURED),
    ("clock", "clocks", _CLOCKS),
)


@hookimpl
def si_components() -> list[Component]:
    """The components of si-interpolants."""
    return [
        Component(kind, name, f"si_interpolants.{module}:{target}", summary)
        for kind, module, family in _FAMILIES
        for name, target, summary in family
    ]
