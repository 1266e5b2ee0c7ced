"""Two lines are all that a new interpolant needs: a right pair is in conformance, a wrong one is caught at its ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import si_core as si
from si_authoring.testing import check_component

RIGHT = [
    ("(1 - t) ** 2", "t**2"),
    ("1 - t**3", "t"),
    ("torch.cos(0.5 * torch.pi * t)", "torch.sin(0.5 * torch.pi * t)"),
]
WRONG = [("1 - t", "t / 2"), ("t", "1 - t"), ("1 - t / 2", "t")]


def violated(package: Any, here: Callable[[Any], None], alpha: str, beta: str) -> set[str]:
    """The checks that the component breaks once its two lines are replaced."""
    text = package.component.read_text(encoding="utf-8")
    lines = {"        return 1 - t\n": alpha, "        return t\n": beta}
    assert all(text.count(line) == 1 for line in lines)
    for line, new in lines.items():
        text = text.replace(line, f"        return ({new})\n")
    package.component.write_text(text.replace("from torch import Tensor", "import torch\nfrom torch import Tensor"))
    here(package)
    results = check_component("interpolant", si.build("interpolant", "mine"))
    return {result.check for result in results if result.state == "violated"}


@pytest.mark.parametrize(("alpha", "beta"), RIGHT)
def test_right_pairs_conform(alpha: str, beta: str, new: Callable[..., Any], here: Callable[[Any], None]) -> None:
    assert violated(new("interpolant"), here, alpha, beta) == set()


@pytest.mark.parametrize(("alpha", "beta"), WRONG)
def test_wrong_pairs_miss_their_ends(
    alpha: str, beta: str, new: Callable[..., Any], here: Callable[[Any], None]
) -> None:
    assert "ends" in violated(new("interpolant"), here, alpha, beta)
