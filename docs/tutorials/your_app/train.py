"""Which of two spirals does a point belong to? python train.py optimizer.lr=0.1."""

import hydra
import numpy as np
from omegaconf import DictConfig
from src.net import Net

from tasks import spirals


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig) -> float:
    """Share of mistakes on validation."""
    rng = np.random.default_rng(cfg.seed)
    train, val = spirals(400, seed=1), spirals(1000, seed=2)
    net = Net(cfg.model.width, rng)
    for _ in range(cfg.epochs):
        for rows in np.split(rng.permutation(400), 20):
            net.step(train.x[rows], train.y[rows], cfg.optimizer.lr, cfg.optimizer.momentum)
    error = np.mean(net.classes(val.x) != val.y)
    print(f"error {error:.4f}")
    return error


if __name__ == "__main__":
    main()
