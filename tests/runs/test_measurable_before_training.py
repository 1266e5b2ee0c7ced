"""What can't be measured is refused before training, with the place in the recipe."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import si_core as si
from si_core.contract.runtime import Runtime
from si_core.discovery.available import available
from si_core.runs.plan import prepare

pytest.importorskip("si_recipes")

GIVEN = {"posterior-kl": {"simulator": "gaussian-linear"}, "c2st": {"simulator": "gaussian-linear"}}
SMALL = {
    "train": {"steps": 0},
    "sample": {"number": 64, "batch": 64},
    "report": False,
}
MODELS = {
    "an ODE between Gaussians": {"source": "gaussian", "target": {"use": "gaussian", "dim": 2}},
    "an SDE of data": {
        "source": "gaussian",
        "target": "two-moons",
        "latent": "brownian",
        "objectives": ["denoiser"],
        "sample": {**SMALL["sample"], "epsilon": 0.5},
    },
    "a class at a time": {"source": "gaussian", "target": {"use": "digits", "held_out": 0.2}},
    "series of which nothing is held out": {
        "source": "gaussian",
        "target": {"use": "ornstein-uhlenbeck-series", "rows": 50, "held_out": 0.0},
    },
}
ESTIMATORS = {found.component.name for found in available("estimator")}


OF_POINTS = {"reconstruction-error"}
"""These ask for conditions beside their points, which callers may give."""


class _Asked(Exception):
    """The network was called: all that can be told in advance was."""


class Closed(torch.nn.Linear):
    """A network that lets nobody ask it once it is shut."""

    shut = False

    def __init__(self, d: int) -> None:
        super().__init__(d, d)

    def forward(self, t: torch.Tensor, x: torch.Tensor, condition: object = None) -> torch.Tensor:
        if Closed.shut:
            raise _Asked
        return super().forward(x.flatten(1)).reshape(x.shape)


@pytest.mark.parametrize("model", MODELS)
def test_a_refusal_comes_before_training(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever an estimate refuses before it asks a field is refused when the run is planned, and nothing else is."""
    recipe = {**SMALL, **MODELS[model]}
    recipe["network"] = Closed(64 if "digits" in str(recipe) else 1 if "series" in str(recipe) else 2)
    untrained, wrong = si.train(si.load_recipe(recipe)), []
    for name in sorted(ESTIMATORS - OF_POINTS):
        options = GIVEN.get(name, {})
        planned = _refusal(_planned, {**recipe, "estimators": [{"use": name, **options}]})
        with monkeypatch.context() as patched:
            patched.setattr(Closed, "shut", True)
            told = _refusal(si.estimate, untrained, si.build("estimator", name, **options))
        if (planned is None) != (told is None):
            wrong.append(f"{name}: planned {planned!r}, told later {told!r}")
    assert not wrong, "\n".join(wrong)


def _planned(recipe: dict) -> None:
    prepare(si.load_recipe(recipe), Runtime(torch.device("cpu")))


def _refusal(attempt: Callable[..., object], *arguments: object) -> si.SIError | None:
    try:
        attempt(*arguments)
    except (_Asked, si.NumericsError):
        return None
    except si.SIError as error:
        return error
    return None
