"""From overrides to a TrialSpec: compose, validate, prepare the data, fingerprint, name."""

import errno
import os
import re
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import JsonValue, ValidationError

from sweeper.agent import code_hash
from sweeper.config import TaskSweep, objective_warnings, objectives_of, training_in_words, usual_objective
from sweeper.criteria import SPLITS
from sweeper.errors import FULL_ERROR, Fault, SweeperError, UserError, is_full
from sweeper.layout import RunFolder
from sweeper.models import conditional_paths, digest_of, drop_key
from sweeper.reports import Added, added_by_task
from sweeper.results import Judgement, Objective, StudyResult
from sweeper.schema import RUN_SECTIONS, RunSettings, Settings, own_sections
from sweeper.search import key_of
from sweeper.study.code import command
from sweeper.study.prefix_tree import RunPath
from sweeper.study.segments import Seen, path_of, seen_of
from sweeper.study.spec_factory import MetricNames, RunParts
from sweeper.task import (
    Prepared,
    TaskConfig,
    content_lines,
    content_warnings,
    imbalance_lines,
    is_built_in,
    task_entry,
)
from sweeper.trial import Role, Slot, TrialSpec, canonical, fingerprint

NUMBERS = re.compile(r"\d+(\.\d+)?(e[-+]?\d+)?")
N_ALIKE = 3
"""Of more warnings that differ in their numbers alone one is shown."""
N_BLOCKS = 3
"""So many trials that are announced differently are shown."""


@dataclass(frozen=True)
class Half:
    """Of a trial's configuration what is not the task's own.

    `settings` have the study's objective; `sections` are those that a worker gets of them, `effective` those
    that a fingerprint is made of.
    """

    settings: Settings
    sections: dict[str, JsonValue]
    effective: dict[str, Any]

    @cached_property
    def seen(self) -> Seen:
        """What the segments of these trials are told by."""
        return seen_of(self.settings)


