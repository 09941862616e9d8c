from tests.sweeper.toy_app import read


def test_a_range_of_floats_has_all_its_points_and_clean_values() -> None:
    """Elsewhere nine of these ten are tried, one as 0.30000000000000004; Hydra gives 0.7000000000000001."""
    sweep = read("loss.weight=range(0.0,1.0,0.1)")
    assert sweep.points is not None
    assert [point.overrides for point in sweep.points] == [(f"loss.weight=0.{n}",) for n in range(10)]
