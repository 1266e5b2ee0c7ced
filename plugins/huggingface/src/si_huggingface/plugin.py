"""The plugin's entry: which commands it offers."""

from __future__ import annotations

from si_core import Command, hookimpl

__all__ = ["si_commands"]


@hookimpl
def si_commands() -> list[Command]:
    """Return the commands of this plugin."""
    return [
        Command("push", "si_huggingface.push_command:Push", "send an exported model to the Hugging Face Hub"),
        Command("pull", "si_huggingface.pull_command:Pull", "fetch an exported model from the Hugging Face Hub"),
    ]
