"""Pushing and pulling: the files of an exported model as one commit of a repository of the Hugging Face Hub."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from si_core import StorageError, UsageError
from si_core.public.storage import new_folder
from si_huggingface.files import PATTERNS, card_with_metadata, files_in, model_files

__all__ = ["pull", "push"]

_CARD = "README.md"


def push(
    folder: str | Path,
    repository: str,
    *,
    private: bool = False,
    revision: str | None = None,
    message: str = "A model of si-core",
    endpoint: str | None = None,
) -> str:
    """Send an exported model: a repository is made where there is none, and all files are one commit.

    Args:
        folder: what ``si export`` or ``Fitted.save`` wrote.
        repository: ``OWNER/NAME``.
        private: whether a repository that is made is private.
        revision: the branch, made where there is none; None for the main one.
        message: of the commit.
        endpoint: another hub than that of HF_ENDPOINT.

    Returns:
        The address of the commit.

    Raises:
        StorageError: no exported model in the folder, or the hub fails.
        UsageError: huggingface_hub is not installed, or a name that is none.
    """
    hub, where = _package(), str(folder)
    files = model_files(Path(folder), where)
    added = [hub.CommitOperationAdd(path.name, _sent(path)) for path in files]
    with _asking(hub, repository):
        api = hub.HfApi(endpoint=endpoint)
        api.create_repo(repository, private=private, exist_ok=True)
        if revision is not None:
            api.create_branch(repository, branch=revision, exist_ok=True)
        made = api.create_commit(repository, added, commit_message=message, revision=revision)
    return str(made.commit_url)


def pull(
    repository: str,
    folder: str | Path,
    *,
    revision: str | None = None,
    overwrite: bool = False,
    endpoint: str | None = None,
) -> Path:
    """Fetch an exported model into a folder that ``si.load_model`` takes; it appears whole, or not at all.

    What was fetched before comes from the hub's cache, with HF_HUB_OFFLINE=1 without asking.

    Args:
        repository: ``OWNER/NAME``.
        folder: new or empty.
        revision: a branch, a tag or a commit; None for the main branch.
        overwrite: whether a model that is there is replaced.
        endpoint: another hub than that of HF_ENDPOINT.

    Returns:
        The folder.

    Raises:
        StorageError: the folder is in use, the repository holds no model, or the hub fails.
        UsageError: huggingface_hub is not installed, no such repository, or a name that is none.
    """
    hub, path = _package(), Path(folder)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        if not overwrite:
            fix = "name a new folder, or add --overwrite where a model is in it"
            raise StorageError("the folder is in use", where=str(folder), fix=fix)
        model_files(path, str(folder))  # nothing but a model is ever replaced
    with _asking(hub, repository):
        cached = hub.snapshot_download(repository, revision=revision, allow_patterns=list(PATTERNS), endpoint=endpoint)
    with new_folder(path) as made:
        for file in files_in(Path(cached)):
            shutil.copyfile(file, made / file.name)
        try:
            model_files(made, repository)
        except StorageError as error:
            got = ", ".join(sorted(each.name for each in made.iterdir())) or "none of its files"
            fix = "push one: si push DIR OWNER/NAME"
            raise StorageError("no model of si-core in this repository", where=repository, got=got, fix=fix) from error
    return path


def _package() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        fix = "pip install 'si-huggingface[huggingface]'"
        raise UsageError("the hub needs huggingface_hub, which is not installed", where="hub", fix=fix) from error
    return huggingface_hub


def _sent(path: Path) -> str | bytes:
    return card_with_metadata(path.read_text(encoding="utf-8")).encode() if path.name == _CARD else str(path)


@contextmanager
def _asking(hub: Any, repository: str) -> Iterator[None]:
    """Tell what the hub answers in words for users; keys are never part of them."""
    errors = hub.errors
    try:
        yield
    except errors.HFValidationError as error:
        raise UsageError("no name of a repository", where=repository, allowed="OWNER/NAME") from error
    except errors.RepositoryNotFoundError as error:
        fix = "check the name; of a private one, or to push: hf auth login"
        raise UsageError("there is no such repository, or you may not see it", where=repository, fix=fix) from error
    except errors.RevisionNotFoundError as error:
        raise UsageError("the repository has no such revision", where=repository, fix="leave --revision out") from error
    except errors.LocalEntryNotFoundError as error:
        fix = "ask again when the hub can be reached, or where it was fetched before"
        raise StorageError("the hub can't be reached, and nothing of it is here", where=repository, fix=fix) from error
    except Exception as error:
        said = (str(error) or type(error).__name__).splitlines()[0][:200]
        fix = "try again; HF_ENDPOINT names the hub, `hf auth whoami` says as whom you ask"
        raise StorageError("the hub did not do it", where=repository, got=said, fix=fix) from error
