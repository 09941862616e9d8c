"""What a worker says to its parent, and what the parent answers. Pure values, JSON both ways."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from sweeper.models import StrictModel, Strings


class _FromRun(StrictModel):
    job_id: str
    trial: int
    seed: int
    attempt: int


class Started(_FromRun):
    """The run trains now; `resumed_step` is 0 for a fresh start.

    `steps_inherited`: so many of these another run has trained. `notes` describe the configuration;
    `incidents` are what went wrong on the way here (a damaged checkpoint that was skipped, a resume with
    other threads) and belong to the run's record.
    """

    kind: Literal["started"] = "started"
    resumed_step: int
    total_steps: int
    device: str
    steps_inherited: int = 0
    notes: Strings = ()
    incidents: Strings = ()


class Alive(_FromRun):
    """A sign of life between evaluations: the step that the run has reached. Wants no answer."""

    kind: Literal["alive"] = "alive"
    step: int


class Reported(_FromRun):
    """One evaluation: metrics by `split/name`; `steps_per_s` since the last one.

    `is_inherited`: another run has trained up to there, so that there is no pace to speak of.
    """

    kind: Literal["reported"] = "reported"
    step: int
    metrics: dict[str, float]
    steps_per_s: float
    is_inherited: bool = False


class Finished(_FromRun):
    """The run is complete. `metrics` are those of the model that was kept (best or last), on val and test.

    `incidents` are what went wrong on the way and left the figures as they are.
    """

    kind: Literal["finished"] = "finished"
    metrics: dict[str, float]
    best_step: int
    steps_trained: int
    steps_inherited: int
    seconds: float
    ended_by: Literal["max_steps", "patience", "max_seconds"]
    incidents: Strings = ()


class Stopped(_FromRun):
    """The run left because it was told to, after writing a checkpoint: pruned, or to be resumed later.

    `reason`: who had it leave, where that was its host and not the study; said by the executor.
    """

    kind: Literal["stopped"] = "stopped"
    why: Literal["pruned", "interrupted"]
    step: int
    steps_trained: int
    seconds: float
    reason: str = ""
    steps_inherited: int = 0


class Failed(_FromRun):
    """The run ended without a result; `reason` in one line, `error` the class name, more in the log."""

    kind: Literal["failed"] = "failed"
    error: str
    reason: str
    advice: str = ""
    step: int | None = None


class Lost(_FromRun):
    """The run's worker is gone without a last word; said by the executor. The run may be tried again.

    `is_hosts`: its whole host went, or was taken away, which says nothing of the run.
    """

    kind: Literal["lost"] = "lost"
    reason: str
    is_hosts: bool = False


Message = Annotated[
    Started | Alive | Reported | Finished | Stopped | Failed | Lost, Field(discriminator="kind")
]
MessageAdapter: TypeAdapter[Message] = TypeAdapter(Message)

Reply = Literal["continue", "prune", "stop"]
"""The answer to `Reported`: go on, give up this trial, or write a checkpoint and leave."""
