"""The page in a browser, at the widths of a desk and of a phone: nothing overflows, no picture is missing or illegible.

Skipped where there is no Chromium. The page forbids scripts, so a copy that measures itself leaves the policy out.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape

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

MEASURE = """<pre id="measured"></pre><script>addEventListener("load", () => {
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
  document.getElementById("measured").textContent = JSON.stringify({
    wide, scrolls: document.documentElement.scrollWidth, past: past.map((e) => e.outerHTML.slice(0, 80)), images});
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
    for event, more in (((2,), labelled), ((1,), {}), ((1, 8, 8), {}), ((5,), {})):
        view = make_view(event, 40, estimates=ESTIMATES, **more)
        written.append(report.write(view)[0].read_text(encoding="utf-8"))
    runs = [ComparedRun(f"a-rather/long-label-of-run-{k}", estimates=ESTIMATES, metrics=view.metrics) for k in range(4)]
    written.append(compare_page(runs, [compared_values(runs, Settings(dpi=50))], 50))
    mains = [re.search(r"<main>(.*)</main>", page, re.DOTALL).group(1) for page in written]
    first = re.sub(r"<meta http-equiv[^>]*>", "", written[0])
    return first.replace("</main>", "".join(mains[1:]) + "</main>").replace("</body>", f"{MEASURE}</body>")


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_overflows_and_every_picture_is_there_and_legible(make_view, tmp_path, width):
    page = tmp_path / "measured.html"
    page.write_text(together(make_view), encoding="utf-8")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", profile, f"--window-size={width},900"]
    command = [BROWSER, *flags, "--dump-dom", page.as_uri()]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    said = json.loads(unescape(re.search(r'<pre id="measured">([^<]*)</pre>', found).group(1)))
    assert said["wide"] == width
    assert said["scrolls"] <= width
    assert said["past"] == []
    assert len(said["images"]) > 40
    for image in said["images"]:
        assert image["whole"], image
        assert image["alt"], image
        assert image["scale"] >= LEAST_SCALE, image
        assert image["shape"] == pytest.approx(1, abs=0.03), image
