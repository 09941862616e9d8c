"""Whether the embedded store has a study's result, asked without MLflow, which takes a second to load."""

import sqlite3
from contextlib import closing
from hashlib import sha256

from sweeper.layout import StudyFolder
from sweeper.reports import Summary
from sweeper.watch.champion import NO, model_of, registration_of
from sweeper.watch.study_facts import StudyFacts
from sweeper.watch.tracking_store import Store, database_of, follow_folder

RESULT = "sweeper.result"
"""Tag of a study: the `digest_of` the result that was logged last, written after all of it."""
REGISTERED = "sweeper.registered"
"""Tag of a study: the `mark` of its registered model, or why there is none."""
OF_SESSION = {"jobs", "runs_reused", "wall_s", "preemptions", "hosts_lost", "waited_s", "first_slot_s"}
"""Totals of the last session, not of the study: one that finds nothing to do has others."""
LOGGED = """
SELECT runs.run_uuid, results.value, registered.value FROM runs
JOIN experiments ON experiments.experiment_id = runs.experiment_id AND experiments.name = :experiment
JOIN tags AS kinds ON kinds.run_uuid = runs.run_uuid AND kinds.key = 'sweeper.kind' AND kinds.value = 'study'
JOIN tags AS names ON names.run_uuid = runs.run_uuid AND names.key = 'sweeper.study' AND names.value = :study
JOIN tags AS results ON results.run_uuid = runs.run_uuid AND results.key = 'sweeper.result'
LEFT JOIN tags AS registered ON registered.run_uuid = runs.run_uuid AND registered.key = 'sweeper.registered'
WHERE runs.lifecycle_stage = 'active'"""


def digest_of(summary: Summary) -> str:
    """Of all that a summary says but by which session, with which command and code, it was written."""
    facts = summary.model_dump_json(exclude={"provenance": True, "totals": OF_SESSION})
    return sha256(facts.encode(errors="surrogatepass")).hexdigest()


def experiment_of(store: Store, task: str) -> str:
    """The name of the experiment that a study of this task is logged in."""
    return store.experiment or f"sweeper/{task}"


def is_logged(store: Store, facts: StudyFacts, summary: Summary, folder: StudyFolder) -> bool:
    """Whether nothing is left to do: this very result is there, and its best model is registered.

    False also where only MLflow could tell.
    """
    database = database_of(store)
    if not store.is_embedded or not database.is_file():
        return False
    names = {"experiment": experiment_of(store, facts.task), "study": facts.study}
    try:
        follow_folder(store)
        with closing(sqlite3.connect(database)) as connection:
            found = connection.execute(LOGGED, names).fetchall()
    except sqlite3.Error:  # it is being made, busy or broken: who opens it for MLflow says what is wrong
        return False
    if len(found) != 1 or found[0][1] != digest_of(summary):
        return False
    place = model_of(folder, summary) if facts.has_registry else NO
    if isinstance(place, str):
        return True
    run_id, _, registered = found[0]
    return bool(registered == registration_of(facts, summary, store.uri, run_id, place).mark)
