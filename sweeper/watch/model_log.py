"""A study's best model in MLflow's registry, and the tag of the study's run that says which, or why none."""

from sweeper.layout import StudyFolder
from sweeper.locks import file_lock
from sweeper.reports import Summary
from sweeper.watch.champion import NO, TIMEOUT_S, model_of, register_elsewhere, registration_of
from sweeper.watch.logged_result import REGISTERED
from sweeper.watch.registering import Registration
from sweeper.watch.run_store import RunStore
from sweeper.watch.stored_run import StoredRun
from sweeper.watch.study_facts import StudyFacts
from sweeper.watch.tracked_curves import Update


class ModelLog:
    """Of the study with this run."""

    def __init__(self, store: RunStore, facts: StudyFacts, run_id: str) -> None:
        self._store, self._facts, self._run_id = store, facts, run_id

    def lacks(self, summary: Summary, folder: StudyFolder) -> bool:
        """Whether there is a best model that the registry has not got; why there is none is logged."""
        if not self._facts.has_registry:
            return False
        study, asked = self._store.look_up(self._run_id), self._wanted(summary, folder)
        if isinstance(asked, str):
            self._tell(study, asked)
            return False
        return study.tags.get(REGISTERED) != asked.mark

    def register(self, summary: Summary, folder: StudyFolder) -> str:
        """The best candidate's best model, once, whoever else is about to register it; it takes seconds.

        Returns its address, or why there is none.
        """
        if not self._facts.has_registry:
            return f"{NO}tracking.register_model=false"
        asked = self._wanted(summary, folder)
        if isinstance(asked, str):
            self._tell(self._store.look_up(self._run_id), asked)
            return asked
        with file_lock(folder.registering_lock, TIMEOUT_S):
            study = self._store.look_up(self._run_id)
            is_there = study.tags.get(REGISTERED) == asked.mark
            told = asked.mark if is_there else register_elsewhere(asked)
            self._tell(study, told)
        return asked.address if told == asked.mark else told

    def _wanted(self, summary: Summary, folder: StudyFolder) -> Registration | str:
        """What is to be registered, or why nothing is."""
        place = model_of(folder, summary)
        if isinstance(place, str):
            return place
        return registration_of(self._facts, summary, self._store.uri, self._run_id, place)

    def _tell(self, study: StoredRun, told: str) -> None:
        """A model that is there already stays so, whatever is said now."""
        known = study.tags.get(REGISTERED, NO)
        if told != known and (known.startswith(NO) or not told.startswith(NO)):
            self._store.log(study, Update(tags={REGISTERED: told}))
            self._store.commit()
