"""How what a model refuses is called, where a section has branches."""

from pathlib import Path

import pytest

from tests.commands import sweeper

COMMAND = ("-m", "study.dry_run=true", "executor=agents")


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("+executor.n_slots=2", "executor.n_slots: no such parameter (from override '+executor.n_slots=2')"),
        (
            "executor.agents=0",
            "executor.agents: got 0 (from override 'executor.agents=0'); expected a number > 0",
        ),
        ("~executor.n_threads", "executor.n_threads: missing"),
    ],
)
def test_a_branch_that_is_called_as_one_of_its_keys_hides_none(word: str, told: str, tmp_path: Path) -> None:
    assert told in sweeper(tmp_path, *COMMAND, word, code=2)
