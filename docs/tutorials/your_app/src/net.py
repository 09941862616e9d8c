"""The model: one hidden layer, gradient descent with momentum."""

import numpy as np


class Net:
    """Says of points whether they belong to spiral 1."""

    def __init__(self, width: int, rng: np.random.Generator) -> None:
        self.weights = [rng.normal(size=(2, width)) * 2, np.zeros(width), rng.normal(size=width) / width**0.5]
        self.speed = [np.zeros_like(weight) for weight in self.weights]

    def step(self, x: np.ndarray, y: np.ndarray, lr: float, momentum: float) -> None:
        """One step on a batch."""
        hidden, p = self._forward(x)
        error = (p - y) / len(y)
        back = np.outer(error, self.weights[2]) * (1 - hidden**2)
        for i, gradient in enumerate((x.T @ back, back.sum(0), hidden.T @ error)):
            self.speed[i] = momentum * self.speed[i] + gradient
            self.weights[i] -= lr * self.speed[i]

    def classes(self, x: np.ndarray) -> np.ndarray:
        """The spiral of each point."""
        return self._forward(x)[1] > 0.5

    def _forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        hidden = np.tanh(x @ self.weights[0] + self.weights[1])
        return hidden, 1 / (1 + np.exp(-hidden @ self.weights[2]))
