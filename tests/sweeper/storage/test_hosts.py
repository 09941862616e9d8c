"""SQLite is for the sessions of one host; who is of which is told by the names of owners."""

from pathlib import Path

import pytest

from sweeper.errors import StudyError, UserError
from sweeper.storage.owners import HALF, is_of_this_host, new_owner
from sweeper.storage.storage import LEASE_S, open_storage
from tests.sweeper.storage.leases import age_leases


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/studies.db"


def elsewhere(name: str = "node7") -> str:
    """A session on another host, or on this one after another boot."""
    _, pid, realm, *rest = new_owner().split(":")
    return ":".join([name, pid, "0" * HALF + realm[HALF:], *rest])


def test_a_second_host_is_refused_in_one_line_while_the_first_one_works(url: str) -> None:
    with open_storage(url, "s", elsewhere()) as theirs, open_storage(url, "other study", new_owner()) as ours:
        ours.refuse_other_hosts()  # nobody is at work yet
        theirs.claim("f", 0, 1, "w")
        said = r"a file that a session on another host \(node7:\d+\) uses now; SQLite is for "
        with pytest.raises(UserError, match=said) as caught:
            ours.refuse_other_hosts()
        assert "study.storage=postgresql+psycopg://" in str(caught.value)
        assert "try again in 60 s" in str(caught.value)
        assert "\n" not in str(caught.value)
        age_leases(theirs, LEASE_S + 1)
        ours.refuse_other_hosts()


def test_a_second_session_of_one_host_is_welcome_in_another_container_too(url: str) -> None:
    host, pid, realm, *rest = new_owner().split(":")
    container = ":".join([host, pid, realm[:HALF] + "f" * HALF, *rest])
    assert is_of_this_host(container)
    with open_storage(url, "s", container) as theirs, open_storage(url, "s", new_owner()) as ours:
        theirs.claim("f", 0, 1, "w")
        ours.refuse_other_hosts()
        assert ours.standing()[1] == {("f", 0): container}


@pytest.mark.parametrize(("other", "leaves"), [("a-first", True), ("z-last", False)])
def test_of_two_that_begin_in_the_same_moment_one_leaves(url: str, other: str, leaves: bool) -> None:
    """Neither saw a lease of the other when it began."""
    mine = new_owner().replace(new_owner().split(":")[0], "m-host")
    with open_storage(url, "s", elsewhere(other)) as theirs, open_storage(url, "s", mine) as ours:
        theirs.claim("f", 0, 1, "w")
        if leaves:
            with pytest.raises(StudyError, match=r"another host \(a-first:\d+\) uses this file of SQLite's"):
                ours.standing()
        else:
            assert len(ours.standing()[1]) == 1
