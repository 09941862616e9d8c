"""The vision benchmark's usual loop: the same images as ours, put together one by one."""

from pathlib import Path

import torch

from benchmarks.vision import CHOICES, OneByOne, together
from tests.sweeper.small_esmm import read_line
from tests.tasks.segmentation.tiny import tiny_config, tiny_prepared, tiny_task


def test_images_taken_one_by_one_are_those_of_a_batch_where_nothing_varies(tmp_path: Path) -> None:
    task = tiny_task(tiny_prepared(tmp_path))
    images, expected = OneByOne(task), task.train_batch(torch.tensor([3, 0, 7]))
    found = together([images[3], images[0], images[7]])
    assert len(images) == task.n_train
    assert type(found) is type(expected)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_each_image_varies_by_chance_of_its_own(tmp_path: Path) -> None:
    images = OneByOne(tiny_task(tiny_prepared(tmp_path), tiny_config(augment=True)))
    torch.manual_seed(0)
    assert not torch.equal(images[3].images, images[3].images)


def test_what_is_compared_composes_on_every_device() -> None:
    for task, choices in CHOICES.items():
        for overrides in choices.values():
            read_line(f"task={task}", *overrides, multirun=False)
