"""``si pull OWNER/NAME DIR``."""

from __future__ import annotations

import argparse

__all__ = ["Pull"]


class Pull:
    """The command ``pull``."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Describe the command and add its arguments."""
        parser.description = (
            "Fetch an exported model from a repository of the Hugging Face Hub into a folder, for si.load_model, "
            "`si sample` and `si estimate`. With HF_HUB_OFFLINE=1 what was fetched before is taken from the cache."
        )
        parser.add_argument("repository", metavar="OWNER/NAME", help="the repository")
        parser.add_argument("folder", metavar="DIR", help="the folder to make: new or empty")
        parser.add_argument("--revision", metavar="REVISION", help="a branch, a tag or a commit")
        parser.add_argument("--overwrite", action="store_true", help="replace a model that is in DIR")

    def run(self, arguments: argparse.Namespace) -> None:
        """Pull, and print the folder."""
        from si_core.public.cli import one_line
        from si_huggingface.hub import pull

        asked = {"revision": arguments.revision, "overwrite": arguments.overwrite}
        print(one_line(pull(arguments.repository, arguments.folder, **asked)))
