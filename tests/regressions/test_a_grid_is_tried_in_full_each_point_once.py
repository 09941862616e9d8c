from tests.sweeper.toy_app import read, values


def test_a_grid_is_tried_in_full_each_point_once() -> None:
    """Elsewhere three choices are 20 suggestions of TPE, and 27 points are never covered by 27 of them."""
    assert values(read("loss.weight=0.05,0.1,0.2")) == [(0.05,), (0.1,), (0.2,)]
    grid = values(read("loss.weight=1,2,3", "optimizer.lr=1,2,3", "model.width=1,2,3"))
    assert len(set(grid)) == len(grid) == 27
    assert grid == sorted(grid)
