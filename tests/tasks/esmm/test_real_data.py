"""The real loaders on real files, where a checkout has them beside it."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sweeper_tasks.esmm.data import prepare

DATA = Path(__file__).parents[4] / "shared" / "data" / "esmm"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="needs shared/data beside the checkout")


def test_the_campaign_table_loads_with_its_documented_counts(
    data_of: Callable[..., Any], tmp_path: Path
) -> None:
    data = data_of("hillstrom", path=str(DATA / "hillstrom_email.csv.gz"))
    facts = prepare(SimpleNamespace(data=data), tmp_path).facts
    assert sum(facts["rows"].values()) == 64_000
    assert sum(facts["clicks"].values()) == 9_394
    assert sum(facts["conversions"].values()) == 578
    assert "spend" not in [*facts["dense_fields"], *(field["name"] for field in facts["sparse_fields"])]


def test_the_encoded_sample_of_ali_ccp_loads_with_its_own_split(
    data_of: Callable[..., Any], tmp_path: Path
) -> None:
    data = data_of("ali_ccp_csv", path=str(DATA / "ali_ccp_sample"))
    facts = prepare(SimpleNamespace(data=data), tmp_path).facts
    assert facts["rows"] == {"train": 100, "val": 50, "test": 50}
    assert facts["clicks"] == {"train": 7, "val": 3, "test": 2}