class TaskSpecs:
    """Makes the trials of a task's sweep. Data are prepared once for each data section that occurs."""

    def __init__(self, sweep: TaskSweep) -> None:
        self._sweep = sweep
        self._prepared: dict[str, Prepared] = {}
        self._by_fingerprint: dict[str, Prepared] = {}
        self._run_paths: dict[str, RunPath] = {}
        self._bases: dict[str, str] = {}
        self._halves: dict[str, Half] = {}
        self._last_half: tuple[Settings, Half] | None = None
        self._task_configs: dict[tuple[str, tuple[str, ...]], TaskConfig] = {}

    @cached_property
    def objective(self) -> Objective:
        """What all runs are trained for: the study's first objective. Raises UserError for none."""
        return objectives_of(self._sweep)[0]

    @cached_property
    def _unusual_objective(self) -> dict[str, str]:
        """What a fingerprint says of the objective: nothing of the task's own, as ever."""
        is_usual = self.objective == usual_objective(self._sweep)
        return {} if is_usual else {"objective": f"{self.objective.metric}:{self.objective.direction}"}

    def _half(self, settings: Settings) -> "Half":
        """What these settings mean to a trial; most trials of a sweep share theirs."""
        if self._last_half is None or self._last_half[0] is not settings:
            trained = self._trained_for(settings)
            sections = trained.model_dump(mode="json", by_alias=True, include=set(RUN_SECTIONS))
            self._last_half = settings, Half(trained, sections, _without_cosmetics(trained))
        return self._last_half[1]

    def _trained_for(self, settings: Settings) -> Settings:
        """The settings with the study's objective in the task's place: a worker knows one."""
        task = {"metric": self.objective.metric, "direction": self.objective.direction}
        return settings.model_copy(update={"task": settings.task.model_copy(update=task)})

    def _effective(self, half: "Half", task_config: TaskConfig, max_steps: int) -> dict[str, Any]:
        """What a fingerprint is made of."""
        own = task_config.effective(max_steps)
        if type(task_config).effective is not TaskConfig.effective:  # which may leave keys out
            own = {**task_config.without_cosmetics(), **own}
        found = {**half.effective, **own}
        trainer = {**found["trainer"], "max_steps": max_steps, "epochs": None}
        return {**found, "trainer": trainer, **self._unusual_objective}

    def baseline(self, number: int) -> TrialSpec:
        """The reference trial: the fixed configuration with `study.baseline` applied."""
        return self.spec(number, "baseline", "baseline", {}, self._sweep.settings.study.baseline)

    def spec(
        self, number: int, name: str, role: Role, params: Mapping[str, JsonValue], overrides: Sequence[str]
    ) -> TrialSpec:
        """The trial at these overrides. Raises UserError where they do not make a valid configuration."""
        checked = self._sweep.at(overrides)
        half, task_config = self._half(checked.settings), checked.task_config
        sections = task_config.model_dump(mode="json", by_alias=True)
        prepared = self._prepared_at(half.settings, task_config, sections)
        self._refuse_other_data(name, prepared)
        max_steps = half.settings.trainer.total_steps(prepared.n_train)
        mark = fingerprint(self._effective(half, task_config, max_steps), prepared.digest)
        self._by_fingerprint[mark], self._halves[mark] = prepared, half
        self._task_configs[mark, tuple(overrides)] = task_config
        spec = TrialSpec(
            number=number,
            name=name,
            role=role,
            prunable=role == "candidate",
            params=dict(params),
            overrides=tuple(overrides),
            config={},
            fingerprint=mark,
            max_steps=max_steps,
            notices=(*task_config.notices(max_steps), *_idle(params, task_config, max_steps)),
        )
        # it comes from models, as JSON: to validate it again would copy what all trials share
        return spec.model_copy(update={"config": {**half.sections, **sections}})

    @cached_property
    def _own_data(self) -> Prepared:
        """The prepared data of the fixed configuration."""
        return self.prepare(self._sweep.settings, self._sweep.task_config)

    def _refuse_other_data(self, name: str, prepared: Prepared) -> None:
        """Trials are compared on one test split; on another one a difference would say nothing."""
        if prepared.digest != self._own_data.digest:
            problem = (
                f"trial '{name}' has other data than the fixed configuration; expected one data set a study"
            )
            raise UserError(Fault("data", problem, "Start a study for each data set"))

    def adopt(self, trial: TrialSpec) -> None:
        """Make known on which data a trial of an earlier command trains.

        Raises UserError where the present code does not know its configuration, or its data are gone.
        """
        if trial.fingerprint in self._by_fingerprint:
            return
        try:
            task_config = self.task_config_of(trial)
        except ValidationError as error:
            first = error.errors()[0]
            problem = (
                f"trial {trial.number} ({trial.name}) of an earlier command has a configuration that the "
                f"present code refuses ({'.'.join(map(str, first['loc']))}: {first['msg']})"
            )
            raise UserError(
                Fault("study.name", problem, "Choose another name, or the version that began it")
            ) from error
        self._by_fingerprint[trial.fingerprint] = self.prepare(self._sweep.settings, task_config)

    def task_config_of(self, trial: TrialSpec) -> TaskConfig:
        """The task's own sections of a trial's configuration."""
        known = self._task_configs.get((trial.fingerprint, trial.overrides))
        if known is not None:
            return known
        task_class = task_entry(self._sweep.settings.task).config_class()
        sections = own_sections(trial.config)
        return task_class.model_validate_json(canonical(sections))

    def prepare(self, settings: Settings, task_config: TaskConfig) -> Prepared:
        """The prepared data of a configuration. Raises UserError where the data cannot be used."""
        return self._prepared_at(settings, task_config, task_config.model_dump(mode="json", by_alias=True))

    def _prepared_at(
        self, settings: Settings, task_config: TaskConfig, sections: Mapping[str, Any]
    ) -> Prepared:
        data = sections["data"]
        key = canonical(data)
        if key not in self._prepared:
            cache = _cache_of(settings, data.get("cache_dir"))
            self._prepared[key] = _prepared(settings, task_config, cache)
        return self._prepared[key]

    def prepared_of(self, trial: TrialSpec) -> Prepared:
        """The prepared data that a trial of this factory trains on."""
        return self._by_fingerprint[trial.fingerprint]

    def data(self) -> dict[str, Any]:
        """What a report says of the data of the fixed configuration."""
        prepared = self._own_data
        name = self._sweep.config["data"].get("name")
        return {"name": name, "digest": prepared.digest, "real": prepared.real, **prepared.facts}

    def run_path(self, trial: TrialSpec) -> RunPath:
        """What decides the training of a trial's runs, segment by segment, code and data with it."""
        if trial.fingerprint not in self._run_paths:
            self._run_paths[trial.fingerprint] = self._run_path(trial)
        return self._run_paths[trial.fingerprint]

    def _run_path(self, trial: TrialSpec) -> RunPath:
        half = self._halves.get(trial.fingerprint)
        try:
            settings = half.seen if half is not None else _run_settings(trial)
        except (
            ValidationError,
            KeyError,
        ):  # of an earlier version, whose runs are known and not trained again
            return RunPath()
        config, prepared = self.task_config_of(trial), self.prepared_of(trial)
        return path_of(settings, config, prepared.n_train, self._base_of(prepared.digest))

    def _base_of(self, digest: str) -> str:
        """What stands for the data and the code."""
        if digest not in self._bases:
            self._bases[digest] = digest_of(digest, self._code_hash)
        return self._bases[digest]

    @cached_property
    def _code_hash(self) -> str:
        return self.code_hash()

    def faults(self, trial: TrialSpec) -> list[Fault]:
        """What keeps a trial of this factory from training on its data."""
        return self.task_config_of(trial).faults(self.prepared_of(trial).facts)

    def metric_names(self, trial: TrialSpec) -> MetricNames | None:
        """What the runs of a trial of this factory measure; None where the task does not say."""
        config, facts = self.task_config_of(trial), self.prepared_of(trial).facts
        found = {split: config.metric_names(facts, split) for split in SPLITS}
        known = {split: names for split, names in found.items() if names is not None}
        return known if len(known) == len(SPLITS) else None

    def announced(self, trials: Sequence[TrialSpec]) -> tuple[str, ...]:
        """What each split holds, how unevenly, and what the task says of these trials' data, in lines."""
        held = (line for t in trials for line in _held(self.task_config_of(t), self.prepared_of(t).facts))
        said = ((t.name, self.task_config_of(t).announce(self.prepared_of(t).facts)) for t in trials)
        return (*training_in_words(self._sweep), *dict.fromkeys(held), *in_blocks(said))

    def warnings(self, trials: Sequence[TrialSpec]) -> list[str]:
        """What is to be warned of in the data that these trials train on, each warning once."""
        said = (data_warnings(self.task_config_of(t), self.prepared_of(t).facts) for t in trials)
        about = (warning for warnings in said for warning in warnings)
        return list(dict.fromkeys((*objective_warnings(self._sweep), *notices_of(trials), *about)))

    @property
    def eval_every(self) -> int:
        """Steps from one evaluation to the next."""
        return self._sweep.settings.trainer.eval_every

    def n_train(self, trial: TrialSpec) -> int:
        """Examples in the training split."""
        return self.prepared_of(trial).n_train

    def data_folder(self, trial: TrialSpec) -> Path:
        """The folder of the prepared data that a trial of this factory trains on."""
        return self.prepared_of(trial).folder

    def run_parts(self, trial: TrialSpec, seed: int, folder: RunFolder) -> RunParts:
        """A run is trained by our trainer, which adds the seed."""
        return RunParts(trial.config, self.data_folder(trial), "task", (*trial.overrides, f"seed={seed}"))

    def workload(self, trial: TrialSpec, slot: Slot) -> str:
        """Runs of one workload take about the same time a step."""
        place = f"{slot.device}|{slot.n_threads} threads"
        settings, digest = self._sweep.settings, self.prepared_of(trial).digest
        return f"{settings.task.name}|{digest[:32]}|{settings.trainer.batch_size}|{place}"

    def code_hash(self) -> str:
        """A hash of the source that decides what a run computes: the trainer's and the task's."""
        return code_hash(self._sweep.settings.task.target)

    @property
    def repository(self) -> None:
        """Our own."""

    def command(self) -> str:
        """The command line that started this process, passwords blanked."""
        return command()

    def command_again(self, trial: TrialSpec, seed: int) -> str | None:
        """None: our own command trains it."""
        return None

    def conditional_keys(self, overrides: Sequence[str]) -> dict[str, set[str]]:
        """By key, the keys without some values of which it means nothing, at these overrides."""
        checked = self._sweep.at(overrides)
        return conditional_paths(checked.settings) | conditional_paths(checked.task_config)

    def by_key(self, overrides: Sequence[str]) -> dict[str, str]:
        """The overrides by what they set."""
        return {key_of(override): line for line, override in self._sweep.composer.parse(overrides)[0]}

    def feels_scale(self, trial: TrialSpec) -> bool:
        """Whether training would go another way if the loss were multiplied by a number."""
        return _run_settings(trial).feels_scale

    def added(self, result: StudyResult, judgement: Judgement) -> Added:
        """The tables and plots that the task adds to a report."""
        entry = task_entry(self._sweep.settings.task)
        return added_by_task(result, judgement, entry, self.task_config_of, self.prepared_of)

    def fixed(self) -> dict[str, Any]:
        """All that the trials of this study share: what its name stands for."""
        sweep, study = self._sweep, self._sweep.settings.study
        trained = {**_without_cosmetics(sweep.settings), **sweep.task_config.without_cosmetics()}
        fixed = {**trained, **self._unusual_objective}
        for key in sweep.swept_keys:
            drop_key(fixed, key.split(".") if "@" not in key else [key.split("@")[0]])
        shared = {
            "baseline": list(study.baseline),
            "objectives": [f"{one.metric}:{one.direction}" for one in objectives_of(sweep)],
            "data digest": self._own_data.digest,
        }
        return {**fixed, "study": {**shared, "swept": sorted(sweep.swept_keys)}}

    def study_name(self) -> str:
        """`study.name`, or the task and a hash of all that is fixed and of the names of what is swept."""
        mark = digest_of(canonical(self.fixed())).removeprefix("sha256:")[:8]
        return self._sweep.settings.study.name or f"{self._sweep.settings.task.name}-{mark}"


