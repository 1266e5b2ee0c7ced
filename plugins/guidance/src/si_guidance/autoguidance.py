"""Autoguidance: away from the fields of a worse model, towards those of a better one.

    ``f_w(t, x) = f_weak(t, x) + w (f(t, x) - f_weak(t, x))``

for every field f (Karras et al., *Guiding a diffusion model with a bad version of itself*, arXiv:2406.02507). With
weights samples have the law ``rho_weak^(1-w) rho^w / Z`` (:mod:`si_core.fields.mixture_rate`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

import torch
from pydantic import Field

from si_core import (
    DataError,
    Fields,
    Frame,
    Guidance,
    MixedFields,
    Model,
    UsageError,
)
from si_core import load_model as load
from si_core.public.process import fingerprint, largest_deviation
from si_guidance.options import Fraction, checked_fraction, finite

__all__ = ["Autoguidance"]

_WHERE = "autoguidance"
_UNITS = 1e-4
"""In model space, where data have variance 1."""


class Autoguidance(Guidance):
    """``f_weak + weight (f - f_weak)`` for each field f, with f_weak of another run of the same process.

    The worse model has errors of the same sort as the better one, and larger: what they disagree in is what is wrong.
    It was trained for fewer steps, or has a smaller network. Without weights samples have no law that can be named.
    Both models are called, so a sample costs as much as two.

    Args:
        run: the folder of the worse run, or of an exported or saved model; in a recipe relative to it. From Python
            :meth:`of` takes a model.
        weight: w, that of the guided model's own fields; the worse model's have ``1 - w``.
        weights: whether samples are weighted to have exactly the law ``rho_weak^(1-w) rho^w / Z``; their mean weight is
            Z.
        resample_below: with weights: the effective sample size, as a fraction of the samples of one condition, below
            which they are resampled on their way; 0 for never.

    Raises:
        DataError: no such folder.
        UsageError: a weight that is not finite; when it guides: a run of another process, of other conditions, or
            of data in other units.
    """

    def __init__(
        self,
        run: Path,
        weight: Annotated[float, Field(ge=-1e3, le=1e3)] = 2.0,
        weights: bool = False,
        resample_below: Fraction = 0.5,
    ) -> None:
        self.run: Path | None = Path(run)
        if not self.run.is_dir():
            got = "a file" if self.run.exists() else "no such folder"
            raise DataError("run must be the folder of a run", where=str(run), got=got, fix="name a folder under runs/")
        self._set(weight, weights, resample_below)
        self._weak: Model | None = None

    @classmethod
    def of(cls, model: Model, weight: float = 2.0, weights: bool = False, resample_below: float = 0.5) -> Self:
        """Guidance by a model that is at hand."""
        made = cls.__new__(cls)
        made.run, made._weak = None, Model.checked(model)
        made._set(weight, weights, resample_below)
        return made

    def _set(self, weight: float, weights: bool, resample_below: float) -> None:
        self.weight, self.weights = finite(weight, "the weight of guidance", _WHERE), weights
        self.resample_below = checked_fraction(resample_below, "resample_below", _WHERE)

    def guided(self, fields: Fields) -> Fields:
        """The mixed fields."""
        weak = self._model(fields).with_guidance(()).fields
        _refuse_other(fields, weak)
        if fields.condition:
            weak = weak.conditioned(fields.condition)
        return MixedFields(fields, [weak], (self.weight, 1.0 - self.weight), self.weights, self.resample_below)

    def _model(self, fields: Fields) -> Model:
        """The worse model, where the fields are."""
        networks: Any = getattr(fields, "predictor", None)
        parameter = next(networks.parameters(), None) if isinstance(networks, torch.nn.Module) else None
        device = torch.device("cpu") if parameter is None else parameter.device
        if self.run is not None and (self._weak is None or self._weak.device != device):
            found = load(self.run, device)
            self._weak = found if isinstance(found, Model) else found.model
        if self._weak is None:
            raise UsageError("no model to guide by", where=_WHERE)
        return self._weak

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_weak": self._weak if self.run is None else None}


def _refuse_other(fields: Fields, weak: Fields) -> None:
    """Refuse fields of another process.

    Raises:
        UsageError: says what differs.
    """
    own, theirs = fields.process, weak.process
    if own is None or theirs is None:
        raise UsageError("fields of no process", where=_WHERE, fix="give both models their process")
    if tuple(own.shape) != tuple(theirs.shape):
        got = f"{tuple(theirs.shape)} in the worse run, {tuple(own.shape)} here"
        raise UsageError("the worse run has another event shape", where=_WHERE, got=got)
    kinds = [{name: (spec.shape, spec.classes) for name, spec in each.conditions.items()} for each in (own, theirs)]
    if kinds[0] != kinds[1]:
        said = ["; ".join(spec.described(name) for name, spec in each.conditions.items()) for each in (own, theirs)]
        got = f"{said[1] or 'none'} in the worse run, {said[0] or 'none'} here"
        raise UsageError("the worse run has other conditions", where=_WHERE, got=got)
    if not _same_units(own.target.frame, theirs.target.frame):
        raise UsageError(
            "the worse run has its data in other units, so that its fields are not of the same states",
            where=_WHERE,
            got="another mean or scale of the data, or other bounds",
            fix="a run of the same recipe and data, with fewer steps or a smaller network",
        )
    deviation = largest_deviation(fingerprint(theirs), fingerprint(own))
    if deviation is not None:
        raise UsageError(
            "the worse run is of another process",
            where=_WHERE,
            got=deviation.told("in the worse run", "here"),
            fix="a run of the same recipe, with fewer steps or a smaller network",
        )


def _same_units(own: Frame, theirs: Frame) -> bool:
    """Whether model space is the same in both: by the points of data space that three of its points stand for."""
    x = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64).reshape(-1, *(1 for _ in own.shape)).expand(-1, *own.shape)
    return torch.allclose(own.encode(theirs.decode(x)), x, atol=_UNITS)
