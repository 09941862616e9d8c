"""Types, ranges and units of the sweeper's own configuration; default values are in `conf/`.

A task's own sections (`data`, `model`, `loss`, `aux_focal`) are typed by the task's config class.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from sweeper.criteria import parse, parse_guard
from sweeper.models import Cosmetic, Direction, StrictModel, Strings, UsuallyLeftOut


def _each_once(devices: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(devices)) < len(devices):
        raise ValueError("a list with each GPU once (for several jobs on one: executor.jobs_per_device=2)")
    return devices


def _gpu_numbers(value: Any) -> Any:
    """A list of numbers; one GPU needs no brackets, and `cuda:1` is 1."""
    listed = value if isinstance(value, (list, tuple)) else [value]
    numbers = [_gpu_number(one) for one in listed]
    if not numbers or None in numbers:
        raise ValueError("GPUs by number, as 0 or [0,1]")
    return tuple(numbers)


def _gpu_number(one: Any) -> int | None:
    if type(one) is int and one >= 0:
        return one
    name, _, number = one.partition(":") if isinstance(one, str) else ("", "", "")
    return int(number) if name in ("cuda", "gpu") and number.isdecimal() else None


def _named_by_text(trials: Any) -> Any:
    """Trials may be called 1 or 0.1."""
    return {str(name): lines for name, lines in trials.items()} if isinstance(trials, dict) else trials


def _a_criterion(text: str) -> str:
    return parse(text).text


def _a_guard(text: str) -> str:
    return parse_guard(text).text


def _listed(value: Any) -> Any:
    """One guard needs no brackets."""
    return (value,) if isinstance(value, str) else value


PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(ge=0, le=1)]
ReductionFactor = Annotated[int, Field(ge=2)]
Seeds = Annotated[tuple[NonNegativeInt, ...], Field(strict=False, min_length=1)]
Devices = Annotated[
    tuple[NonNegativeInt, ...],
    Field(strict=False, min_length=1),
    BeforeValidator(_gpu_numbers),
    AfterValidator(_each_once),
]
"""GPUs by number; a single one needs no brackets."""
Criteria = Annotated[tuple[Annotated[str, AfterValidator(_a_criterion)], ...], Field(strict=False)]
Guards = Annotated[
    tuple[Annotated[str, AfterValidator(_a_guard)], ...], Field(strict=False), BeforeValidator(_listed)
]
"""Bounds on differences in other metrics; a single one needs no brackets."""
Decay = Annotated[float, Field(ge=0, lt=1)]
Decays = Annotated[tuple[Decay, Decay], Field(strict=False)]


class TaskSection(StrictModel):
    """Which task, what it is judged by, what its baseline, documented grid and plan are."""

    name: str
    target: str | None
    config_target: str | None
    prepare_target: str | None
    report_target: str | None = None  # jobs and tasks from before there were any have none
    predict_target: str | None = None
    metric: str
    direction: Direction
    baseline: Strings
    default_sweep: str | None
    default_plan: str | None = None


class AdamW(StrictModel):
    """Loshchilov & Hutter 2019 (arXiv:1711.05101)."""

    name: Literal["adamw"]
    lr: PositiveFloat
    weight_decay: NonNegativeFloat
    betas: Decays
    eps: PositiveFloat


class Sgd(StrictModel):
    """Stochastic gradient descent with momentum."""

    name: Literal["sgd"]
    lr: PositiveFloat
    weight_decay: NonNegativeFloat
    momentum: Rate
    nesterov: bool

    @model_validator(mode="after")
    def _momentum_to_look_ahead_by(self) -> "Sgd":
        if self.nesterov and self.momentum == 0:
            raise ValueError("optimizer.nesterov needs a momentum > 0; set optimizer.nesterov=false")
        return self


Optimizer = Annotated[AdamW | Sgd, Field(discriminator="name")]


class Schedule(StrictModel):
    """The learning rate over the steps: a linear warm-up, then constant, cosine, or reduced on a plateau."""

    name: Literal["constant", "cosine", "plateau"]
    lr_warmup_steps: NonNegativeInt
    min_lr_rate: Rate
    plateau_factor: Annotated[float, Field(gt=0, lt=1)]
    plateau_patience: NonNegativeInt


class Trainer(StrictModel):
    """How one run is trained. Exactly one of `max_steps` and `epochs`."""

    batch_size: PositiveInt
    max_steps: PositiveInt | None
    epochs: PositiveInt | None
    eval_every: PositiveInt
    precision: Literal["fp32", "bf16", "fp16"]
    grad_clip_norm: PositiveFloat | None
    patience: PositiveInt | None
    min_delta: NonNegativeFloat
    restore_best: bool
    max_seconds: PositiveFloat | None
    schedule: Schedule
    loss_scale: Annotated[PositiveFloat, UsuallyLeftOut(1.0)] = 1.0
    success: Annotated[Criteria, Cosmetic()] = ()  # jobs and studies stored before there were any have none

    @model_validator(mode="after")
    def _one_length(self) -> "Trainer":
        if (self.max_steps is None) == (self.epochs is None):
            raise ValueError(
                "exactly one of trainer.max_steps and trainer.epochs must be set; "
                "write the other as null (trainer.max_steps=null trainer.epochs=3)"
            )
        return self

    def total_steps(self, n_train: int) -> int:
        """Optimizer steps for a training split of `n_train` examples; an epoch drops its partial batch."""
        if self.max_steps is not None:
            return self.max_steps
        assert self.epochs is not None
        return self.epochs * max(1, n_train // self.batch_size)


KeepModels = Literal["champion", "baseline_and_champion", "all"]
"""Whose trained models a study leaves behind."""


ConfirmSeeds = NonNegativeInt | Seeds | Literal["auto"]
"""So many fresh seeds, or just these; `auto`: pairs are added until the verdict is decided."""


class Study(StrictModel):
    """One optimisation: what is tried, on which seeds, judged how."""

    name: str | None
    storage: str
    n_trials: PositiveInt | None
    n_seeds: PositiveInt
    seeds: Seeds | None
    confirm_seeds: ConfirmSeeds
    max_confirm_seeds: Annotated[int, Field(ge=2, le=1000)] = 10
    screening: Literal["all", "race"] = "all"
    metrics: Strings | None
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    min_effect: PositiveFloat | None
    baseline: Strings
    trials: Annotated[dict[str, Strings] | None, BeforeValidator(_named_by_text)]
    custom_search_space: str | None
    results_dir: str
    timeout_s: PositiveFloat | None
    idle_s: PositiveFloat | None = None
    grace_s: NonNegativeFloat
    retry: Literal["none", "failed", "pruned", "all"]
    max_failure_rate: Rate
    replicate_top_k: PositiveInt
    ensemble_top_k: Annotated[int, Field(ge=2)] | None
    keep_models: KeepModels
    dry_run: bool
    attribution: bool = False
    attribution_groups: Annotated[tuple[Strings, ...], Field(strict=False)] = ()
    guards: Guards = ()
    follow_up_depth: NonNegativeInt = 1
    max_follow_ups: NonNegativeInt = 4
    page_every_s: PositiveFloat | None = 4.0
    share: Literal["auto", "off"] = "auto"


class Sampler(StrictModel):
    """Who proposes points when the space is not enumerated."""

    name: Literal["grid", "random", "tpe", "cmaes", "gp", "qmc", "nsgaii", "custom"]
    seed: NonNegativeInt
    options: dict[str, Any]


class NoPruner(StrictModel):
    """Every run is trained to its end."""

    name: Literal["none"]


class Median(StrictModel):
    """Optuna's MedianPruner: a run's best value so far against the median of earlier trials."""

    name: Literal["median"]
    n_startup_trials: NonNegativeInt
    n_warmup_steps: NonNegativeInt
    interval_steps: PositiveInt
    n_min_trials: PositiveInt


class Percentile(StrictModel):
    """Optuna's PercentilePruner: a run's best value so far against a percentile of earlier trials."""

    name: Literal["percentile"]
    percentile: Annotated[float, Field(gt=0, lt=100)]
    n_startup_trials: NonNegativeInt
    n_warmup_steps: NonNegativeInt
    interval_steps: PositiveInt
    n_min_trials: PositiveInt


class Asha(StrictModel):
    """Optuna's SuccessiveHalvingPruner, which never waits (Li et al. 2020, arXiv:1810.05934)."""

    name: Literal["asha"]
    min_steps: PositiveInt | None
    reduction_factor: ReductionFactor
    min_early_stopping_rate: NonNegativeInt
    bootstrap_count: NonNegativeInt


