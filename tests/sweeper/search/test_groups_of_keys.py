"""Which overrides only make sense together."""

import pytest

from sweeper.search.groups_of_keys import groups_of, merged


def groups(*keys: str, named: tuple[tuple[str, ...], ...] = ()) -> dict[str, tuple[str, ...]]:
    return {group.name: group.keys for group in groups_of(keys, named)}


def test_a_config_group_takes_along_what_is_set_inside_it() -> None:
    found = groups("model", "optimizer", "model.dropout", "optimizer.momentum", "data.augmentation.scale")
    assert found == {
        "model, dropout": ("model", "model.dropout"),
        "optimizer, momentum": ("optimizer", "optimizer.momentum"),
        "scale": ("data.augmentation.scale",),
    }


def test_weights_gamma_and_alpha_are_one_loss() -> None:
    found = groups("loss", "loss.focal_gamma", "aux_focal.lambda", "model.dropout", "lossless.key")
    assert found["loss, aux_focal"] == ("loss", "loss.focal_gamma", "aux_focal.lambda")
    assert set(found) == {"loss, aux_focal", "dropout", "key"}


def test_rate_batch_size_and_length_are_one_budget() -> None:
    keys = ("optimizer.lr", "trainer.batch_size", "trainer.epochs", "trainer.schedule.lr_warmup_steps")
    assert groups(*keys, "optimizer.weight_decay") == {
        "lr, batch_size, epochs and 1 more": keys,
        "weight_decay": ("optimizer.weight_decay",),
    }


def test_an_optimizer_that_changes_brings_its_rate_into_the_budget() -> None:
    assert list(groups("optimizer", "optimizer.lr", "trainer.max_steps")) == ["optimizer, lr, max_steps"]


def test_the_user_s_groups_come_before_all_others() -> None:
    keys = ("loss", "loss.focal_gamma", "optimizer.lr", "trainer.epochs", "model.dropout")
    found = groups(*keys, named=(("optimizer.lr", "model.dropout"), ("loss.focal_gamma",)))
    assert list(found.values()) == [
        ("loss",),
        ("loss.focal_gamma",),
        ("optimizer.lr", "model.dropout"),
        ("trainer.epochs",),
    ]


def test_a_key_goes_with_the_one_that_gives_it_a_meaning() -> None:
    conditional = {"head.alpha": {"head.use_alpha"}}
    assert [g.keys for g in groups_of(["head.alpha", "head.width", "head.use_alpha"], (), conditional)] == [
        ("head.alpha", "head.use_alpha"),
        ("head.width",),
    ]


def test_names_that_would_be_the_same_are_whole_keys() -> None:
    assert list(groups("encoder.dropout", "decoder.dropout")) == ["encoder.dropout", "decoder.dropout"]


@pytest.mark.parametrize(
    ("sizes", "names"),
    [({}, ["a", "b", "c, d, e"]), ({"d": 3, "e": 2, "c": 1}, ["d", "e", "a, b, c"])],
)
def test_what_changes_the_fewest_keys_is_taken_together(sizes: dict[str, int], names: list[str]) -> None:
    every = groups_of(["a", "b", "c", "d", "e"])
    found = merged(every, 3, sizes)
    assert [group.name for group in found] == names
    assert sorted(key for group in found for key in group.keys) == ["a", "b", "c", "d", "e"]
