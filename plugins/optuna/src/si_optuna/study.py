"""Optuna's study of a search, kept in a file of the search's folder.

Values of a trial are a function of the seed, the trial's number and the trials before it: the sampler is made anew for
each, so that a search that was stopped goes on as if nothing had been.
"""

from __future__ import annotations

import hashlib
from typing import Any

from si_core import UsageError
from si_optuna.folder import SearchDirectory
from si_optuna.plan import SearchPlan

__all__ = ["Study", "optuna_package"]

_VALUES, _MESSAGE = "values", "message"


class Study:
    """The trials of a search.

    Args:
        plan: the search.
        directory: its folder.

    Raises:
        UsageError: optuna is not installed.
    """

    def __init__(self, plan: SearchPlan, directory: SearchDirectory) -> None:
        optuna = optuna_package()
        # What is done is told by the search itself.
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._optuna, self._plan = optuna, plan
        backend = optuna.storages.journal.JournalFileBackend(str(directory.study))
        self._study = optuna.create_study(
            storage=optuna.storages.JournalStorage(backend),
            study_name="search",
            direction="maximize" if plan.goal.maximise else "minimize",
            load_if_exists=True,
        )

    def trials(self) -> list[Any]:
        """All trials so far, in their order."""
        return list(self._study.get_trials(deepcopy=False))

    def unfinished(self) -> list[Any]:
        """Those that were begun and have no end: their process was stopped."""
        return [each for each in self.trials() if each.state == self._optuna.trial.TrialState.RUNNING]

    def begin(self) -> tuple[int, dict[str, Any]]:
        """A new trial: its number and its values, by key."""
        number = len(self.trials())
        samplers = self._optuna.samplers
        made = {"tpe": samplers.TPESampler, "random": samplers.RandomSampler}[self._plan.sampler]
        self._study.sampler = made(seed=_seed(self._plan.seed, number))
        trial = self._study.ask()
        values = {one.key: one.suggest(trial) for one in self._plan.dimensions}
        trial.set_user_attr(_VALUES, values)
        return trial.number, values

    def values(self, trial: Any) -> dict[str, Any] | None:
        """The values of a trial; None where its process was stopped before it had any."""
        found = trial.user_attrs.get(_VALUES)
        return None if found is None else dict(found)

    def finish(self, number: int, value: float) -> None:
        """A trial has ended with a value."""
        self._study.tell(number, value)

    def fail(self, number: int, message: str) -> None:
        """A trial has failed; it says nothing of its values."""
        self._study.set_user_attr(f"{_MESSAGE} {number}", message)
        self._study.tell(number, state=self._optuna.trial.TrialState.FAIL)

    def message(self, trial: Any) -> str:
        """Why a trial failed."""
        return str(self._study.user_attrs.get(f"{_MESSAGE} {trial.number}", ""))

    def best(self) -> Any | None:
        """The best trial; None before any has finished."""
        done = [each for each in self.trials() if each.state == self._optuna.trial.TrialState.COMPLETE]
        sign = -1.0 if self._plan.goal.maximise else 1.0
        return min(done, key=lambda each: sign * each.value, default=None)


def optuna_package() -> Any:
    """Optuna.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import optuna
        import optuna.storages.journal
    except ImportError as error:
        fix = "pip install 'si-optuna[optuna]'"
        raise UsageError("a search needs optuna, which is not installed", where="si search", fix=fix) from error
    return optuna


def _seed(seed: int, number: int) -> int:
    """Of the values of one trial: 32 bits of a digest, as numpy takes."""
    return int.from_bytes(hashlib.sha256(f"{seed} {number}".encode()).digest()[:4], "big")