class Hyperband(StrictModel):
    """Optuna's HyperbandPruner: brackets of successive halving (Li et al. 2018, arXiv:1603.06560)."""

    name: Literal["hyperband"]
    min_steps: PositiveInt | None
    max_steps: PositiveInt | None
    reduction_factor: ReductionFactor
    bootstrap_count: NonNegativeInt

    @model_validator(mode="after")
    def _room_for_a_rung(self) -> "Hyperband":
        if self.min_steps and self.max_steps and self.min_steps > self.max_steps:
            raise ValueError(f"got min_steps={self.min_steps}; expected at most max_steps={self.max_steps}")
        return self


class Threshold(StrictModel):
    """Optuna's ThresholdPruner: a run ends where its value leaves given bounds."""

    name: Literal["threshold"]
    lower: float | None
    upper: float | None
    n_warmup_steps: NonNegativeInt
    interval_steps: PositiveInt

    @model_validator(mode="after")
    def _bounds(self) -> "Threshold":
        if self.lower is None and self.upper is None:
            raise ValueError("got no bound; expected a number for lower or upper")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(f"got lower={self.lower}; expected at most upper={self.upper}")
        return self


Wrapped = Annotated[
    NoPruner | Median | Percentile | Asha | Hyperband | Threshold, Field(discriminator="name")
]


class Patient(StrictModel):
    """Optuna's PatientPruner: another pruner, asked only about runs that have stopped improving."""

    name: Literal["patient"]
    patience: NonNegativeInt
    min_delta: NonNegativeFloat
    wrapped: Wrapped

    @field_validator("wrapped", mode="before")
    @classmethod
    def _chosen_as_a_group(cls, wrapped: Any) -> Any:
        if isinstance(wrapped, str) or wrapped is None:
            name = wrapped or "none"
            raise ValueError(f"got '{name}'; a pruner is chosen by its group: pruner@pruner.wrapped={name}")
        return wrapped


