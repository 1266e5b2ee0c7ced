"""The couplings of transport are what their interface says."""

from __future__ import annotations

import pytest

from si_authoring.testing import CouplingConformance
from si_schrodinger.entropic import Entropic
from si_schrodinger.optimal_transport import OptimalTransport

COMPONENTS = {
    "entropic": lambda: Entropic(0.3),
    "entropic-small": lambda: Entropic(0.001, tolerance=1e-6),
    "entropic-pool": lambda: Entropic(0.3, pool=48, within_classes=False),
    "optimal-transport": lambda: OptimalTransport(),
    "optimal-transport-pool": lambda: OptimalTransport(pool=48, within_classes=False),
}


class TestTransport(CouplingConformance):
    @pytest.fixture(params=COMPONENTS)
    def component(self, request):
        return COMPONENTS[request.param]()
