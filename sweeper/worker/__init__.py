"""What runs inside a job: imports torch, never Hydra, Optuna or MLflow."""
