"""Which examples a step trains on: a function of seed and step, nothing else."""

import hashlib

import torch
from torch import Tensor


class EpochIndices:
    """Index batches over `n_examples`, in a new order each epoch.

    The order of an epoch depends on (`seed`, epoch) only and is drawn on the CPU, so that it is the same on
    every device. The last partial batch of an epoch is dropped: other examples fall out each time. Fewer
    examples than `batch_size` make one batch of all.
    """

    def __init__(self, n_examples: int, batch_size: int, seed: int, device: torch.device) -> None:
        self._n_examples, self._seed, self._device = n_examples, seed, device
        self.batch_size = min(batch_size, n_examples)
        self.n_batches = n_examples // self.batch_size
        self._epoch = -1
        self._batches: tuple[Tensor, ...] = ()

    def at(self, step: int) -> Tensor:
        """The indices of step `step` (from 0): [B] int64 on the device."""
        epoch, position = divmod(step, self.n_batches)
        if epoch != self._epoch:
            order = self._permutation(epoch).to(self._device)
            self._epoch, self._batches = epoch, torch.split(order, self.batch_size)
        return self._batches[position]

    def _permutation(self, epoch: int) -> Tensor:
        # hashed, because neighbouring seeds and epochs must not give related orders
        digest = hashlib.sha256(f"{self._seed}/{epoch}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
        return torch.randperm(self._n_examples, generator=generator)
