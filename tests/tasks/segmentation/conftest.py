"""The options as users get them, with a few values changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from sweeper_tasks.segmentation.data_config import DataConfig

OPTIONS = Path(__file__).parents[3] / "conf" / "data" / "segmentation"
DataOf = Callable[..., Any]


@pytest.fixture(scope="session")
def data_of() -> DataOf:
    """`data_of("celebamask", path="faces")`: the option of that name, validated."""

    def load(option: str, **changes: Any) -> Any:
        section = yaml.safe_load((OPTIONS / f"{option}.yaml").read_text())
        return TypeAdapter[Any](DataConfig).validate_python(section | {"cache_dir": "cache"} | changes)

    return load
