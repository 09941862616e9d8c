"""Hydra + Optuna sweeps of PyTorch losses, each ending with a verdict against the baseline."""

__version__ = "0.1.0"
