"""The same, with curves, and with points on which nothing is chosen."""

import hydra
import numpy as np
from omegaconf import DictConfig
from src.net import Net

from sweeper import report
from tasks import spirals


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig) -> dict[str, float]:
    """Share of mistakes on validation and test."""
    rng = np.random.default_rng(cfg.seed)
    train, val, test = spirals(400, seed=1), spirals(1000, seed=2), spirals(1000, seed=3)
    net = Net(cfg.model.width, rng)
    for epoch in range(cfg.epochs):
        for rows in np.split(rng.permutation(400), 20):
            net.step(train.x[rows], train.y[rows], cfg.optimizer.lr, cfg.optimizer.momentum)
        error = np.mean(net.classes(val.x) != val.y)
        report(epoch + 1, {"val/error": error})
    wrong = net.classes(test.x) != test.y
    report.examples("error", wrong)
    return {"val/error": error, "test/error": np.mean(wrong)}


if __name__ == "__main__":
    main()
