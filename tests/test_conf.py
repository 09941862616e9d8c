"""Forms that mean the same in every Hydra that is supported."""

from pathlib import Path

import pytest
import yaml

CONF = Path(__file__).parents[1] / "conf"
OPTIONS = [path for group in ("data", "loss", "model") for path in (CONF / group).rglob("*.yaml")]


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_no_defaults_list_chooses_an_option_in_a_folder(path: Path) -> None:
    """Hydra 1.4 reads `data: esmm/csv` there as `data/esmm: csv`, and then refuses `data=...`."""
    config = yaml.safe_load(path.read_text()) or {}
    chosen = [entry for entry in config.get("defaults", ()) if isinstance(entry, dict)]
    assert [entry for entry in chosen if "/" in str(*entry.values())] == []


@pytest.mark.parametrize("path", OPTIONS, ids=lambda path: str(path.relative_to(CONF)))
def test_an_option_in_a_folder_says_where_it_goes(path: Path) -> None:
    """So that it goes there too where somebody's own defaults list chooses it in Hydra 1.4."""
    group = path.relative_to(CONF).parts[0]
    assert path.read_text().startswith(f"# @package {group}\n")
