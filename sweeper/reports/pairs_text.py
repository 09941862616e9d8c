"""How a report tells of confirmation pairs that came one by one, or of verdicts that share one confidence."""

from sweeper.results import Judgement, StudyResult


def how_often(judgement: Judgement) -> str:
    """`once`, or after each pair."""
    is_open = judgement.pairs is not None and judgement.pairs.is_sequential
    return "after each pair" if is_open else "once"


def interval_words(result: StudyResult, judgement: Judgement, limits: str) -> str:
    """The interval of the confirmation under its name; `limits` tells it and the p-value, where there are."""
    pairs, found = judgement.pairs, judgement.confirmation
    if found is None or found.ci_low is None:
        return "no interval"
    if pairs is None:
        return f"{result.confidence:.0%} interval {limits}"
    if pairs.is_sequential:
        return f"repeated {result.confidence:.0%} interval {limits}"
    return f"{pairs.confidence:.2%} interval {limits}"


def pairs_lines(result: StudyResult, judgement: Judgement) -> list[str]:
    """Why pairs ended, and what the interval and the p-value of the last look mean, where there are any."""
    pairs, found = judgement.pairs, judgement.confirmation
    if pairs is None or not pairs.is_sequential:
        return []
    because = f"- pairs: {pairs.because}"
    if found is None or found.ci_low is None:
        return [because]
    last = f"at this look an interval of {pairs.confidence:.2%} (p below {1 - pairs.confidence:.2g} decides)"
    return [because, f"- so that all looks together keep {result.confidence:.0%}, {last}"]
