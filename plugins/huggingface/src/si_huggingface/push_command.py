"""``si push DIR OWNER/NAME``."""

from __future__ import annotations

import argparse

__all__ = ["Push"]


class Push:
    """The command ``push``."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Describe the command and add its arguments."""
        parser.description = (
            "Send an exported model (`si export RUN DIR`) to a repository of the Hugging Face Hub, which is made "
            "where there is none. The key is that of `hf auth login`, or HF_TOKEN."
        )
        parser.add_argument("folder", metavar="DIR", help="the folder of an exported model")
        parser.add_argument("repository", metavar="OWNER/NAME", help="the repository")
        parser.add_argument("--private", action="store_true", help="make a new repository a private one")
        parser.add_argument("--revision", metavar="BRANCH", help="a branch, made where there is none")
        parser.add_argument("--message", default="A model of si-core", help="of the commit")

    def run(self, arguments: argparse.Namespace) -> None:
        """Push, and print the commit's address."""
        from si_core.public.cli import one_line
        from si_huggingface.hub import push

        asked = {"private": arguments.private, "revision": arguments.revision, "message": arguments.message}
        print(one_line(push(arguments.folder, arguments.repository, **asked)))