class Wilcoxon(StrictModel):
    """Optuna's WilcoxonPruner: a trial's complete seeds against those of the best trial."""

    name: Literal["wilcoxon"]
    p_threshold: Annotated[float, Field(gt=0, le=1)]
    n_startup_seeds: Annotated[int, Field(ge=2)]


Pruner = Annotated[
    NoPruner | Median | Percentile | Asha | Hyperband | Threshold | Patient | Wilcoxon,
    Field(discriminator="name"),
]


class Inline(StrictModel):
    """Jobs run one after another, in a thread of this process."""

    name: Literal["inline"]
    device: Annotated[str, Cosmetic()]
    n_threads: PositiveInt | None


class Local(StrictModel):
    """One worker process for each device slot of this machine."""

    name: Literal["local"]
    devices: Literal["auto", "cpu"] | Devices
    jobs_per_device: PositiveInt
    n_slots: PositiveInt | None
    n_threads: PositiveInt | None
    max_jobs: PositiveInt | None
    job_timeout_s: PositiveFloat | None
    silence_s: PositiveFloat
    retries: NonNegativeInt
    devices_per_job: PositiveInt = 1  # of programs that train on several GPUs; our trainer uses one


class Remote(StrictModel):
    """Slots elsewhere: each is an agent (`sweeper.agent`) that dials this process and keeps one worker.

    `agents`: how many to start, and how many slots a forecast counts with. `environment`: names of variables
    whose values here every worker gets.
    """

    agents: PositiveInt
    n_threads: PositiveInt
    host: str
    port: Annotated[int, Field(ge=0, le=65535)]
    tls: bool
    environment: Strings
    wait_s: PositiveFloat
    job_timeout_s: PositiveFloat | None
    silence_s: PositiveFloat
    retries: NonNegativeInt


class ByHand(Remote):
    """Agents are started by whoever reads the line that is printed."""

    name: Literal["agents"]


class Ray(Remote):
    """Agents are actors of a Ray cluster that runs. `address`: as `ray.init` takes it; `gpus`: an agent's."""

    name: Literal["ray"]
    address: str
    gpus: Annotated[float, Field(ge=0)]


class Slurm(Remote):
    """Agents are the tasks of a SLURM job array. `sbatch`: further options of `sbatch`."""

    name: Literal["slurm"]
    sbatch: Strings


Executor = Annotated[Inline | Local | ByHand | Ray | Slurm, Field(discriminator="name")]


class Tracking(StrictModel):
    """Where runs are logged, and how much. `uri: null` is the embedded store under `study.results_dir`.

    `all_metrics`: not only objectives, guards and losses. `register_model`: the best model goes to the model
    registry. `system_metrics`: CPU, memory and GPU of each run. Configurations from before these could be
    asked do none of them.
    """

    name: Literal["mlflow", "none"]
    uri: str | None
    experiment: str | None
    all_metrics: bool = False
    register_model: bool = False
    system_metrics: bool = False


class Monitor(StrictModel):
    """Rules about the health of runs by name; what a rule may say is in `sweeper.monitor`.

    `advice`: every rule warns, whatever it says; `act`: each does what it says; `none`: there are no rules.
    """

    name: Literal["advice", "act", "none"] = "none"  # a task's file brings rules, a primary config no mode
    rules: dict[str, dict[str, Any]] = Field(default_factory=dict)


class StudyPlan(StrictModel):
    """In which order named trials are tried: all at once without `stages`, which `sweeper.search` reads."""

    name: str
    stages: dict[str, dict[str, Any]] = Field(default_factory=dict)


class StudySettings(StrictModel):
    """How anything is studied: a task that our trainer trains, or a program that trains itself."""

    task: TaskSection
    seed: NonNegativeInt
    study: Study
    sampler: Sampler
    pruner: Pruner
    executor: Executor
    tracking: Tracking
    monitor: Monitor = Monitor(name="none")  # configurations from before there were any have none
    plan: StudyPlan = StudyPlan(name="parallel")


class Settings(StudySettings):
    """The whole configuration but for the task's own sections."""

    optimizer: Optimizer
    trainer: Trainer


RUN_SECTIONS = ("task", "optimizer", "trainer")
"""What a worker needs beside the task's own sections."""


def own_sections(config: Mapping[str, Any]) -> dict[str, Any]:
    """The task's own sections of a run's configuration, on which all figures of a model depend."""
    return {name: value for name, value in config.items() if name not in RUN_SECTIONS}


class RunSettings(StrictModel):
    """What a worker needs of the configuration beside the task's own sections."""

    task: TaskSection
    optimizer: Optimizer
    trainer: Trainer

    @property
    def feels_scale(self) -> bool:
        """Whether training would go another way if the loss were multiplied by a number."""
        return isinstance(self.optimizer, Sgd) or self.trainer.grad_clip_norm is not None
