"""The page in a browser, at the widths of a desk and of a phone: nothing overflows, no picture is missing or illegible.

Skipped where there is no Chromium. The page forbids scripts, so a copy that measures itself leaves the policy out.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import escape, unescape

import pytest
import torch

from si_core import ConditionSpec
from si_report import HtmlReport
from si_report.compare.page import compare_page
from si_report.compare.runs import ComparedRun
from si_report.compare.values import compared_values
from si_report.pictures.picture import Settings

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

WIDTHS = (1280, 400)
MEASURE = """<script>addEventListener("load", () => {
  const wide = document.documentElement.clientWidth;
  const past = [...document.querySelectorAll("body *")].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && (box.right > wide + 1 || box.left < -1);
  });
  const images = [...document.images].map((e) => {
    const box = e.getBoundingClientRect();
    return {whole: e.complete && e.naturalWidth > 0, alt: e.alt, scale: box.width / e.getAttribute("width"),
            shape: box.width / box.height / (e.naturalWidth / e.naturalHeight)};
  });
  const said = parent.document.createElement("pre");
  said.textContent = JSON.stringify({
    wide, scrolls: document.documentElement.scrollWidth, past: past.map((e) => e.outerHTML.slice(0, 80)), images});
  parent.document.body.append(said);
});</script>"""
LEAST_SCALE = 0.68
"""Of the size at which type has 9 points, 12 pixels: 8 pixels are left."""

DETAILS = {"rank_histograms": {name: [3, 4, 5, 4] for name in "abcde"}, "value_of_data_law": 0.5, "a_long_name": 12}
ESTIMATES = [{"name": "e", "value": 1.0, "standard_error": 0.1, "bound": "exact", "unit": "nats", "details": DETAILS}]


def together(make_view):
    """All pages as one, that a browser starts once for."""
    labelled = {
        "condition": {"kind": torch.arange(40) % 3},
        "conditions": {"kind": ConditionSpec(classes=("a", "b", "c"))},
    }
    report, written = HtmlReport(dpi=50, resolution=8), []
    for event, more in (((2,), labelled), ((1,), {}), ((1, 8, 8), {})):
        view = make_view(event, 40, estimates=ESTIMATES, **more)
        written.append(report.write(view)[0].read_text(encoding="utf-8"))
    runs = [ComparedRun(f"a-rather/long-label-of-run-{k}", estimates=ESTIMATES, metrics=view.metrics) for k in range(4)]
    written.append(compare_page(runs, [compared_values(runs, Settings(dpi=50))], 50))
    mains = [re.search(r"<main>(.*)</main>", page, re.DOTALL).group(1) for page in written]
    first = re.sub(r"<meta http-equiv[^>]*>", "", written[0])
    return first.replace("</main>", "".join(mains[1:]) + "</main>").replace("</body>", f"{MEASURE}</body>")


def test_nothing_overflows_and_every_picture_is_there_and_legible(make_view, tmp_path):
    page, shown = tmp_path / "measured.html", escape(together(make_view))
    # A window has a least width; a frame has any, and asks its own for the width of media.
    frames = "".join(
        f'<iframe width="{width}" height="900" srcdoc="{shown}" style="border: 0"></iframe>' for width in WIDTHS
    )
    page.write_text(f'<!DOCTYPE html><meta charset="utf-8" /><body>{frames}</body>', encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [BROWSER, *flags, "--hide-scrollbars", "--dump-dom", page.as_uri()]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    measured = [json.loads(unescape(said)) for said in re.findall(r'<pre>(\{"wide.*?)</pre>', found)]
    assert sorted((each["wide"] for each in measured), reverse=True) == list(WIDTHS)
    for each in measured:
        assert each["scrolls"] <= each["wide"]
        assert each["past"] == []
        assert len(each["images"]) > 25
        for image in each["images"]:
            assert image["whole"], image
            assert image["alt"], image
            assert image["scale"] >= LEAST_SCALE, image
            assert image["shape"] == pytest.approx(1, abs=0.03), image
