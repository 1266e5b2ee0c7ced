"""A user's own function as a field: what it answers is held to the states, so that nothing is broadcast over them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from si_core.errors import UsageError

__all__ = ["FieldFunction", "UserFunction"]

FieldFunction = Callable[[Tensor, Tensor], Tensor]
"""``f(t, x)`` with t of shape () or (B,) and x of shape (B, *event), per unit of time."""


class UserFunction:
    """A function or module ``f(t, x)`` whose values have the shape, the dtype and the device of x.

    The first call is looked at in full. Of later ones the shapes are compared, at a tenth of a microsecond: torch adds
    (B, 1) to (B, 2) without a word, and has no sum that would not.

    Args:
        name: the field's.
        function: the function.
    """

    def __init__(self, name: str, function: FieldFunction) -> None:
        self.name, self.function, self._seen = name, function, False
        self._first_value: tuple[Tensor, int] | None = None

    def __call__(self, t: Tensor, x: Tensor) -> Tensor:
        """The field, shape of x.

        Raises:
            UsageError: it is no tensor like x, or the first calls change t, x or what they gave before; says what
                to write.
        """
        if not self._seen:
            return self._first(t, x)
        value = self.function(t, x)
        if value.shape != x.shape:
            self._check(value, x)
        if self._first_value is not None:
            self._refuse_buffer(value)
        return value

    def _refuse_buffer(self, value: Tensor) -> None:
        """Refuse a second value that was written over the first: methods keep the values of their stages."""
        first, version = self._first_value or (value, _version(value))
        self._first_value = None
        if value is first and _version(value) != version:
            raise UsageError(
                "each call gives a tensor of its own, and this function writes into the one it gave before",
                where=f"the function for {self.name}",
                got="the same tensor with other numbers",
                fix="return buffer.clone(), or no buffer",
            )

    def _first(self, t: Tensor, x: Tensor) -> Tensor:
        before = _version(t), _version(x)
        value = self.function(t, x)
        if (_version(t), _version(x)) != before:
            raise UsageError(
                "a field leaves t and x as they are, and this function changes them in place",
                where=f"the function for {self.name}",
                got="operations in place, such as x *= 2 or x.clamp_(0)",
                fix="x = x * 2",
            )
        self._check(value, x)
        self._first_value = value, _version(value)
        return value

    def _check(self, value: object, x: Tensor) -> None:
        """Refuse what is no tensor like x: as a part of a drift it would be broadcast, cast, or fail without words."""
        if not isinstance(value, Tensor):
            got, fix = _described(value), "return a tensor, such as torch.as_tensor(value).to(x).expand_as(x)"
        elif value.shape != x.shape:
            again = value.numel() == x.numel()
            got = f"shape {tuple(value.shape)}"
            fix = "return value.reshape(x.shape)" if again else "give each entry of x a value of its own"
        elif value.dtype != x.dtype or value.device != x.device:
            got, fix = f"{value.dtype} on {value.device}", "return value.to(x)"
        else:
            self._seen = True
            return
        raise UsageError(
            "a field has the shape, the dtype and the device of the states, and this function gives another",
            where=f"the function for {self.name}",
            got=got,
            allowed=f"a tensor of shape {tuple(x.shape)}, {x.dtype} on {x.device}, as x is",
            fix=fix,
        )


def _version(x: Tensor) -> int:
    """How often a tensor was changed in place; of those of inference mode nobody counts."""
    return 0 if x.is_inference() else x._version


def _described(value: object) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ + (f" of shape {tuple(shape)}" if isinstance(shape, tuple) else f" {value!r:.40}")
