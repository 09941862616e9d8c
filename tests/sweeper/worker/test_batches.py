"""Index batches are a function of seed and step."""

import torch
from hypothesis import given, strategies as st

from sweeper.worker.batches import EpochIndices

CPU = torch.device("cpu")


@given(n=st.integers(1, 60), batch_size=st.integers(1, 20), seed=st.integers(0, 9), epoch=st.integers(0, 3))
def test_an_epoch_takes_no_example_twice_and_drops_less_than_a_batch(
    n: int, batch_size: int, seed: int, epoch: int
) -> None:
    batches = EpochIndices(n, batch_size, seed, CPU)
    start = epoch * batches.n_batches
    taken = torch.cat([batches.at(start + i) for i in range(batches.n_batches)]).tolist()
    assert len(set(taken)) == len(taken) > n - min(batch_size, n)
    assert set(taken) <= set(range(n))


@given(steps=st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_a_batch_does_not_depend_on_the_batches_asked_for_before(steps: list[int]) -> None:
    used = EpochIndices(50, 8, 1, CPU)
    for step in steps:
        assert torch.equal(used.at(step), EpochIndices(50, 8, 1, CPU).at(step))


def test_fewer_examples_than_a_batch_make_one_batch_of_all() -> None:
    batches = EpochIndices(5, 8, 0, CPU)
    assert batches.n_batches == 1
    assert sorted(batches.at(3).tolist()) == [0, 1, 2, 3, 4]


def test_orders_differ_between_epochs_and_between_seeds() -> None:
    one, two = EpochIndices(50, 50, 0, CPU), EpochIndices(50, 50, 1, CPU)
    orders = [tuple(order.tolist()) for order in (one.at(0), one.at(1), two.at(0), two.at(1))]
    assert len(set(orders)) == 4


def test_drawing_an_order_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    EpochIndices(50, 8, 0, CPU).at(0)
    assert torch.equal(torch.rand(3), expected)
