"""The run directory: one folder holds all that a run was given and all that it made.

::

    runs/<recipe>/<UTC>-<6 characters>/
        recipe.yaml  resolved.yaml  environment.json      what was asked, in full, and with which versions
        metrics.jsonl  log.txt  STATUS.json               how it went
        throughput.jsonl                                  how fast; the one record that differs between equal runs
        nonfinite.json                                    the step that ended training, where one did
        checkpoints/step-00000500/                        where it can go on
        averages/step-00000500.safetensors                averages of the weights to choose from, where some are kept
        model.safetensors  frame.json                     the model, and what it keeps of its ends: units, names
        diffusion.json  clock.json                        what was measured on the model to sample it
        samples.npy  weights.npy  estimates.json  plots/  report.html     what came out; weights where there are some
        SHA256SUMS                                        by which damage to model, samples and numbers is found
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from si_core.errors import StorageError
from si_core.runs.new_directory import claimed, folder_name, made_below
from si_core.storage.atomic import storage_error

__all__ = ["ExportedModel", "RunDirectory"]


@dataclass(frozen=True)
class RunDirectory:
    """The folder of one run and the names in it.

    Args:
        path: the folder, as given: a symbolic link stays one.
    """

    path: Path

    @classmethod
    def create(cls, recipe: str, root: Path | str = "runs", out: Path | str | None = None) -> RunDirectory:
        """Make the folder of a new run; no two callers ever get the same one.

        Args:
            recipe: name of the recipe; characters that a file name can't have become hyphens.
            root: where runs go, as ``root/<recipe>/<UTC>-<6 characters>``.
            out: exactly this folder instead; absent or empty.

        Raises:
            StorageError: ``out`` is in use, or the folder can't be made.
        """
        if out is not None:
            return cls(claimed(Path(out)))
        return cls(made_below(cls.folder_of(recipe, root)))

    @staticmethod
    def folder_of(recipe: str, root: Path | str = "runs") -> Path:
        """Where the runs of a recipe go: ``root/<recipe>``, with hyphens for what a file name can't have."""
        return Path(root) / folder_name(recipe)

    @classmethod
    def open(cls, path: Path | str) -> RunDirectory:
        """The folder of a run made earlier, or of a model that was exported.

        Raises:
            StorageError: the folder does not exist or is no run (it holds no ``resolved.yaml``).
        """
        run = cls(Path(path))
        try:
            if run.resolved.is_file():
                return run
            exported = ExportedModel(run.path)
            if exported.resolved.is_file() and exported.model.is_file():
                return exported
            if not run.path.exists():
                raise StorageError("no such run", where=str(path), fix=_suggestion(run.path.parent))
            if not run.path.is_dir():
                raise StorageError("a run is a folder", where=str(path), got="a file", fix=_suggestion(run.path.parent))
            programs = sorted(run.path.glob("*.pt2"))
            if programs:
                card = run.path / "README.md"
                raise StorageError(
                    "an exported program of PyTorch, which runs without si-core and is no model to load",
                    where=str(path),
                    got=programs[0].name,
                    fix=f"run the script in {card}"
                    if card.is_file()
                    else "torch.export.load, or give the run's folder",
                )
            raise StorageError(
                "the folder is no run", where=str(path), got="no resolved.yaml in it", fix=_suggestion(run.path)
            )
        except OSError as error:
            raise storage_error(run.path, error) from error
        except ValueError as error:
            raise StorageError("not a path", where=repr(str(path)), got=str(error)) from error

    def keeps(self, path: Path) -> bool:
        """Whether a path in this folder is a name that a run keeps for itself; False in a folder that is no run."""
        own = (getattr(self, name) for name, value in vars(RunDirectory).items() if isinstance(value, property))
        return self.resolved.is_file() and any(path.name == one.name or _is_same(path, one) for one in own)

    @property
    def recipe(self) -> Path:
        """``recipe.yaml``: the recipe as given."""
        return self.path / "recipe.yaml"

    @property
    def resolved(self) -> Path:
        """``resolved.yaml``: the complete recipe, which runs by itself."""
        return self.path / "resolved.yaml"

    @property
    def environment(self) -> Path:
        """``environment.json``: versions of all that was used."""
        return self.path / "environment.json"

    @property
    def metrics(self) -> Path:
        """``metrics.jsonl``: one record a line."""
        return self.path / "metrics.jsonl"

    @property
    def throughput(self) -> Path:
        """``throughput.jsonl``: the pace of training, a record for each of ``metrics.jsonl``."""
        return self.path / "throughput.jsonl"

    @property
    def checkpoints(self) -> Path:
        """``checkpoints/``: one folder a checkpoint."""
        return self.path / "checkpoints"

    @property
    def averages(self) -> Path:
        """``averages/``: averages of the weights over the steps, where ``train.ema`` keeps some."""
        return self.path / "averages"

    @property
    def model(self) -> Path:
        """``model.safetensors``: the trained weights."""
        return self.path / "model.safetensors"

    @property
    def frame(self) -> Path:
        """``frame.json``: what the model keeps of its ends."""
        return self.path / "frame.json"

    @property
    def diffusion(self) -> Path:
        """``diffusion.json``: the noise level that was measured on the model, where one was asked for."""
        return self.path / "diffusion.json"

    @property
    def clock(self) -> Path:
        """``clock.json``: the clock that was fitted to the model, where one was asked for."""
        return self.path / "clock.json"

    @property
    def samples(self) -> Path:
        """``samples.npy``: the samples drawn at the end of the run."""
        return self.path / "samples.npy"

    @property
    def weights(self) -> Path:
        """``weights.npy``: the weights of the samples, of mean 1; there where the method of sampling gives some."""
        return self.path / "weights.npy"

    @property
    def estimates(self) -> Path:
        """``estimates.json``: the numbers measured."""
        return self.path / "estimates.json"

    @property
    def plots(self) -> Path:
        """``plots/``: images."""
        return self.path / "plots"

    @property
    def report(self) -> Path:
        """``report.html``."""
        return self.path / "report.html"

    @property
    def log(self) -> Path:
        """``log.txt``: what happened when."""
        return self.path / "log.txt"

    @property
    def status(self) -> Path:
        """``STATUS.json``: running, finished, interrupted or failed."""
        return self.path / "STATUS.json"

    @property
    def nonfinite(self) -> Path:
        """``nonfinite.json``: what is known of the newest step whose loss or gradient ended training."""
        return self.path / "nonfinite.json"

    @property
    def digests(self) -> Path:
        """``SHA256SUMS``: of what a finished run has made."""
        return self.path / "SHA256SUMS"

    @property
    def lock(self) -> Path:
        """``.lock``: who owns the run now."""
        return self.path / ".lock"


class ExportedModel(RunDirectory):
    """The folder of a model without its run (:mod:`si_core.runs.model_folder`): ``recipe.yaml`` is complete."""

    @property
    def resolved(self) -> Path:
        """``recipe.yaml``."""
        return self.recipe


def _is_same(one: Path, other: Path) -> bool:
    """Whether two names are of one file, as where the system takes SAMPLES.npy for samples.npy."""
    return one.exists() and other.exists() and one.samefile(other)


def _suggestion(folder: Path) -> str:
    runs = sorted(path.parent for path in folder.glob("*/resolved.yaml")) if folder.is_dir() else []
    return f"did you mean {runs[-1]}" if runs else "give the folder that holds resolved.yaml, such as runs/NAME/TIME-ID"
