"""The trained model in a folder: ``model.safetensors``, with ``frame.json`` beside it."""

from __future__ import annotations

from torch import Tensor, nn

from si_core.models.assembly import Assembly
from si_core.models.learnable import learnable_parts, parts_tensors
from si_core.runs.directory import RunDirectory
from si_core.runs.frame_file import save_ends
from si_core.runs.same_process import fingerprint_tensors
from si_core.storage.tensors import save_tensors

__all__ = ["save_model"]


def save_model(directory: RunDirectory, assembly: Assembly, predictor: nn.Module, step: int) -> None:
    """Write a trained model: the networks, the learnable parts of the process, its fingerprint, and its ends.

    Args:
        directory: where to.
        assembly: the recipe, put together, its process as it was trained.
        predictor: the networks to sample with.
        step: the steps they were trained.

    Raises:
        StorageError: a file can't be written.
    """
    metadata = {"frame": save_ends(directory.frame, assembly.process)}
    metadata |= {"fields": ",".join(assembly.fields.names), "step": str(step)}
    weights = {name: value for name, value in predictor.state_dict().items() if isinstance(value, Tensor)}
    kept = parts_tensors(learnable_parts(assembly.process)) | fingerprint_tensors(assembly)
    save_tensors(directory.model, weights | kept, metadata)
