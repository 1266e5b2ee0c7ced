"""What a new component of a kind starts with, beside its template: one line about it, and its place in a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["EXAMPLES", "LEARNABLE", "RECIPE", "Example"]

_TRAIN = "{steps: 1500, batch: 512, optimizer: {use: adam, lr: 2e-3}}"


@dataclass(frozen=True)
class Example:
    """The component that the template of a kind makes.

    Args:
        summary: its line in ``si list``.
        use: how the recipe selects it, with ``$selection`` for its name.
        class_itself: whether conformance looks at the class instead of an instance: the builder makes one for a shape.
        arguments: those of the instance that conformance looks at.
        train: the training of the recipe, with ``$selection`` for its name.
        sampling: further keys of the recipe's ``sample``, as they stand in its mapping.
        sections: further keys of the recipe, a line each.
        beside: by kind, what the recipe uses in place of :data:`RECIPE`.
    """

    summary: str
    use: str = "$selection"
    class_itself: bool = False
    arguments: str = ""
    train: str = _TRAIN
    sampling: str = ""
    sections: str = ""
    beside: Mapping[str, str] = field(default_factory=dict)


EXAMPLES: dict[str, Example] = {
    "distribution": Example(
        "a ring in the plane: radius (cos a, sin a) + noise z", "{use: $selection, radius: 2.0, noise: 0.1}"
    ),
    "coupling": Example("pairs by rank: optimal transport of the sums of coordinates"),
    "interpolant": Example("alpha = 1-t, beta = t"),
    # Its gamma has finite slope at the ends, where a constant noise level would need weights without bound.
    "latent": Example("gamma = scale sin(pi t)", "{use: $selection, scale: 0.5}", beside={"diffusion": "gamma"}),
    "objective": Example("learns b = E[dx_t/dt | x_t]", "[$selection, denoiser]"),
    "network": Example("a multilayer perceptron with two hidden layers", "{use: $selection, width: 128}", True),
    "diffusion": Example("epsilon = scale gamma(t)^2", "{use: $selection, scale: 2.0}"),
    "clock": Example("t = 3u^2 - 2u^3"),
    "integrator": Example("Euler-Maruyama: x' = x + h f(t, x) + sqrt(|h|) g(t) w", "{use: $selection, steps: 100}"),
    "estimator": Example("E|X|^2 - E|Y|^2, X of the model and Y of the data", "[$selection, energy-distance]"),
    "report": Example("a page of plain text: report.txt"),
    "optimizer": Example(
        "RMSprop: p - lr g/sqrt(v), v the running square of g",
        train="{steps: 1500, batch: 512, optimizer: {use: $selection, lr: 2e-3}}",
    ),
    "learning-rate": Example(
        "min((n+1)/W, sqrt(W/(n+1))), W steps of warm-up",
        train="{steps: 1500, batch: 512, optimizer: {use: adam, lr: 4e-3}, schedule: {use: $selection, warmup: 200}}",
    ),
    "callback": Example("ends training when the loss is enough", sections="callbacks: {use: $selection, enough: 0.0}"),
    "guidance": Example("b + strength t (1-t) (point - x)", sampling=", guidance: {use: $selection, strength: 1.0}"),
    "exporter": Example("the weights as numpy arrays: weights.npz"),
}
"""By kind, for every kind of the core."""

LEARNABLE: dict[str, Example] = {
    "interpolant": Example(
        "(1-t) x0 + t x1 + t(1-t) N(t, x0, x1), N trained",
        "{use: $selection, width: 64}",
        arguments="(2,)",
        train="{steps: 1500, batch: 512, optimizer: {use: adam, lr: 2e-3}, process: {lr: 1e-3, every: 2, warmup: 300}}",
        beside={"objective": "[{use: schrodinger-bridge, epsilon: 0.5}]"},
    ),
}
"""By kind, for the kinds whose components may have parameters that an objective trains with the networks."""

RECIPE: dict[str, str] = {
    "distribution": "eight-gaussians",
    "coupling": "independent",
    "interpolant": "linear",
    "latent": "brownian",
    "objective": "[velocity, denoiser]",
    "network": "{use: mlp, width: 128, depth: 3}",
    "integrator": "{use: stochastic-heun, steps: 50}",
    "diffusion": "0.5",
    "clock": "auto",
    "estimator": "[energy-distance]",
}
"""By kind, what the recipe uses of the others: built-in components. (A report is written of every run; an exporter is
chosen when a model is exported.)"""
