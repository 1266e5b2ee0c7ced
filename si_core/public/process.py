"""What components and their checks know of a process: coefficients of fields, widths of ends, whether two are one."""

from __future__ import annotations

from si_core.contract.combine import spread
from si_core.contract.data import Bound
from si_core.fields.noise_level import Epsilon
from si_core.fields.predictor import offers_divergence
from si_core.fields.user_function import FieldFunction
from si_core.process.coefficients import Coefficients, stack
from si_core.process.fingerprint import fingerprint, largest_deviation

__all__ = [
    "Bound",
    "Coefficients",
    "Epsilon",
    "FieldFunction",
    "fingerprint",
    "largest_deviation",
    "offers_divergence",
    "spread",
    "stack",
]
