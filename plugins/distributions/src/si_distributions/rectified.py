"""Rectification: source draws paired with the ends of a trained flow's own paths (arXiv 2209.03003, section 2).

With b the velocity of a finished run, the pairs are ``(x0, X_1)`` where ``dX/dt = b(t, X)``, ``X_0 = x0``: a coupling
of the same two laws, as far as the run has learned them, whose cost ``E|x1 - x0|^2`` is no larger. A flow trained on it
carries each x0 to the same x1 along a straighter path, so that few steps, in the end one, are enough.

The pairs are made once, in blocks and when a block is first drawn from, so that a model is loaded without making all.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from si_core import Coupling, DataError, Distribution, Largest, Model, Pairs, UsageError, build, integrate, load_model
from si_distributions.options import whole
from si_distributions.placement import Placed
from si_distributions.randomness import indices

__all__ = ["Rectified"]

_WHERE = "coupling rectified"
_BLOCK = 512
"""Paths integrated together: each block by itself, so that its digits don't depend on the order of the draws."""

_RECIPES, _WEIGHTS = ("resolved.yaml", "recipe.yaml"), "model.safetensors"
"""The recipe of a run, or else of an exported model."""


class Rectified(Coupling):
    """Draws with replacement from pairs made by the probability-flow ODE of a finished run.

    The pairs are taken from the run's units to those of this process. The conditions of a run with classes go along.
    The recipe's ends should be the laws of the run's: of the target only units and classes are used here.

    Args:
        run: the folder of the run, or of a model that was exported or saved; in a recipe relative to the recipe, in a
            call to the current directory.
        pairs: how many are made.
        steps: of the classical Runge-Kutta method, in the clock of the run's sampling.
        seed: of the source draws and conditions.

    Raises:
        DataError: the folder is no run, or has no trained model.
        UsageError: at the first draw: a run without an ODE, or whose ends have other shapes, laws or classes.
    """

    def __init__(
        self,
        run: Path,
        pairs: Annotated[int, Field(ge=1, le=Largest.POINTS)] = 20_000,
        steps: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 50,
        seed: Annotated[int, Field(ge=0, lt=2**63)] = 0,
    ) -> None:
        self.run = Path(run)
        self.pairs, self.steps = whole(pairs, "pairs", _WHERE, 1), whole(steps, "steps", _WHERE, 1)
        self.seed = whole(seed, "seed", _WHERE, 0)
        self._pool: tuple[Distribution, Distribution, _Pool] | None = None
        _refuse_unfinished(self.run)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the run's recipe and weights: other pairs have another one."""
        digest = hashlib.sha256()
        for path in (_recipe(self.run), self.run / _WEIGHTS):
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Not from draws alone: the pairs are those of the flow."""
        raise UsageError("pairs are drawn together", where=_WHERE, fix="call draw(source, target, n, generator)")

    def draw(
        self, source: Distribution, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        """n pairs, each (n, *shape), with the conditions of their flows, where the run has some.

        Raises:
            UsageError: as for the class.
            NumericsError: a path left the finite numbers.
        """
        if self._pool is None or self._pool[0] is not source or self._pool[1] is not target:
            # Tensors of inference mode could not be used in training.
            with torch.inference_mode(False), torch.no_grad():
                self._pool = (source, target, _Pool(self, source, target))
        return self._pool[2].rows(indices(n, self.pairs, generator))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pool": None}


class _Pool:
    """The pairs in this process's units, on the CPU until all of them are made."""

    def __init__(self, coupling: Rectified, source: Distribution, target: Distribution) -> None:
        model = _trained(coupling.run)
        _refuse_unfit(model, source, target, coupling.run)
        self._run, self._target, self._device = coupling.run, target, torch.device("cpu")
        self._model: Model | None = model
        self._method = build("integrator", "si-integrators/rk4", steps=coupling.steps)
        generator = torch.Generator().manual_seed(coupling.seed)
        self._condition = model.conditions(coupling.pairs, generator)
        self._starts = model.process.source.sample(coupling.pairs, generator)
        self._missing = set(range(-(-coupling.pairs // _BLOCK)))
        x0 = source.encode(model.process.source.decode(self._starts)).to(target.sample(1, torch.Generator()))
        self._x0, self._x1 = Placed(x0), Placed(torch.empty_like(x0))
        self._conditions_of_pairs = {name: Placed(values) for name, values in (self._condition or {}).items()}

    def rows(self, index: Tensor) -> Pairs:
        """Pairs by index with their conditions, on the device of the index."""
        if self._missing:
            for block in self._missing.intersection((index // _BLOCK).unique().tolist()):
                self._make(block, index.device)
            if not self._missing:
                self._model = None
        # Until all are made there are no copies of the table on a device: they would not learn of what is to come.
        at = index.cpu() if self._missing else index
        conditions = {name: values.rows(at).to(index.device) for name, values in self._conditions_of_pairs.items()}
        return Pairs(self._x0.rows(at).to(index.device), self._x1.rows(at).to(index.device), conditions or None)

    def _make(self, block: int, device: torch.device) -> None:
        """Integrate the paths of a block, on the device that asks for it."""
        if self._model is None or device != self._device:
            self._model, self._device = _trained(self._run, device), device
        model, rows = self._model, slice(block * _BLOCK, (block + 1) * _BLOCK)
        x = self._starts[rows].to(device)
        condition = self._condition and {name: v[rows].to(device) for name, v in self._condition.items()}
        with torch.inference_mode(False), torch.no_grad():
            transport = model.transport(epsilon=0.0, start=0.0, stop=1.0, condition=condition)
            end = integrate(transport, x if model.dtype is None else x.to(model.dtype), self._method).final
            self._x1.tensor[rows] = self._target.encode(model.process.target.decode(end)).to(self._x1.tensor)
        self._missing.discard(block)


def _refuse_unfinished(run: Path) -> None:
    if not run.is_dir():
        got = "a file" if run.exists() else "no such folder"
        raise DataError("run must be the folder of a run", where=str(run), got=got, fix="name a folder under runs/")
    if not _recipe(run).is_file():
        got = f"no {_RECIPES[0]} in it"
        raise DataError("the folder is no run", where=str(run), got=got, fix="name the run's folder")
    if not (run / _WEIGHTS).is_file():
        raise DataError(
            "the run has no trained model yet",
            where=str(run),
            got=f"no {_WEIGHTS} in it",
            fix="train it to the end with `si run RECIPE --resume`, then start this one",
        )


def _recipe(run: Path) -> Path:
    return next((run / name for name in _RECIPES if (run / name).is_file()), run / _RECIPES[0])


def _trained(run: Path, device: Any = "cpu") -> Model:
    """The model of a run, or of what si.fit gave."""
    found = load_model(run, device)
    return found if isinstance(found, Model) else found.model


def _refuse_unfit(model: Model, source: Distribution, target: Distribution, run: Path) -> None:
    """Refuse a run that has no ODE, or is not of this process's ends."""
    where, theirs = f"{_WHERE}: {run}", model.process
    if theirs.coupling.source_is_target:
        problem = "the ODE of a mirror comes back to where it started: it pairs every point with itself"
        raise UsageError(problem, where=where, fix="a run from another source")
    try:
        model.transport(epsilon=0.0, start=0.0, stop=1.0)
    except UsageError as error:
        problem = f"the run has no ODE to make pairs with: {error.problem}"
        raise UsageError(problem, where=where, got=error.got, fix="a run that learns the velocity") from error
    for end, own, other in (("source", source, theirs.source), ("target", target, theirs.target)):
        if tuple(own.shape) != tuple(other.shape):
            got = f"{tuple(other.shape)} in the run, {tuple(own.shape)} here"
            raise UsageError(f"the {end} has another event shape than the run's", where=where, got=got)
    if source.standard_normal != theirs.source.standard_normal:
        got = "standard normal " + ("here" if source.standard_normal else "in the run") + " only"
        raise UsageError("the source is another law than the run's", where=where, got=got, fix="give it the run's")
    if _declared(target) != _declared(theirs.target):
        got = f"{_words(theirs.target)} in the run, {_words(target)} here"
        raise UsageError(
            "the target has other conditions than the run's", where=where, got=got, fix="give it the run's"
        )


def _declared(law: Distribution) -> dict[str, tuple[tuple[int, ...], tuple[str, ...] | None]]:
    """What must be equal of conditions: their means and scales may differ."""
    return {name: (spec.shape, spec.classes) for name, spec in law.conditions.items()}


def _words(law: Distribution) -> str:
    return "; ".join(spec.described(name) for name, spec in law.conditions.items()) or "no conditions"
