"""Exact fields: an open generic function over the kinds of source, target and coupling.

A plugin that knows a closed form adds a method for its own types:

    @si.exact_fields.method
    def my_fields(source: Mine, target: Mine, coupling: Coupling, process: StochasticInterpolant) -> Fields: ...

The most specific method for the types at hand is called (multiple dispatch).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from si_core.discovery.extensions import import_extensions
from si_core.errors import UsageError
from si_core.fields.base import Fields
from si_core.process.process import StochasticInterpolant

__all__ = ["ExactFields", "exact_fields"]


class ExactFields:
    """The generic function ``exact_fields(process) -> Fields``."""

    def __init__(self) -> None:
        self._extended = False

    @functools.cached_property
    def _function(self) -> Any:
        from plum import Function

        def exact_fields(source: object, target: object, coupling: object, process: object) -> None:
            """Closed-form fields; plugins add the methods."""

        return Function(exact_fields)

    def _open(self) -> Any:
        if not self._extended:
            self._extended = True
            import_extensions()
        return self._function

    def method(self, implementation: Callable[..., Fields]) -> Callable[..., Fields]:
        """Add a method; its annotated parameters are (source, target, coupling, process)."""
        self._function.dispatch(implementation)
        return implementation

    def known(self, process: StochasticInterpolant) -> bool:
        """Whether the fields of a process are known in closed form."""
        from plum import NotFoundLookupError

        if not process.structure.spatially_linear:
            return False
        try:
            self._open().resolve_method((process.source, process.target, process.coupling, process))
        except NotFoundLookupError:
            return False
        return True

    def __call__(self, process: StochasticInterpolant) -> Fields:
        """The closed-form fields of a process.

        Raises:
            UsageError: no closed form is known for these distributions and this coupling.
        """
        if not self.known(process):
            kinds = (type(process.source), type(process.target), type(process.coupling), type(process.interpolant))
            raise UsageError(
                "no closed form is known for the fields of this process",
                got=f"source, target, coupling, interpolant: {', '.join(kind.__name__ for kind in kinds)}",
                fix="use Gaussians or Gaussian mixtures at both ends and a spatially linear interpolant, "
                "or add a method with @si.exact_fields.method",
            )
        return self._function(process.source, process.target, process.coupling, process)  # type: ignore[no-any-return]


exact_fields = ExactFields()
