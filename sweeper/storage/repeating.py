"""Optuna's storage on a server whose connections may be cut: each call is repeated, and does its work once.

What was cut may have been done already. Most writes come to the same if done twice. Two do not: a trial
would be created again, so each of ours carries a mark by which it is found; and a trial that has ended
refuses to end again, where it is asked whether it has ended as we said.
"""

import uuid
from collections.abc import Callable, Container, Sequence
from copy import deepcopy
from typing import Any, TypeVar

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeper.storage.optuna_adapter import trial_id_of

MARK = "sweeper:asked"
"""System attribute of a trial: which call created it."""

Result = TypeVar("Result")
Repeat = Callable[[Callable[[], Any]], Any]


class RepeatingStorage(BaseStorage):
    """What Optuna needs of a storage; `repeated` carries out a transaction until it is not cut."""

    def __init__(self, backend: BaseStorage, repeated: Repeat) -> None:
        self._backend, self._repeated = backend, repeated

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Created once: looked for by its mark before it is tried again."""
        mark, tries = uuid.uuid4().hex, 0
        template = deepcopy(template_trial) or optuna.trial.create_trial(state=TrialState.RUNNING)
        template.system_attrs = {**template.system_attrs, MARK: mark}

        def create() -> int:
            nonlocal tries
            tries += 1
            found = self._marked(study_id, mark) if tries > 1 else None
            return self._backend.create_new_trial(study_id, template) if found is None else found

        return int(self._repeated(create))

    def _marked(self, study_id: int, mark: str) -> int | None:
        trials = self._backend.get_all_trials(study_id, deepcopy=False)
        marked = (trial_id_of(t) for t in reversed(trials) if t.system_attrs.get(MARK) == mark)
        return next(marked, None)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """True as well where a try that was cut has written it."""
        tries = 0

        def write() -> bool:
            nonlocal tries
            tries += 1
            try:
                return self._backend.set_trial_state_values(trial_id, state, values)
            except optuna.exceptions.UpdateFinishedTrialError:
                if tries > 1 and self._has_ended_as(trial_id, state, values):
                    return True
                raise

        return bool(self._repeated(write))

    def _has_ended_as(self, trial_id: int, state: TrialState, values: Sequence[float] | None) -> bool:
        known = self._backend.get_trial(trial_id)
        return known.state is state and (values is None or known.values == list(values))

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Repeated: Optuna keeps the row that is there."""
        self._repeated(
            lambda: self._backend.set_trial_param(trial_id, param_name, param_value_internal, distribution)
        )

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Repeated: it is written over."""
        self._repeated(lambda: self._backend.set_trial_intermediate_value(trial_id, step, intermediate_value))

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Repeated: it is written over."""
        self._repeated(lambda: self._backend.set_trial_user_attr(trial_id, key, value))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Repeated: it is written over."""
        self._repeated(lambda: self._backend.set_trial_system_attr(trial_id, key, value))

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """Repeated; one that is there already is a duplicate, as if another session had been first."""
        return int(self._repeated(lambda: self._backend.create_new_study(directions, study_name)))

    def delete_study(self, study_id: int) -> None:
        """Repeated."""
        tries = 0

        def delete() -> None:
            nonlocal tries
            tries += 1
            try:
                self._backend.delete_study(study_id)
            except KeyError:
                if tries == 1:
                    raise

        self._repeated(delete)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Repeated: it is written over."""
        self._repeated(lambda: self._backend.set_study_user_attr(study_id, key, value))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Repeated: it is written over."""
        self._repeated(lambda: self._backend.set_study_system_attr(study_id, key, value))

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Repeated, like all that only reads."""
        return self._read(lambda: self._backend.get_trial(trial_id))

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Repeated."""
        return self._read(lambda: self._backend.get_all_trials(study_id, deepcopy, states))

    def get_study_id_from_name(self, study_name: str) -> int:
        """Repeated."""
        return self._read(lambda: self._backend.get_study_id_from_name(study_name))

    def get_study_name_from_id(self, study_id: int) -> str:
        """Repeated."""
        return self._read(lambda: self._backend.get_study_name_from_id(study_id))

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Repeated."""
        return self._read(lambda: self._backend.get_study_directions(study_id))

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Repeated."""
        return self._read(lambda: self._backend.get_study_user_attrs(study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Repeated."""
        return self._read(lambda: self._backend.get_study_system_attrs(study_id))

    def get_all_studies(self) -> list[Any]:
        """Repeated."""
        return self._read(self._backend.get_all_studies)

    def _read(self, ask: Callable[[], Result]) -> Result:
        found: Result = self._repeated(ask)
        return found
