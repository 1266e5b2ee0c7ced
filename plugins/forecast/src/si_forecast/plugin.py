"""The plugin's entry: what it offers."""

from __future__ import annotations

from pathlib import Path

from si_core import Command, Component, hookimpl

__all__ = ["si_commands", "si_components", "si_recipes"]

_COMPONENTS = (
    ("distribution", "series", "data.series:Series", "series on file, with past states, static fields, the calendar"),
    (
        "distribution",
        "ornstein-uhlenbeck-series",
        "simulated.ornstein_uhlenbeck:OrnsteinUhlenbeckSeries",
        "dX = -theta X dt + sigma dW, sampled exactly, whose forecasts are known",
    ),
    (
        "distribution",
        "lorenz-series",
        "simulated.lorenz:LorenzSeries",
        "the stochastic Lorenz system, dX = f(X) dt + sigma dW",
    ),
    ("distribution", "sample-series", "simulated.sample_series:SampleSeries", "a real series of matplotlib: stocks"),
    (
        "coupling",
        "consecutive",
        "couplings.consecutive:Consecutive",
        "x0 is the present state, x1 the one that follows (arXiv:2403.13724)",
    ),
    ("estimator", "crps", "estimators.crps:Crps", "continuous ranked probability score of roll-outs, by lead"),
    (
        "estimator",
        "spread-skill",
        "estimators.spread_skill:SpreadSkill",
        "spread of members over the error of their mean",
    ),
    ("estimator", "coverage", "estimators.coverage:Coverage", "how often central intervals hold what came"),
    (
        "estimator",
        "rank-histogram",
        "estimators.rank_histogram:RankHistogram",
        "ranks of what came among the members, and whether they are uniform",
    ),
)


@hookimpl
def si_components() -> list[Component]:
    """Return the components of this plugin."""
    return [Component(kind, name, f"si_forecast.{target}", summary) for kind, name, target, summary in _COMPONENTS]


@hookimpl
def si_commands() -> list[Command]:
    """Return the commands of this plugin."""
    return [Command("forecast", "si_forecast:command", "roll a model of a series out: members, lead times")]


@hookimpl
def si_recipes() -> Path:
    """The folder of recipes."""
    return Path(__file__).parent / "recipes"
