"""What networks of other libraries have in common: images, one time a state, at most one label.

Their times are ours times a scale. A label that is left out is one class more, the last, which is learned where
training leaves labels out (``train.condition_dropout``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from torch import Tensor, nn

from si_core import Condition, ConditionSpec, UsageError, check_condition

__all__ = ["ForeignNetwork", "imported"]


def imported(module: str, name: str, distribution: str, network: str) -> Any:
    """A class of another library.

    Args:
        module: where it is.
        name: of the class.
        distribution: what has to be installed.
        network: the component, for errors.

    Raises:
        UsageError: the library is not installed, or is a release without that class.
    """
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"it needs {distribution}",
            where=network,
            got=f"{type(error).__name__}: {error}"[:200],
            allowed=f"a release with {module}.{name}",
            fix=f"pip install {distribution}",
        ) from error


class ForeignNetwork(nn.Module, ABC):
    """A network of another library on images (C, H, W) or (H, W); a subclass makes and calls it.

    Args:
        shape: the event shape.
        heads: the number of fields predicted, or None for one without an axis of heads.
        conditions: what it is given beside: nothing, or one label.
        time_scale: by which times are multiplied.

    Attributes:
        planes: the channels of an image.
        sides: its height and width.
        classes: how many classes there are, without the one for a label that is left out; None without a label.

    Raises:
        UsageError: events that are no images, or conditions that such networks don't take.
    """

    name: ClassVar[str]
    """Of the component, for errors."""

    def __init__(
        self,
        shape: tuple[int, ...],
        heads: int | None,
        conditions: Mapping[str, ConditionSpec] | None,
        time_scale: float,
    ) -> None:
        super().__init__()
        self.shape, self.heads, self.conditions = tuple(shape), heads, dict(conditions or {})
        if len(self.shape) not in (2, 3):
            got, allowed = f"events of shape {self.shape}", "(C, H, W) or (H, W)"
            raise UsageError("it takes images", where=self.name, got=got, allowed=allowed, fix="network: mlp")
        if isinstance(time_scale, bool) or not isinstance(time_scale, int | float) or not time_scale > 0:
            raise UsageError("no scale of times", where=f"{self.name}: time_scale", got=repr(time_scale), allowed="> 0")
        labels = [spec.classes for spec in self.conditions.values() if spec.classes is not None]
        if len(self.conditions) > 1 or len(labels) < len(self.conditions):
            raise UsageError(
                "it is given one label at most",
                where=self.name,
                got="; ".join(spec.described(name) for name, spec in self.conditions.items()),
                fix="network: unet or transformer, which take any conditions",
            )
        self.planes = self.shape[0] if len(self.shape) == 3 else 1
        self.sides = (self.shape[-2], self.shape[-1])
        self.classes = len(labels[0]) if labels else None
        self.time_scale = float(time_scale)

    @property
    def labels(self) -> int | None:
        """The rows of a table of labels, with that of a label that is left out; None without a label."""
        return None if self.classes is None else self.classes + 1

    @abstractmethod
    def called(self, t: Tensor, x: Tensor, labels: Tensor | None) -> Tensor:
        """Call the network.

        Args:
            t: times in its own units, shape (B,).
            x: images, shape (B, C, H, W).
            labels: the rows of their labels, shape (B,) int64, or None.

        Returns:
            shape (B, heads * C, H, W).
        """

    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None) -> Tensor:
        """The fields at ``(t, x)``.

        Args:
            t: times in [0, 1], shape (B,), or () for one time of all states.
            x: states, shape (B, *event).
            condition: the label by its name, shape (B,) or (1,); -1 for one that is left out.

        Returns:
            shape (B, *event), or (B, heads, *event) where ``heads`` was given.

        Raises:
            UsageError: states of another shape, or a condition that is missing, unknown or misshaped.
        """
        if x.ndim == 0 or x.shape[1:] != self.shape:
            got, allowed = f"x {tuple(x.shape)}", f"(B, {', '.join(map(str, self.shape))})"
            raise UsageError(
                "states of another shape than the network was built for", where=self.name, got=got, allowed=allowed
            )
        check_condition(self.conditions, condition, len(x), self.name)
        labels = None
        for name in self.conditions:
            given = (condition or {})[name].expand(len(x))
            labels = given.where(given >= 0, self.classes)
        times = (self.time_scale * t).expand(len(x))
        output = self.called(times, x.reshape(len(x), self.planes, *self.sides), labels)
        return output.reshape(len(x), *(() if self.heads is None else (self.heads,)), *self.shape)
