"""Conformance as pytest classes: one to inherit for each kind, and one fixture to write.

    class TestCubic(InterpolantConformance):
        @pytest.fixture
        def component(self):
            return Cubic()

Each check of the kind is a test of its own. A check that is known to fail is named with its reason in
``known_failures``; when it comes to hold, the test fails until the name is taken out again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from si_authoring.testing.check import Check
from si_authoring.testing.run import Result, run_check
from si_authoring.testing.suite import suite

__all__ = [
    "CallbackConformance",
    "ClockConformance",
    "Conformance",
    "CouplingConformance",
    "DiffusionConformance",
    "DistributionConformance",
    "EstimatorConformance",
    "ExporterConformance",
    "GuidanceConformance",
    "IntegratorConformance",
    "InterpolantConformance",
    "LatentConformance",
    "LearningRateConformance",
    "NetworkConformance",
    "ObjectiveConformance",
    "OptimizerConformance",
    "ReportConformance",
]


class Conformance:
    """The checks of a kind as tests of the fixture ``component``."""

    kind: ClassVar[str]
    """The kind of the component."""

    known_failures: ClassVar[Mapping[str, str]] = {}
    """Checks that are known to fail, with the reason."""

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """One test for each check."""
        if "check" in metafunc.fixturenames:
            checks = suite(self.kind).checks
            unknown = set(self.known_failures) - {each.name for each in checks}
            if unknown:
                raise ValueError(f"known_failures names no check of {self.kind}: {', '.join(sorted(unknown))}")
            metafunc.parametrize("check", checks, ids=[each.name for each in checks])

    def test_conformance(self, component: Any, check: Check) -> None:
        """The claim of the check holds."""
        import pytest

        result = run_check(check, component)
        known = self.known_failures.get(check.name)
        if result.state == "not applicable":
            pytest.skip(result.message)
        if known is not None:
            if result.state == "holds":
                pytest.fail(f"{check.name} holds: take it out of known_failures ({known})", pytrace=False)
            pytest.xfail(known)
        if result.state == "violated":
            pytest.fail(failure(result), pytrace=False)


def failure(result: Result) -> str:
    """A violated check in words: the claim, what is wrong, by how much and where."""
    lines = [f"{result.check}: {result.claim}", f"  {result.message}"]
    if result.measured is not None:
        measured = result.measured
        place = f" at {measured.where}" if measured.where else ""
        lines.append(f"  off by {measured.deviation:.3g}{place}; allowed {measured.allowed:.3g}")
    return "\n".join(lines)


class DistributionConformance(Conformance):
    """The checks of a distribution."""

    kind = "distribution"


class CouplingConformance(Conformance):
    """The checks of a coupling."""

    kind = "coupling"


class InterpolantConformance(Conformance):
    """The checks of an interpolant."""

    kind = "interpolant"


class LatentConformance(Conformance):
    """The checks of a latent."""

    kind = "latent"


class ObjectiveConformance(Conformance):
    """The checks of an objective."""

    kind = "objective"


class NetworkConformance(Conformance):
    """The checks of a network; the fixture returns its class, or a function of its shape that makes one."""

    kind = "network"


class DiffusionConformance(Conformance):
    """The checks of a diffusion schedule."""

    kind = "diffusion"


class ClockConformance(Conformance):
    """The checks of a clock."""

    kind = "clock"


class IntegratorConformance(Conformance):
    """The checks of an integrator."""

    kind = "integrator"


class EstimatorConformance(Conformance):
    """The checks of an estimator."""

    kind = "estimator"


class ReportConformance(Conformance):
    """The checks of a report."""

    kind = "report"


class OptimizerConformance(Conformance):
    """The checks of an optimizer."""

    kind = "optimizer"


class LearningRateConformance(Conformance):
    """The checks of a learning rate."""

    kind = "learning-rate"


class GuidanceConformance(Conformance):
    """The checks of a guidance."""

    kind = "guidance"


class ExporterConformance(Conformance):
    """The checks of an exporter."""

    kind = "exporter"


class CallbackConformance(Conformance):
    """The checks of a callback."""

    kind = "callback"
