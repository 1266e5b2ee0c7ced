"""The conformance kit: proof that a component is what its interface says.

    from si_authoring.testing import InterpolantConformance

    class TestCubic(InterpolantConformance):
        @pytest.fixture
        def component(self):
            return Cubic()

The same checks stand behind ``si check NAME``. Read in this order: :mod:`.check` (claims and what is
measured), :mod:`.setting` (inputs), :mod:`.suite` (a kind's checks),
:mod:`.common` (those of every kind), one module for each kind, :mod:`.run` and
:mod:`.conformance` (running them here and under pytest).
"""

from si_authoring.testing.check import Check as Check
from si_authoring.testing.check import Deviations as Deviations
from si_authoring.testing.check import Measured as Measured
from si_authoring.testing.check import NotApplicable as NotApplicable
from si_authoring.testing.check import Violation as Violation
from si_authoring.testing.check import check as check
from si_authoring.testing.conformance import CallbackConformance as CallbackConformance
from si_authoring.testing.conformance import ClockConformance as ClockConformance
from si_authoring.testing.conformance import Conformance as Conformance
from si_authoring.testing.conformance import CouplingConformance as CouplingConformance
from si_authoring.testing.conformance import DiffusionConformance as DiffusionConformance
from si_authoring.testing.conformance import DistributionConformance as DistributionConformance
from si_authoring.testing.conformance import EstimatorConformance as EstimatorConformance
from si_authoring.testing.conformance import ExporterConformance as ExporterConformance
from si_authoring.testing.conformance import GuidanceConformance as GuidanceConformance
from si_authoring.testing.conformance import IntegratorConformance as IntegratorConformance
from si_authoring.testing.conformance import InterpolantConformance as InterpolantConformance
from si_authoring.testing.conformance import LatentConformance as LatentConformance
from si_authoring.testing.conformance import LearningRateConformance as LearningRateConformance
from si_authoring.testing.conformance import NetworkConformance as NetworkConformance
from si_authoring.testing.conformance import ObjectiveConformance as ObjectiveConformance
from si_authoring.testing.conformance import OptimizerConformance as OptimizerConformance
from si_authoring.testing.conformance import ReportConformance as ReportConformance
from si_authoring.testing.run import Result as Result
from si_authoring.testing.run import check_component as check_component
from si_authoring.testing.setting import Output as Output
from si_authoring.testing.setting import Setting as Setting
from si_authoring.testing.suite import Suite as Suite
