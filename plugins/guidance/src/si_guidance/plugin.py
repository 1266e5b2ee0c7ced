"""The plugin's entry: which components it offers."""

from __future__ import annotations

from si_core import Component, Kind, hookimpl

__all__ = ["si_components", "si_kinds"]


@hookimpl
def si_components() -> list[Component]:
    """Return the components of this plugin."""
    return [
        Component(
            "guidance",
            "classifier-free",
            "si_guidance.classifier_free:ClassifierFree",
            "f(x, none) + weight (f(x, c) - f(x, none)), of one model (arXiv:2207.12598)",
        ),
        Component(
            "guidance",
            "autoguidance",
            "si_guidance.autoguidance:Autoguidance",
            "f_weak + weight (f - f_weak), away from a worse run (arXiv:2406.02507)",
        ),
        Component(
            "guidance",
            "reward",
            "si_guidance.reward:RewardGuidance",
            "the law times e^{r(x)}, for any reward that can be differentiated",
        ),
        Component(
            "guidance",
            "measurement",
            "si_guidance.measurement:Measurement",
            "the law given y = A x + noise, through the target denoiser (arXiv:2209.14687)",
        ),
        Component("reward", "linear-reward", "si_guidance.rewards:Linear", "sum_i a_i x_i"),
        Component("reward", "quadratic-reward", "si_guidance.rewards:Quadratic", "-|x - point|^2 / (2 width^2)"),
        Component(
            "estimator", "log-evidence", "si_guidance.log_evidence:LogEvidence", "log mean weight of guided samples"
        ),
    ]


@hookimpl
def si_kinds() -> list[Kind]:
    """Return the kinds of this plugin."""
    return [
        Kind(
            "reward",
            "si_guidance.rewards:Reward",
            "what guidance gives samples more of",
            conformance="si_guidance.checks:RewardChecks",
        )
    ]
