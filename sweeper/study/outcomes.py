"""What the last message of a job means for its run. Pure."""

from dataclasses import replace
from pathlib import Path

from sweeper.errors import DiskFullError, FolderHeldError, sentences
from sweeper.messages import Failed, Finished, Lost, Stopped
from sweeper.results import RunResult
from sweeper.trial import JobSpec

LastWord = Finished | Stopped | Failed | Lost

FROM_FINISHED = ("metrics", "best_step", "steps_trained", "steps_inherited", "seconds")


def outcome(job: JobSpec, message: LastWord, pruned_because: str | None = None) -> RunResult:
    """The result of a job's run, from its last message; what is no fault of the run's is INTERRUPTED."""
    run = job.members[0]
    result = RunResult(run.trial, run.seed, "FAILED", attempt=run.attempt, folder=Path(run.folder))
    match message:
        case Finished():
            known = {name: getattr(message, name) for name in FROM_FINISHED}
            return replace(result, state="COMPLETE", **known)
        case Stopped():
            where = f"at step {message.step}"
            reason = pruned_because or where if message.why == "pruned" else where
            state = "PRUNED" if message.why == "pruned" else "INTERRUPTED"
            spent = {"steps_trained": message.steps_trained, "seconds": message.seconds}
            return replace(result, state=state, reason=reason, **spent)  # type: ignore[arg-type]
        case Lost():
            return replace(result, state="INTERRUPTED", reason=message.reason)
        case Failed():
            reason = sentences(message.reason, message.advice)
            is_blameless = message.error in (DiskFullError.__name__, FolderHeldError.__name__)
            return replace(result, state="INTERRUPTED" if is_blameless else "FAILED", reason=reason)


def died(message: LastWord) -> bool:
    """Whether the run ended with its worker, or could not begin for another one's sake."""
    return isinstance(message, Lost) or (
        isinstance(message, Failed) and message.error == FolderHeldError.__name__
    )
