"""Contrast by WCAG 2.2: 4.5 for text on every ground of the page in light, dark and print, 3 for lines of pictures."""

from __future__ import annotations

import itertools
import re
from importlib.resources import files

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from si_report.pictures.palette import SAMPLES, SETS, SOURCE, TARGET, contrast, ink_on, level_map, time_map

CSS = files("si_report.page").joinpath("page.css").read_text(encoding="utf-8")
THEMES = [dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{([^}]*)\}", CSS)]


def test_the_contrast_of_known_pairs():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    # Examples of the Web Accessibility Initiative: the lightest greys that pass at 4.5 and at 3.
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
    assert contrast("#949494", "#ffffff") == pytest.approx(3.03, abs=0.005)


def test_text_is_legible_in_every_theme():
    light, dark, paper = THEMES
    for theme in (light, light | dark, light | paper):
        for ink, ground in itertools.product(("ink", "soft"), ("paper", "card", "code")):
            assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)
        assert contrast(theme["accent"], theme["paper"]) >= 4.5


def test_colours_are_those_of_the_theme():
    body = re.sub(r":root \{[^}]*\}", "", CSS)
    # The ground of pictures is paper in either theme, and the edge of a note is no text.
    assert set(re.findall(r"#[0-9a-f]{3,6}", body)) == {"#ffffff", "#d55e00"}


@pytest.mark.parametrize("colour", [*SETS, SOURCE, SAMPLES, TARGET, *(time_map()(k / 8) for k in range(9))], ids=str)
def test_lines_stand_out_from_paper_as_it_is_and_dimmed(colour):
    (dimmed,) = map(float, re.findall(r"brightness\(([\d.]+)\)", CSS))
    for share in (1.0, dimmed):
        assert contrast([share * part for part in to_rgb(colour)], [share] * 3) >= 3


def test_numbers_on_a_map_are_legible():
    for level in np.linspace(0, 1, 101):
        colour = level_map()(level)
        assert contrast(ink_on(colour), colour) >= 4.5
