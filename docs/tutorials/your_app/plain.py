"""The same without Hydra: python plain.py --lr 0.1 --seed 0 --out results.json."""

import argparse
import json

import numpy as np
from src.net import Net

from tasks import spirals

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--seed", type=int)
parser.add_argument("--out")
args = parser.parse_args()

rng = np.random.default_rng(args.seed)
train, net = spirals(400, seed=1), Net(32, rng)
for _ in range(60):
    for rows in np.split(rng.permutation(400), 20):
        net.step(train.x[rows], train.y[rows], args.lr, momentum=0.9)

figures = {}
for split, seed in (("val", 2), ("test", 3)):
    points = spirals(1000, seed)
    figures[f"{split}/error"] = float(np.mean(net.classes(points.x) != points.y))
with open(args.out, "w") as file:
    json.dump(figures, file)
