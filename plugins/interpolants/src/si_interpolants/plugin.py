"""What this plugin offers."""

from si_core import Component, hookimpl


@hookimpl
def si_components() -> list[Component]:
    """The components of si-interpolants."""
    linear, latent, diffusion = "si_interpolants.spatially_linear", "si_interpolants.latents", "si_interpolants.diffusions"
    return [
        Component("interpolant", "linear", f"{linear}:Linear", "alpha = 1-t, beta = t"),
        Component("interpolant", "trigonometric", f"{linear}:Trigonometric", "alpha = cos(pi t/2), beta = sin(pi t/2)"),
        Component(
            "interpolant",
            "variance-matched-trigonometric",
            f"{linear}:VarianceMatchedTrigonometric",
            "trigonometric, scaled by sqrt(1-gamma^2)",
        ),
        Component("interpolant", "encoder-decoder", f"{linear}:EncoderDecoder", "x0 -> noise -> x1, cos^2(pi t) on each half"),
        Component("interpolant", "variance-preserving", f"{linear}:VariancePreserving", "alpha = sqrt(1-t^2), beta = t"),
        Component("latent", "none", f"{latent}:NoLatent", "gamma = 0: flow matching"),
        Component("latent", "brownian", f"{latent}:Brownian", "gamma = sqrt(scale t(1-t))"),
        Component("latent", "quadratic", f"{latent}:Quadratic", "gamma = scale t(1-t)"),
        Component("latent", "sine-squared", f"{latent}:SineSquared", "gamma = scale sin^2(pi t)"),
        Component("latent", "sigmoid-bump", f"{latent}:SigmoidBump", "gamma = a difference of logistic functions"),
        Component("latent", "encoder-decoder", f"{latent}:EncoderDecoderLatent", "gamma = sin^2(pi t) or sqrt(1-cos^4(pi t))"),
        Component("diffusion", "constant", f"{diffusion}:Constant", "epsilon = level"),
        Component("diffusion", "gamma", f"{diffusion}:Gamma", "epsilon = scale gamma(t)"),
        Component("diffusion", "likelihood-optimal", f"{diffusion}:LikelihoodOptimal", "epsilon = D(t) of a one-sided process"),
        Component("diffusion", "sine", f"{diffusion}:Sine", "epsilon = scale sin(pi t)"),
        Component("diffusion", "linear-decay", f"{diffusion}:LinearDecay", "epsilon = scale (1-t)"),
    ]
