"""The plugin's entry: which components it offers."""

from __future__ import annotations

from si_core import Component, hookimpl

__all__ = ["si_components"]


@hookimpl
def si_components() -> list[Component]:
    """Return the components of this plugin."""
    return [
        Component("optimizer", "adam", "si_optimizers.optimizers:Adam", "Adam (arXiv:1412.6980)"),
        Component(
            "optimizer",
            "adamw",
            "si_optimizers.optimizers:AdamW",
            "Adam with decoupled decay (arXiv:1711.05101)",
        ),
        Component("optimizer", "sgd", "si_optimizers.optimizers:SGD", "gradient descent, with momentum"),
        Component("learning-rate", "constant", "si_optimizers.learning_rates:Constant", "1, after a linear warm-up"),
        Component("learning-rate", "cosine", "si_optimizers.learning_rates:Cosine", "half a cosine from 1 to `final`"),
        Component(
            "learning-rate",
            "inverse-square-root",
            "si_optimizers.learning_rates:InverseSquareRoot",
            "1, then falling like one over the root of the steps",
        ),
        Component(
            "learning-rate", "step", "si_optimizers.learning_rates:Step", "times `factor` after every so many steps"
        ),
    ]
