"""How a report tells of confirmation pairs that came one by one, or of verdicts that share one confidence."""

from sweeper.results import Judgement, StudyResult


def how_often(judgement: Judgement) -> str:
    """`once`, or after each pair."""
    is_open = judgement.pairs is not None and judgement.pairs.is_sequential
    return "after each pair" if is_open else "once"


def interval_words(result: StudyResult, judgement: Judgement) -> str:
    """What the interval of the confirmation is called."""
    pairs = judgement.pairs
    if pairs is None:
        return f"{result.confidence:.0%} interval"
    if pairs.is_sequential:
        return f"repeated {result.confidence:.0%} interval"
    return f"{pairs.confidence:.2%} interval"


def pairs_lines(result: StudyResult, judgement: Judgement) -> list[str]:
    """Why pairs ended, and what the interval and the p-value of the last look mean."""
    pairs = judgement.pairs
    if pairs is None or not pairs.is_sequential:
        return []
    last = f"at this look an interval of {pairs.confidence:.2%} (p below {1 - pairs.confidence:.2g} decides)"
    return [
        f"- pairs: {pairs.because}",
        f"- so that all looks together keep {result.confidence:.0%}, {last}",
    ]
