from tests.sweeper.toy_app import read, values


def test_a_range_leaves_its_stop_out() -> None:
    """Elsewhere `range(1,4)` includes 4, and `range(0.0,1.0,0.5)` includes 1.0."""
    assert values(read("model.width=range(1,4)")) == [(1,), (2,), (3,)]
    assert values(read("loss.weight=range(0.0,1.0,0.5)")) == [(0.0,), (0.5,)]
