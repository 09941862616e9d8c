"""Handwritten digits by a small network, with focal loss: python train.py 2.0."""

import sys

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

gamma = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0  # 0 is plain cross-entropy
torch.manual_seed(0)

x, y = (torch.tensor(values) for values in load_digits(return_X_y=True))
x, order = x.float() / 16, torch.randperm(len(y))
train, test = order[:897], order[897:]

model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

for _ in range(1000):
    rows = train[torch.randint(len(train), (64,))]
    ce = cross_entropy(model(x[rows]), y[rows], reduction="none")
    p = torch.exp(-ce.detach())  # probability of the right digit
    loss = ((1 - p) ** gamma * ce).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

accuracy = (model(x[test]).argmax(1) == y[test]).float().mean().item()
print(f"gamma {gamma}: accuracy {accuracy:.4f}")
