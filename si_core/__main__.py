"""``python -m si_core``: the command ``si``."""

import sys

from si_core.cli.main import main

sys.exit(main())
