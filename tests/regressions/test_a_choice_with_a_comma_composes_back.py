from tests.sweeper.toy_app import read, toy_composer

CHOICES = {"'a,b'": "a,b", "c": "c", '"it\'s"': "it's", "'x y'": "x y", "'1'": "1", "'null'": "null"}


def test_a_choice_with_a_comma_composes_back() -> None:
    """Elsewhere `choice('a,b',c)` leaves without its quotes, and cannot be composed."""
    sweep = read(f"loss.label=choice({','.join(CHOICES)})")
    assert sweep.points is not None
    composer = toy_composer()
    composed = [composer.recompose(point.overrides)["loss"]["label"] for point in sweep.points]
    assert composed == list(CHOICES.values()) == [point.params["loss.label"] for point in sweep.points]
