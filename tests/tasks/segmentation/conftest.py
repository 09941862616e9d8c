"""The options as users get them, with a few values changed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
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


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors gain nothing by a second thread, and wait for it where cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
