"""What this plugin offers."""

from pathlib import Path

from si_core import hookimpl


@hookimpl
def si_recipes() -> Path:
    """The folder of recipes."""
    return Path(__file__).parent / "recipes"
