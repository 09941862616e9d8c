"""Two examples, of which nothing is used but their number."""

from pathlib import Path
from typing import Any

from sweeper.models import digest_of
from sweeper.task import Prepared, prepare_once

from .config import NoopConfig


def prepare(config: NoopConfig, cache_dir: Path) -> Prepared:
    """No arrays."""

    def build(folder: Path) -> dict[str, Any]:
        return {"n_train": 2, "real": False, "facts": {}}

    return prepare_once(cache_dir, digest_of("noop 1", config.data.name), build)
