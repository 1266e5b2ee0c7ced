"""Features of events: what distances of samples may be measured in, in place of the numbers of events themselves.

Nothing is downloaded: features are those of a network component that is installed, of the network of a run that was
trained here, of a function, or the events themselves, on as many principal axes as are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from si_core import DataError, Model, UsageError
from si_core.public.discovery import KINDS, load, validate_options
from si_estimators.feature_networks import FeatureMap, features_of_component, features_of_run
from si_estimators.options import flat, whole

__all__ = ["FeatureOption", "Features"]

FeatureOption = dict[str, Any] | Callable[[Tensor], Tensor] | None
"""A network by name with its options, ``{use: NAME, ...}``; from Python also a function of states (B, *event)."""


class Features:
    """Options that several estimators share: which features they compare.

    Args:
        where: the estimator's name, for errors.
        features: a network component with its options, called with states in model space; or a function of them.
        run: the folder of a run, or of an exported model, whose network gives them, in its own units.
        layer: the module within the network, by its dotted name, whose output is taken; None for that of the network.
        time: the time that a network is given.
        components: how many principal axes of the features of the reference data they are told on; None for all.
        batch: how many events a network is given at once.

    Raises:
        UsageError: an option out of range, both a network and a run, or no such network.
    """

    def __init__(
        self,
        where: str,
        features: FeatureOption,
        run: Path | None,
        layer: str | None,
        time: float,
        components: int | None,
        batch: int,
    ) -> None:
        if isinstance(features, Mapping):
            features = dict(features)
            if not isinstance(features.get("use"), str):
                raise UsageError(
                    "features name a network", where=f"{where}: features", got=str(features), fix="{use: NAME, ...}"
                )
            options = {key: value for key, value in features.items() if key != "use"}
            # Before training, not after it.
            network = load("network", features["use"])
            validate_options(network, options, f"{where}: features", KINDS["network"].context)
        elif features is not None and not callable(features):
            raise UsageError("features are a network by name, or a function", where=where, got=type(features).__name__)
        if features is not None and run is not None:
            raise UsageError("features of a network or of a run", where=where, got="both", fix="leave one out")
        if layer is not None and run is None and not isinstance(features, dict):
            raise UsageError("only a network has layers", where=f"{where}: layer", got=repr(layer))
        if run is not None and not Path(run).is_dir():
            raise UsageError("no such folder of a run", where=f"{where}: run", got=str(run))
        if not 0 <= time <= 1:
            raise UsageError("a time", where=f"{where}: time", got=time, allowed="in [0, 1]")
        if components is not None:
            whole(components, "components", where)
        self.where, self.features, self.run, self.layer = where, features, run, layer
        self.time, self.components, self.batch = float(time), components, batch

    def of(self, model: Model, *samples: Tensor) -> list[Tensor]:
        """Features of each of some samples (n, *event) in model space, (n, k) in float64.

        Args:
            model: whose model space it is.
            samples: the first of them are the reference data, whose principal axes are taken.

        Raises:
            UsageError: a network that does not take such events, has no such layer, or gives all of them one answer.
            DataError: features that are not finite.
        """
        with torch.no_grad():
            of = self._map(model, samples[0])
            found = [self._rows(of, x) for x in samples]
        self._check_that_they_differ(found[0])
        if self.components is None:
            return found
        return _on_axes(found, self.components, self.where)

    def _map(self, model: Model, like: Tensor) -> FeatureMap:
        if self.run is not None:
            return features_of_run(model, self.run, self.layer, self.time, self.where)
        if isinstance(self.features, dict):
            return features_of_component(self.features, model.process.shape, like, self.layer, self.time, self.where)
        return flat if self.features is None else self.features

    def _rows(self, of: FeatureMap, x: Tensor) -> Tensor:
        found = torch.cat([flat(torch.as_tensor(of(part))).double() for part in x.split(self.batch)])
        if len(found) != len(x):
            raise UsageError("features of each event", where=self.where, got=f"{len(found)} for {len(x)} events")
        if not bool(found.isfinite().all()):
            raise DataError("features that are not finite", where=self.where, got=f"{tuple(found.shape)}")
        return found

    def _check_that_they_differ(self, reference: Tensor) -> None:
        """Refuse a network that tells nothing apart, as untrained ones whose last layer begins at zero do."""
        own = self.features is None and self.run is None
        if own or len(reference) < 2 or not bool((reference == reference[:1]).all()):
            return
        fix = "name a `layer` within it, or a trained network by `run: FOLDER`"
        if self.layer is not None or self.run is not None:
            fix = "another layer, or another network"
        raise UsageError(
            "these features are the same for all events",
            where=f"{self.where}: {'features' if self.run is None else 'run'}",
            got=f"{reference.shape[1]} constant numbers for {len(reference)} events",
            fix=fix,
        )


def _on_axes(samples: list[Tensor], count: int, where: str) -> list[Tensor]:
    """Samples on the first principal axes of the first of them, about its mean."""
    reference = samples[0]
    most = min(reference.shape[1], len(reference) - 1)
    if count > most:
        got = f"{count} for {len(reference)} points of {reference.shape[1]} features"
        raise UsageError("no more axes than data span", where=f"{where}: components", got=got, allowed=f"<= {most}")
    mean = reference.mean(0)
    axes = torch.linalg.svd(reference - mean, full_matrices=False).Vh[:count]
    return [(x - mean) @ axes.T for x in samples]
