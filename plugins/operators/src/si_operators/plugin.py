"""The plugin's entry: the kind ``operator``, and which components it offers."""

from __future__ import annotations

from si_core import Component, Kind, hookimpl

__all__ = ["si_components", "si_kinds"]


@hookimpl
def si_kinds() -> list[Kind]:
    """Return the kinds of this plugin."""
    return [
        Kind(
            "operator",
            "si_operators.operator:Operator",
            "a linear map of events: what of them is measured or seen",
            conformance="si_operators.checks:OperatorChecks",
        )
    ]


@hookimpl
def si_components() -> list[Component]:
    """Return the components of this plugin."""
    return [
        Component(
            "operator", "mask", "si_operators.mask:Mask", "entries that are seen: all but a box, pixels, columns"
        ),
        Component("operator", "downsample", "si_operators.downsample:Downsample", "means over squares of pixels"),
        Component("operator", "blur", "si_operators.blur:Blur", "a Gaussian blur along the sides of a picture"),
        Component("operator", "matrix", "si_operators.matrix:Matrix", "a linear map given by a .npy file"),
        Component(
            "coupling",
            "corrupted",
            "si_operators.corrupted:Corrupted",
            "x0 = fill(A x1) + sigma z, with y = A x1 as a condition (arXiv:2310.03725)",
        ),
        Component(
            "coupling",
            "observed",
            "si_operators.observed:Observed",
            "x0 of the source, independent, with y = A x1 as a condition",
        ),
    ]
