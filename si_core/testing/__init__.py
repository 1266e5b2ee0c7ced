"""The conformance kit: proof that a component is what its interface says.

    from si_core.testing import InterpolantConformance

    class TestCubic(InterpolantConformance):
        @pytest.fixture
        def component(self):
            return Cubic()

The same checks stand behind ``si check NAME``. Read in this order: :mod:`~si_core.testing.check` (claims and what is
measured), :mod:`~si_core.testing.setting` (inputs), :mod:`~si_core.testing.suite` (a kind's checks),
:mod:`~si_core.testing.common` (those of every kind), one module for each kind, :mod:`~si_core.testing.run` and
:mod:`~si_core.testing.conformance` (running them here and under pytest).
"""

from si_core.testing.check import Check as Check
from si_core.testing.check import Deviations as Deviations
from si_core.testing.check import Measured as Measured
from si_core.testing.check import NotApplicable as NotApplicable
from si_core.testing.check import Violation as Violation
from si_core.testing.check import check as check
from si_core.testing.conformance import ClockConformance as ClockConformance
from si_core.testing.conformance import Conformance as Conformance
from si_core.testing.conformance import CouplingConformance as CouplingConformance
from si_core.testing.conformance import DiffusionConformance as DiffusionConformance
from si_core.testing.conformance import DistributionConformance as DistributionConformance
from si_core.testing.conformance import EstimatorConformance as EstimatorConformance
from si_core.testing.conformance import IntegratorConformance as IntegratorConformance
from si_core.testing.conformance import InterpolantConformance as InterpolantConformance
from si_core.testing.conformance import LatentConformance as LatentConformance
from si_core.testing.conformance import NetworkConformance as NetworkConformance
from si_core.testing.conformance import ObjectiveConformance as ObjectiveConformance
from si_core.testing.conformance import ReportConformance as ReportConformance
from si_core.testing.run import Result as Result
from si_core.testing.run import check_component as check_component