def _run_settings(trial: TrialSpec) -> RunSettings:
    return RunSettings.model_validate({name: trial.config[name] for name in RUN_SECTIONS})


def _held(config: TaskConfig, facts: Mapping[str, Any]) -> list[str]:
    return [*content_lines(facts), *imbalance_lines(config.class_counts(facts))]


def data_warnings(config: TaskConfig, facts: Mapping[str, Any]) -> list[str]:
    """What the splits of any task hold too little of, or twice; then what this task warns of."""
    return [*content_warnings(facts, config.split_sizes()), *config.warnings(facts)]


def _prepared(settings: Settings, task_config: TaskConfig, cache: Path) -> Prepared:
    prepare = task_entry(settings.task).prepare_function()
    try:
        return prepare(task_config, cache)
    except SweeperError:
        raise
    except Exception as error:
        if _is_of_cache(error, cache):  # who opens the results says what is wrong with their place
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        problem = (
            f"preparing them has raised {type(error).__name__}: {' '.join(str(error).split())} "
            f"({last.filename}, line {last.lineno}, from task.prepare_target)"
        )
        raise UserError(
            Fault("data", problem, f"With {FULL_ERROR}=1 the whole traceback is shown.")
        ) from error


def _is_of_cache(error: Exception, cache: Path) -> bool:
    """Whether the place of the prepared data gave out, rather than what they are prepared from."""
    name = getattr(error, "filename", None)
    path = Path(name).absolute() if isinstance(name, str | Path) else None
    place = cache.absolute()
    is_near = path is not None and (place in (path, *path.parents) or path in place.parents)
    return is_full(error) or (isinstance(error, OSError) and is_near)


