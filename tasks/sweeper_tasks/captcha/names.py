"""Names of metrics that both the configuration and the code that measures them read."""

OUTPUT_METRICS = ("bce", "recall", "precision")
"""Of single outputs as yes-or-no answers."""
