"""Which split a folder of pictures is, by its name."""

from collections.abc import Iterable, Mapping

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""As data sets call their splits, in small letters."""


def split_of_folder(name: str) -> str | None:
    """`val` for `Validation`; None for any other name."""
    return SPLIT_NAMES.get(name.lower())


def splits_of_paths(names: Iterable[str]) -> Mapping[str, str] | None:
    """By path, the split that its first folder names; None unless all are in one, train and another."""
    found = {name: split_of_folder(name.split("/")[0]) if "/" in name else None for name in names}
    splits = {name: split for name, split in found.items() if split is not None}
    is_split = len(splits) == len(found) and {"train"} < set(splits.values())
    return splits if is_split else None
