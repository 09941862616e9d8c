"""Hydra's door to the sweeper: `hydra/sweeper=optuna_study`."""
