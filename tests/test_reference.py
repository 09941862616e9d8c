"""The pages of all keys say what `conf/` and the plugin's own files say."""

from pathlib import Path

import pytest
import yaml

from docs.reference import make
from docs.reference.options import ALIAS, CONF, OF_APPS, read_option

PAGES = make.pages()
INTERNAL = ("name", "_target_", "_recursive_")
"""Keys of a file of the plugin that nobody sets by themselves."""


@pytest.mark.parametrize("name", PAGES)
def test_a_committed_page_is_what_the_script_makes(name: str) -> None:
    committed = (make.HERE / name).read_text()
    assert committed == PAGES[name], "run python -m docs.reference.make"


def test_no_page_is_left_over() -> None:
    assert {path.name for path in make.HERE.glob("keys*.md")} == PAGES.keys()


def test_every_key_of_conf_is_on_a_page_with_a_default_and_a_meaning() -> None:
    """Read by another parser than the script's; the keys of a documented grid are names of trials."""
    text, missing = "\n".join(PAGES.values()), []
    for path in CONF.rglob("*.yaml"):
        parts = path.relative_to(CONF).with_suffix("").parts
        group = ".".join(parts[:-1]) if parts[0] == "monitor" else parts[0]
        if group in ("hydra", "sweep"):
            continue
        for key in leaves(
            yaml.safe_load(path.read_text()), "" if group in ("config", "task") else f"{group}."
        ):
            rows = [line for line in text.splitlines() if line.startswith(f"| `{key}` | `")]
            if not rows or any(row.endswith("|  |") for row in rows):
                missing.append((str(path), key))
    assert missing == []


@pytest.mark.parametrize("folder", [OF_APPS, ALIAS], ids=lambda folder: folder.name)
def test_every_key_of_an_app_is_on_its_page_with_a_default_and_a_meaning(folder: Path) -> None:
    rows, missing = PAGES["keys_app.md"].splitlines(), []
    for path in folder.rglob("*.yaml"):
        prefix = ".".join(path.relative_to(folder).parent.parts)
        for key in leaves(yaml.safe_load(path.read_text()), f"{prefix}."):
            found = [row for row in rows if row.startswith(f"| `{key}` | `")]
            if key.split(".")[-1] not in INTERNAL and (
                not found or any(row.endswith("|  |") for row in found)
            ):
                missing.append((path.name, key))
    assert missing == []


def leaves(section: object, prefix: str) -> list[str]:
    """Dotted paths of all values, but for names of options, and what belongs to Hydra."""
    if not isinstance(section, dict) or not section:
        return [prefix.removesuffix(".")]
    found = [name for name in section if name not in ("defaults", "hydra")]
    paths = [path for name in found for path in leaves(section[name], f"{prefix}{name}.")]
    return [
        path for path in paths if path.count(".") != 1 or not path.endswith(".name") or path == "study.name"
    ]


def test_a_comment_may_stand_beside_below_or_above_its_key(tmp_path: Path) -> None:
    (tmp_path / "loss").mkdir()
    path = tmp_path / "loss" / "plain.yaml"
    path.write_text(
        "# What it is.\n#   loss=plain\nname: plain\na: 1  # beside\n       # and below\n# above\nb:\n"
        "- x\n- y\n"
        "c: [1,\n    2]  # after two lines\nd:  # a section\n  e: null  # of it\n"
    )
    option = read_option(path, tmp_path)
    assert option.about == "What it is.\n\n    loss=plain"
    assert [(key.path, key.default, key.meaning) for key in option.keys] == [
        ("loss.a", "1", "beside and below"),
        ("loss.b", "[x, y]", "above"),
        ("loss.c", "[1, 2]", "after two lines"),
        ("loss.d", "", "a section"),
        ("loss.d.e", "null", "of it"),
    ]


def test_an_option_takes_meanings_from_the_one_that_it_is_based_on() -> None:
    small = PAGES["keys_segmentation.md"].partition("### data=segmentation/celebamask_cpu")[2]
    assert "As `data=segmentation/celebamask`, except:" in small
    assert "| `data.preset.epochs` | `10` | passes over the training split |" in small
