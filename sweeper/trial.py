"""What travels from the study to a worker: trials, runs and jobs, all frozen, all JSON both ways."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, JsonValue

from sweeper.models import StrictModel, Strings, digest_of
from sweeper.wording import slugify

Role = Literal["baseline", "candidate", "attribution"]
Runner = Literal["task", "program", "ensemble"]


class TrialSpec(StrictModel):
    """One set of parameters. A baseline is special by `prunable=False` and by its role in the verdict.

    A trial of the role `attribution` is no candidate: it is trained once the verdict is known, on the
    confirmation seeds, to tell which of the winner's differences made the difference.

    `params` are the swept values by key, `overrides` the strings that Hydra would be given, `config` the
    whole validated run configuration (without study, executor, tracking), `max_steps` the optimizer steps of
    a full run, `notices` warnings about this configuration. `refused`: why this point cannot be trained,
    where a sampler proposed one that cannot; `config` is then the baseline's. `parent` and `rule`: the trial
    that a follow-up changes, by its number, and the rule, or the stage of a plan, that asked for it.
    """

    number: int
    name: str
    role: Role
    prunable: bool
    params: dict[str, JsonValue]
    overrides: Strings
    config: dict[str, JsonValue]
    fingerprint: str
    max_steps: int
    notices: Strings = ()
    refused: str = ""
    parent: int | None = None
    rule: str = ""

    @property
    def slug(self) -> str:
        """`<number>-<name>`, safe as a folder name on any file system."""
        return f"{self.number:04d}-{slugify(self.name)}"


class RunSpec(StrictModel):
    """One trial on one seed: a member of a job."""

    trial: int
    name: str
    seed: int
    config: dict[str, JsonValue]
    folder: str
    attempt: int = Field(ge=1)


class CheckpointRef(StrictModel):
    """Where another run of this seed was at a step until which both train the same, by its file.

    `models`: by step, the files with the models that were evaluated on the way there: a run with another loss
    has figures of its own for them.
    """

    path: str
    models: dict[int, str] = Field(default_factory=dict)


class Leave(StrictModel):
    """What a run leaves at a step for others: all that they start from, or the model alone (`is_model`)."""

    step: int
    path: str
    is_model: bool = False


class DeviceNeeds(StrictModel):
    """What a job asks of its slot. `is_alone`: no other worker may hold memory on the device."""

    device: str
    n_threads: int | None
    is_alone: bool = False


class JobSpec(StrictModel):
    """What one worker does at a time: 1 member trains solo, more train stacked.

    `runner`: what runs its members: `task` is the trainer, whose configuration theirs are; `program` starts a
    program, their configuration being {"program": a ProgramSpec}; `ensemble` evaluates an average of models,
    the configuration being {"ensemble": an EnsembleSpec}. `start_from`: a prefix that another run has left,
    used where the member has no checkpoint of its own; `leave`: what it leaves itself. `has_system_metrics`:
    its worker samples CPU, memory and GPU.
    """

    job_id: str
    study: str
    members: tuple[RunSpec, ...] = Field(strict=False, min_length=1)
    prepared: str
    start_from: CheckpointRef | None
    stop_at: int | None
    needs: DeviceNeeds
    runner: Runner = "task"
    has_system_metrics: bool = False
    leave: tuple[Leave, ...] = Field(default=(), strict=False)


def member_facts(job: JobSpec, run: RunSpec) -> dict[str, Any]:
    """The fields that every message about a member of `job` has."""
    return {"job_id": job.job_id, "trial": run.trial, "seed": run.seed, "attempt": run.attempt}


def fingerprint(effective: Mapping[str, Any], data_digest: str) -> str:
    """The hash under which a configuration is known: equal fingerprint and seed mean the same run."""
    return digest_of(canonical(effective), data_digest).removeprefix("sha256:")[:32]


def canonical(value: Any) -> str:
    """JSON with sorted keys and no white space, so that equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def by_value(value: Any) -> Any:
    """`value` such that what is equal is written equally: 1 and 1.0, lists and tuples, keys in any order."""
    if isinstance(value, Mapping):
        return {str(key): by_value(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [by_value(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class Slot:
    """A place where one job can run at a time.

    `device` is what the job's worker calls it (`cuda:0`, of the GPUs that it sees); `label` what a reader
    does (`gpu 3`). Slots with equal labels share a device.
    """

    index: int
    device: str
    n_threads: int | None
    label: str = "cpu"
