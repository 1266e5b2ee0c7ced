"""How a wrong component is shown to be rejected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from si_authoring.testing import Result, check_component
from si_authoring.testing.run import run_check
from si_authoring.testing.suite import suite

Rejected = Callable[[str, Any, str, str], Result]


@pytest.fixture
def rejected() -> Rejected:
    """``rejected(kind, component, check, words)``: that check is violated, and its message has these words."""

    def reject(kind: str, component: Any, check: str, words: str) -> Result:
        (meant,) = [each for each in suite(kind).checks if each.name == check]
        found = run_check(meant, component)
        if found.state != "violated":
            others = {result.check: result for result in check_component(kind, component)}
            pytest.fail(f"{check} lets it pass; violated: {violated(others)}")
        assert words in found.message, found.message
        return found

    return reject


@pytest.fixture
def accepted() -> Callable[[str, Any], None]:
    """``accepted(kind, component)``: no check is violated."""

    def accept(kind: str, component: Any) -> None:
        assert violated({result.check: result for result in check_component(kind, component)}) == {}

    return accept


def violated(results: dict[str, Result]) -> dict[str, str]:
    return {name: result.message for name, result in results.items() if result.state == "violated"}
