"""Names of metrics that both the configuration and the code that measures them read."""

PROBABILITY_METRICS = ("brier", "ece", "ce")
"""What a temperature changes."""


def calibrated(metric: str) -> str:
    """The name of a metric after the temperature."""
    return f"{metric}_calibrated"