def notices_of(trials: Iterable[TrialSpec]) -> list[str]:
    """Each warning about a configuration once, with the trials that it is about.

    Of many that differ in their numbers alone the first is said, for all their trials.
    """
    alike: dict[str, dict[str, list[str]]] = {}
    for trial in trials:
        for notice in trial.notices:
            alike.setdefault(NUMBERS.sub("#", notice), {}).setdefault(notice, []).append(trial.name)
    lines = []
    for about in alike.values():
        first, names = next(iter(about)), [name for named in about.values() for name in named]
        if len(about) > N_ALIKE:
            lines.append(f"{first} (so or alike in {in_short(names)})")
        else:
            lines += [f"{notice} (in {in_short(named)})" for notice, named in about.items()]
    return lines


def in_blocks(said: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """The lines with which all trials begin, once; then what differs, under the names of its trials each.

    At most three such blocks: the first ones, in the order of the trials.
    """
    about: dict[tuple[str, ...], list[str]] = {}
    for name, lines in said:
        about.setdefault(tuple(lines), []).append(name)
    columns = takewhile(lambda column: len(set(column)) == 1, zip(*about, strict=False))
    common = [column[0] for column in columns]
    blocks = [(lines[len(common) :], names) for lines, names in about.items() if len(lines) > len(common)]
    shown = [line for lines, names in blocks[:N_BLOCKS] for line in (f"in {in_short(names)}:", *lines)]
    left = [name for _, names in blocks[N_BLOCKS:] for name in names]
    return [*common, *shown, *([f"in {in_short(left)}: not shown"] if left else [])]


def _cache_of(settings: Settings, configured: str | None) -> Path:
    """The folder of prepared data; a task of the user's need not have a key for it."""
    usual = Path(settings.study.results_dir) / "cache"
    if configured is None or Path(configured) == usual:
        return usual  # who opens the results says what is wrong with them
    try:
        Path(configured).mkdir(parents=True, exist_ok=True)
        if not os.access(configured, os.W_OK | os.X_OK):
            raise PermissionError(os.strerror(errno.EACCES))
    except OSError as error:
        problem = f"got '{configured}', which cannot be written ({error}); expected a folder of yours"
        raise UserError(
            Fault("data.cache_dir", problem, "Choose another: data.cache_dir=<folder>")
        ) from error
    return Path(configured)


def _without_cosmetics(settings: Settings) -> dict[str, Any]:
    own = {"optimizer": settings.optimizer, "trainer": settings.trainer}
    sections = {name: section.without_cosmetics() for name, section in own.items()}
    task = settings.task
    target = None if is_built_in(task.name, task.target) else task.target  # its name says it all
    return {"task": [task.name, target], **sections}


def _idle(params: Mapping[str, JsonValue], task_config: TaskConfig, max_steps: int) -> list[str]:
    inactive = task_config.inactive(max_steps)
    return [
        f"{key}: swept, but the rest of this configuration makes it inactive; it changes nothing"
        for key in params
        if key.lstrip("+") in inactive
    ]


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """One line for each dotted key in which two configurations differ: `key: old -> new`."""
    lines = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            lines += differences(was, now, f"{prefix}{key}.")
        elif was != now:
            lines.append(f"{prefix}{key}: {was} -> {now}")
    return lines


def in_short(names: Sequence[str]) -> str:
    """The names of trials, the first four of them where there are more."""
    listed = ", ".join(names[:4])
    return listed if len(names) <= 4 else f"{listed} and {len(names) - 4} more trials"
