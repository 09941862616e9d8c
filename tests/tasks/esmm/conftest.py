"""The data options as users get them, with a few values changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from sweeper_tasks.esmm.data_config import DataConfig

OPTIONS = Path(__file__).parents[3] / "conf" / "data" / "esmm"
DataOf = Callable[..., Any]


@pytest.fixture(scope="session")
def data_of() -> DataOf:
    """`data_of("csv", path="a.csv")`: the option of that name, validated."""

    def load(option: str, **changes: Any) -> Any:
        section = _read(option)
        return TypeAdapter[Any](DataConfig).validate_python(section | {"cache_dir": "cache"} | changes)

    return load


def _read(option: str) -> dict[str, Any]:
    """The option on top of those that its list of defaults names with `@_here_`, as Hydra composes them."""
    section = yaml.safe_load((OPTIONS / f"{option}.yaml").read_text())
    names = [name for name in section.pop("defaults", []) if str(name).endswith("@_here_")]
    below = [_read(name.removesuffix("@_here_").rpartition("/")[2]) for name in names]
    return {key: value for part in (*below, section) for key, value in part.items()}
