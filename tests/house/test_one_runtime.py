"""What devices and processes there are is asked in one place, the runtime; all else is told."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "si_core").glob("**/*.py"), *(ROOT / "plugins").glob("*/src/**/*.py")])
HOME = ROOT / "si_core" / "contract" / "runtime.py"
OTHERS = {
    ROOT / "si_core" / "cli" / "main.py": "lets one of a machine's processes say what all find wrong before they meet",
    ROOT / "si_core" / "cli" / "examining" / "compute.py": "tells somebody what devices this machine has",
    ROOT / "si_core" / "runs" / "environment.py": "writes down what machine it was",
    ROOT / "plugins" / "authoring" / "src" / "si_authoring" / "testing" / "common.py": "looks for a second device",
}
"""Who looks at a machine without choosing where to work."""

ASKING = re.compile(r"\bcuda\.(is_available|device_count|current_device)\(|\b(WORLD_SIZE|LOCAL_RANK)\b|[\"']RANK[\"']")


def test_devices_and_processes_are_asked_for_by_the_runtime_alone() -> None:
    asking = {path for path in FILES if ASKING.search(path.read_text(encoding="utf-8"))}
    assert asking == {HOME, *OTHERS}
