"""The tools of a release, which are no part of a package, and a small tree for them to work on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / ".ci"))

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "0.2.0"
description = "{name}, for tests"
license = "MIT"
license-files = ["LICENSE"]
requires-python = ">=3.11"
dependencies = [{needs}]
"""
FILES = {
    "pyproject.toml": PYPROJECT.format(name="si-core", needs='"torch>=2.6"')
    + '\n[dependency-groups]\ndev = ["si-one", "si-two"]\n',
    "si_core/__init__.py": '__version__ = "0.2.0"\n',
    "si_core/sources.py": 'RANGE = "si-core>=0.2,<0.3"\n',
    "plugins/one/pyproject.toml": PYPROJECT.format(name="si-one", needs='"si-core>=0.2,<0.3", "numpy>=1.26"'),
    "plugins/one/src/si_one/__init__.py": '"""One."""\n',
    "plugins/one/README.md": "Install `si-one>=0.2,<0.3`.\n",
    "plugins/two/pyproject.toml": PYPROJECT.format(
        name="si-two", needs='\n  "si-core>=0.2,<0.3",\n  "si-one[extra]>=0.2,<0.3",\n  "si-other>=0.1",\n'
    )
    + '\n[project.optional-dependencies]\ntest = ["si-one>=0.2,<0.3", "pytest>=8"]\n',
    "plugins/two/src/si_two/__init__.py": "",
    "plugins/two/tests/test_two.py": 'BOUND = "si-two>=0.2,<0.3"\nOLD = "si-core>=7,<8"\n',
    "registry.yaml": 'plugins:\n  - name: si-one\n    requires: ">=0.2,<0.3"\n'
    '  - name: si-other\n    requires: ">=0.1,<0.5"\n',
    "CITATION.cff": "cff-version: 1.2.0\ntitle: si\nversion: 0.2.0\n",
    "docs/page.md": 'Write `dependencies = ["si-core>=0.2,<0.3", "si-two>=0.2,<0.3"]`; si-other>=0.1,<0.9 is not.\n',
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A core and two plugins, in step at 0.2.0."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path
