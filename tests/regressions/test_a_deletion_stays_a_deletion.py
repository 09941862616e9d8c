from tests.sweeper.toy_app import read


def test_a_deletion_stays_a_deletion() -> None:
    """Elsewhere `~key` becomes `~key=null`, which deletes nothing that has a value."""
    sweep = read("task=esmm", "~aux_focal", "optimizer.lr=0.1,0.2")
    assert sweep.space.fixed[-2:] == ("~aux_focal", "study.baseline=[]")
    assert "aux_focal" not in sweep.config
