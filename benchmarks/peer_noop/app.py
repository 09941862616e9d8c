"""What a user of hydra-optuna-sweeper writes: a function that does nothing, and says when it starts."""

import os
import time
from pathlib import Path

import hydra
from omegaconf import DictConfig


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(config: DictConfig) -> float:
    """The squared distance of `x` from 0.3, as in `benchmarks/noop`."""
    with Path(os.environ["NOOP_STARTS"]).open("a") as file:
        file.write(f"{time.time()}\n")
    return float((config.x - 0.3) ** 2)


if __name__ == "__main__":
    main()
