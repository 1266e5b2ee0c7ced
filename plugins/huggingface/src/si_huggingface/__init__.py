"""Exported models on the Hugging Face Hub: ``push`` and ``pull``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from si_huggingface.hub import pull as pull
    from si_huggingface.hub import push as push

__all__ = ["pull", "push"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'si_huggingface' has no attribute {name!r}")
    return getattr(importlib.import_module("si_huggingface.hub"), name)
