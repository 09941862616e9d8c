from tests.sweeper.toy_app import read


def test_linked_values_are_named_trials() -> None:
    """Elsewhere values that belong together, a list of pairs rather than a product, cannot be swept."""
    slow, fast = "['optimizer.lr=0.1','model.width=20']", "['optimizer.lr=0.2','model.width=10']"
    sweep = read(f"study.trials={{slow:{slow},fast:{fast}}}")
    assert sweep.points is not None
    found = {point.name: tuple(point.params.values()) for point in sweep.points}
    assert found == {"slow": (0.1, 20), "fast": (0.2, 10)}
