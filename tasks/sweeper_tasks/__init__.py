"""The ML problems that can be swept. Nothing here knows of Hydra, Optuna, MLflow or worker processes."""
