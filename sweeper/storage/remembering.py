"""Optuna's storage, read when we ask for it instead of at every step.

Optuna reads all unfinished trials again several times for each trial that it suggests, at 4 ms each time on
SQLite, though nobody but this process changes most of them. Here reads are answered from memory: what this
process has written it knows, and `look` learns what other processes have written since. Writes go through.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from datetime import datetime
from functools import partial
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeper.storage.optuna_adapter import storage_of, study_id_of, trial_id_of, with_trial_id
from sweeper.storage.optuna_rows import OptunaRows

DRAFT = -1
"""Key of the trial that is in memory only."""


class RememberingStorage(BaseStorage):
    """What Optuna needs of a storage, for one study; `rows`: what is faster where that is on SQLite."""

    def __init__(self, backend: BaseStorage, rows: OptunaRows | None = None) -> None:
        self._backend, self._rows = backend, rows
        self._is_drafting = False
        self._trials: dict[int, FrozenTrial] = {}
        self._ids: dict[int, int] = {}
        self._study_ids: dict[str, int] = {}

    def look(self, study_id: int) -> None:
        """Learn what other processes have written."""
        if self._rows is None or not self._trials:
            self._trials.clear()
            self._ids.clear()
            found = self._backend.get_all_trials(study_id, deepcopy=False)
        else:
            open_ids = [key for key, trial in self._trials.items() if not trial.state.is_finished()]
            found = self._rows.changed(study_id, open_ids, after=max(self._trials))
        for trial in found:
            self._remember(trial)

    def _remember(self, trial: FrozenTrial) -> None:
        self._trials[trial_id_of(trial)] = trial
        self._ids[trial.number] = trial_id_of(trial)

    def _to_change(self, trial_id: int) -> FrozenTrial:
        """A new object in the trial's place: who was given the old one goes on seeing what it asked for."""
        trial = self._trials[trial_id] = deepcopy(self._trials[trial_id])
        return trial

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """The trial as this process knows it; a copy, for Optuna writes into it."""
        return deepcopy(self._trials[trial_id])

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """All trials as this process knows them, in order of their numbers."""
        every = self._trials.values()
        known = list(every) if states is None else [trial for trial in every if trial.state in states]
        return [self.get_trial(trial_id_of(t)) for t in known] if deepcopy else known

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """The key of the trial of this number, without going through all. KeyError where there is none."""
        return self._ids[trial_number]

    @contextmanager
    def drafting(self) -> Iterator[None]:
        """A trial that is asked for meanwhile, and all that is set of it, is in memory only; then it is gone.

        Optuna writes a trial bit by bit, and a kill between two of them spends its number, or half its point.
        """
        self._is_drafting = True
        try:
            yield
        finally:
            self._is_drafting = False
            draft = self._trials.pop(DRAFT, None)
            if draft is not None:
                del self._ids[draft.number]

    def _drafted(self) -> int:
        number = len(self._trials)
        draft = optuna.trial.create_trial(state=TrialState.RUNNING)
        draft.number = number
        self._trials[DRAFT] = with_trial_id(draft, DRAFT)
        self._ids[number] = DRAFT
        return DRAFT

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Written, and remembered as it was written; or a draft."""
        if self._is_drafting and template_trial is None:
            return self._drafted()
        trial = self._created(study_id, template_trial)
        if trial.number == len(self._trials):
            self._remember(trial)
        else:  # another process was first: trials are found by number
            self.look(study_id)
        return trial_id_of(trial)

    def _created(self, study_id: int, template: FrozenTrial | None) -> FrozenTrial:
        if self._rows is not None and template is not None and not template.values:
            return self._rows.add(study_id, template)
        return self._backend.get_trial(self._backend.create_new_trial(study_id, template))

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Written, and remembered."""
        if trial_id != DRAFT:
            self._backend.set_trial_param(trial_id, param_name, param_value_internal, distribution)
        trial = self._to_change(trial_id)
        trial.params[param_name] = distribution.to_external_repr(param_value_internal)
        trial.distributions[param_name] = distribution

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Written, and remembered."""
        is_written = self._ended(trial_id, state, values)
        if is_written:
            trial = self._to_change(trial_id)
            trial.state = state
            if values is not None:
                trial.values = list(values)
            if state.is_finished():
                trial.datetime_complete = datetime.now()
        return is_written

    def _ended(self, trial_id: int, state: TrialState, values: Sequence[float] | None) -> bool:
        if self._rows is None or not state.is_finished():
            return self._backend.set_trial_state_values(trial_id, state, values)
        self._rows.end(trial_id, state, values)
        return True

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Written, and remembered."""
        if self._rows is None:
            self._backend.set_trial_intermediate_value(trial_id, step, intermediate_value)
        else:
            self._rows.report(trial_id, step, intermediate_value)
        self._to_change(trial_id).intermediate_values[step] = intermediate_value

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Written, and remembered."""
        if trial_id != DRAFT:
            self._backend.set_trial_user_attr(trial_id, key, value)
        self._to_change(trial_id).user_attrs[key] = value

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Written, and remembered."""
        if trial_id != DRAFT:
            self._backend.set_trial_system_attr(trial_id, key, value)
        self._to_change(trial_id).system_attrs[key] = value

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """Passed on, like all that is about studies."""
        return self._backend.create_new_study(directions, study_name)

    def delete_study(self, study_id: int) -> None:
        """Passed on."""
        self._study_ids.clear()
        self._backend.delete_study(study_id)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Passed on."""
        self._backend.set_study_user_attr(study_id, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Passed on."""
        self._backend.set_study_system_attr(study_id, key, value)

    def get_study_id_from_name(self, study_name: str) -> int:
        """Asked once: Optuna asks for each object that it makes of a study, and one is made an evaluation."""
        if study_name not in self._study_ids:
            self._study_ids[study_name] = self._backend.get_study_id_from_name(study_name)
        return self._study_ids[study_name]

    def get_study_name_from_id(self, study_id: int) -> str:
        """Passed on."""
        return self._backend.get_study_name_from_id(study_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Passed on."""
        return self._backend.get_study_directions(study_id)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Passed on."""
        return self._backend.get_study_user_attrs(study_id)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Passed on."""
        return self._backend.get_study_system_attrs(study_id)

    def get_all_studies(self) -> list[Any]:
        """Passed on."""
        return self._backend.get_all_studies()


def look_of(study: optuna.Study) -> Callable[[], None]:
    """Has `study` learn what other processes have written; nothing to do where its storage always knows."""
    storage = storage_of(study)
    if not isinstance(storage, RememberingStorage):
        return lambda: None
    return partial(storage.look, study_id_of(study))


def drafting(study: optuna.Study) -> AbstractContextManager[None]:
    """A trial that `study` is asked for meanwhile is in memory only. Raises TypeError for another storage."""
    storage = storage_of(study)
    if not isinstance(storage, RememberingStorage):
        raise TypeError(f"{type(storage).__name__} keeps no drafts")
    return storage.drafting()
