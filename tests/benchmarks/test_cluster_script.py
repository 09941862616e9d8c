"""What benchmarks/cluster.py makes of outcomes; the clusters themselves are tested in tests/cluster."""

from benchmarks.cluster import row, totals
from tests.cluster.faults import Outcome, replaced


def outcome(fault: str, seconds: float, lost: int = 0) -> Outcome:
    return Outcome(fault, "its run went on elsewhere", seconds, lost, 0, 0)


def test_the_slowest_engine_counts_for_the_loss_of_a_node() -> None:
    found = totals(
        [outcome("node killed", 12.04), outcome("node killed", 14.26), outcome("agent killed", 99.0)]
    )
    assert found == {"lost": 0, "doubled": 0, "orphans": 0, "s_to_resume_after_node_loss": 14.3}


def test_lost_runs_of_all_faults_are_added() -> None:
    found = totals([outcome("agent killed", 1.0, lost=2), outcome("worker killed", 1.0, lost=1)])
    assert found == {"lost": 3, "doubled": 0, "orphans": 0}


def test_a_row_says_what_was_done_what_happened_and_when() -> None:
    assert row("ray", outcome("node killed", 14.26)).split()[:5] == ["ray", "node", "killed", "14.3", "s"]


def test_a_study_s_own_words_take_the_place_of_an_engine_s() -> None:
    assert replaced(["a=1", "~b", "c=[d=e]"], ["c=[]"]) == ["a=1", "~b", "c=[]"]
