"""Trials that are nothing but a number and a fingerprint."""

from sweeper.trial import TrialSpec


def plain_trial(number: int, fingerprint: str | None = None, name: str | None = None) -> TrialSpec:
    """The baseline for 0, else a candidate; no two alike unless they share a fingerprint."""
    return TrialSpec(
        number=number,
        name=name or f"t{number}",
        role="candidate" if number else "baseline",
        prunable=number > 0,
        params={},
        overrides=(),
        config={},
        fingerprint=fingerprint or f"f{number}",
        max_steps=1,
    )
