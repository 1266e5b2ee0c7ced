"""Frames: what a model needs of an end without its data.

The units, names and layout of events, which a model keeps (:mod:`si_core.models.ends`): so samples of a finished run
come in the units it was trained in, whatever became of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from si_core.contract.bounds import Bounds
from si_core.contract.label_counts import LabelCounts
from si_core.errors import DataError

__all__ = ["Frame"]

_LOSS = 1e-5
"""Of the spread: where rounding takes more, data come in float64."""


@dataclass(frozen=True, eq=False)
class Frame:
    """``data = shift + scale * model``, entry by entry, and what the entries are.

    Where entries have bounds, that is the number without bounds which stands for them: ``data = y(shift + scale *
    model)``, y the map of :class:`.Bounds`.

    Args:
        shape: the event shape.
        shift: broadcasts to the event; kept in float64.
        scale: positive, broadcasts to the event; kept in float64.
        columns: the names of the entries of an event (d,), as the user's file has them.
        pixels: the values of black and white in data space, for events (channels, height, width) that are images.
        labels: how often the classes occur together, where all conditions are labels.
        bounds: between which data lie; None for none.

    Raises:
        DataError: a shift or scale that is not finite, a scale that is not positive, or shapes that don't fit.
    """

    shape: tuple[int, ...]
    shift: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))
    scale: Tensor = field(default_factory=lambda: torch.ones((), dtype=torch.float64))
    columns: tuple[str, ...] | None = None
    pixels: tuple[float, float] | None = None
    labels: LabelCounts | None = None
    bounds: Bounds | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        for name in ("shift", "scale"):
            value = torch.as_tensor(getattr(self, name), dtype=torch.float64).detach().cpu()
            object.__setattr__(self, name, value)
            if not bool(torch.isfinite(value).all()) or (name == "scale" and not bool((value > 0).all())):
                bad = value[~(torch.isfinite(value) & (value > 0 if name == "scale" else True))]
                allowed = "finite numbers" + (" above 0" if name == "scale" else "")
                raise DataError(f"the {name} of a frame", got=float(bad.flatten()[0]), allowed=allowed)
            self._fits(value, name)
        if self.bounds is not None:
            self._fits(self.bounds.lower, "bounds")
        if self.columns is not None:
            object.__setattr__(self, "columns", tuple(map(str, self.columns)))
            if self.shape != (len(self.columns),):
                got = f"{len(self.columns)} names for events {self.shape}"
                raise DataError("the columns of a frame", got=got, allowed="one name for each entry of an event (d,)")

    def _fits(self, value: Tensor, name: str) -> None:
        try:
            value.expand(self.shape)
        except RuntimeError as error:
            raise DataError(
                f"the {name} of a frame", got=f"shape {tuple(value.shape)}", allowed=f"that of events {self.shape}"
            ) from error

    @cached_property
    def identity(self) -> bool:
        """Whether data space is model space."""
        return self.bounds is None and not self._moved

    @cached_property
    def _moved(self) -> bool:
        return bool((self.shift != 0).any() or (self.scale != 1).any())

    def log_volume_at(self, x: Tensor) -> Tensor:
        """``log |d data/d model|`` at x (B, *shape) in model space, shape (B,), float64.

        It makes densities of data space of those of model space, ``log p_data = log p_model - log_volume_at(x)``: the
        sum of ``log scale``, the same everywhere, and where there are bounds of ``log dy/du``.
        """
        shift, scale = (value.to(x.device) for value in (self.shift, self.scale))
        constant = scale.log().expand(self.shape).sum()
        if self.bounds is None:
            return constant.expand(len(x))
        return constant + self.bounds.log_derivative(shift + scale * x.double()).flatten(1).sum(1)

    def inside(self, data: Tensor) -> Tensor:
        """Which events (B, *shape) of data space lie strictly within the bounds, shape (B,)."""
        if self.bounds is None:
            return torch.ones(len(data), dtype=torch.bool, device=data.device)
        return self.bounds.inside(data.double())

    def encode(self, data: Tensor) -> Tensor:
        """Data space to model space, (B, *shape), in the dtype of the data; float64 for other than floating point.

        Raises:
            DataError: points that do not lie within the bounds, for which there is none.
        """
        if not data.is_floating_point():
            data = data.double()
        if self.identity:
            return data
        self._refuse_outside(data)
        exact, shift, scale = self._in(data)
        free = exact if self.bounds is None else self.bounds.free(exact)
        return ((free - shift) / scale).to(data.dtype)

    def _refuse_outside(self, data: Tensor) -> None:
        if self.bounds is None:
            return
        outside = ~self.inside(data)
        if not bool(outside.any()):
            return
        first = int(outside.nonzero()[0])
        lower, upper = (end.expand(self.shape) for end in (self.bounds.lower, self.bounds.upper))
        point = data[first].double().cpu()
        place = tuple(int(k) for k in (~((point > lower) & (point < upper))).nonzero()[0])
        name = self.columns[place[0]] if self.columns is not None else f"entry {place[0] if len(place) == 1 else place}"
        raise DataError(
            "points outside the bounds of their units",
            got=f"{int(outside.sum())} of {len(data)}, the first in row {first}: {name} = {float(point[place]):g}",
            allowed=f"between {float(lower[place]):g} and {float(upper[place]):g}",
            fix="their density is 0: leave them out",
        )

    def decode(self, x: Tensor) -> Tensor:
        """Model space to data space, (B, *shape), in the dtype of :meth:`dtype_of` that of x."""
        if self.identity:
            return x
        exact, shift, scale = self._in(x)
        free = shift + scale * exact
        return free if self.bounds is None else self.bounds.bounded(free)

    def dtype_of(self, dtype: torch.dtype) -> torch.dtype:
        """The dtype of data: that of model space, or float64 where rounding takes a hundred-thousandth of the scale.

        So it does beside a bound.
        """
        if self.bounds is not None:
            return torch.float64
        return torch.float64 if torch.finfo(dtype).eps * self._offset > _LOSS else dtype

    def _in(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x, the shift and the scale in the dtype of data, on the device of x."""
        dtype = self.dtype_of(x.dtype)
        return tuple(value.to(x.device, dtype) for value in (x, self.shift, self.scale))  # type: ignore[return-value]

    @cached_property
    def _offset(self) -> float:
        """The largest shift in units of its scale."""
        return float((self.shift.abs() / self.scale).max())

    def plain(self) -> dict[str, Any]:
        """The frame as plain data, exact."""
        found: dict[str, Any] = {
            "shape": list(self.shape),
            "shift": self.shift.tolist(),
            "scale": self.scale.tolist(),
        }
        if self.columns is not None:
            found["columns"] = list(self.columns)
        if self.pixels is not None:
            found["pixels"] = list(self.pixels)
        if self.labels is not None:
            found["labels"] = self.labels.plain()
        if self.bounds is not None:
            found["bounds"] = self.bounds.plain()
        return found

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Frame:
        """The frame that :meth:`plain` wrote.

        Raises:
            DataError: as for the class.
            KeyError, TypeError, ValueError: it is none.
        """
        columns, pixels, labels = plain.get("columns"), plain.get("pixels"), plain.get("labels")
        bounds = plain.get("bounds")
        return cls(
            tuple(int(size) for size in plain["shape"]),
            torch.tensor(plain["shift"], dtype=torch.float64),
            torch.tensor(plain["scale"], dtype=torch.float64),
            None if columns is None else tuple(columns),
            None if pixels is None else (float(pixels[0]), float(pixels[1])),
            None if labels is None else LabelCounts.of_plain(labels),
            None if bounds is None else Bounds.of_plain(bounds),
        )
