"""Best evaluation and early stopping, by hand."""

from sweeper.worker.progress import Plateau, Progress


def test_any_gain_is_a_new_best_but_only_a_large_one_resets_the_count() -> None:
    """More is better, min_delta 0.1: 0.55 and 0.59 are within 0.1 of 0.50, 0.61 is not."""
    progress = Progress(1, Plateau(0.1))
    seen = [
        (progress.observe(value, step), progress.plateau.n_stale)
        for step, value in enumerate((0.50, 0.55, 0.59, 0.61))
    ]
    assert seen == [(True, 0), (True, 1), (True, 2), (True, 0)]
    assert progress.best_step == 3


def test_of_equal_evaluations_the_first_is_best() -> None:
    progress = Progress(1, Plateau(0.0))
    for step in (5, 10, 15):
        progress.observe(0.7, step)
    assert progress.best_step == 5
    assert progress.plateau.n_stale == 2


def test_a_falling_loss_is_progress_where_less_is_better() -> None:
    progress = Progress(-1, Plateau(0.0))
    assert [progress.observe(value, step) for step, value in enumerate((3.0, 2.0, 2.5))] == [
        True,
        True,
        False,
    ]
    assert progress.best_step == 1


def test_patience_is_a_number_of_evaluations_and_none_is_never() -> None:
    progress = Progress(1, Plateau(0.0))
    for step in range(4):
        progress.observe(0.5, step)
    assert [progress.is_exhausted(patience) for patience in (None, 4, 3, 1)] == [False, False, True, True]


def test_state_survives() -> None:
    first = Progress(-1, Plateau(0.2))
    first.observe(1.0, 5)
    first.observe(0.9, 10)
    second = Progress(-1, Plateau(0.2))
    second.load_state_dict(first.state_dict())
    assert second == first
