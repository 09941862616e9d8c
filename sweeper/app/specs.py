"""The trials of an app: composed by Hydra, trained by its own process, known by what it is given."""

import math
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from omegaconf import OmegaConf
from pydantic import JsonValue

from sweeper.app.reading import AppSweep
from sweeper.errors import Fault, UserError, redact
from sweeper.layout import RunFolder
from sweeper.models import digest_of, drop_key
from sweeper.program_spec import ProgramSpec, figure_name
from sweeper.reports import Added
from sweeper.results import Judgement, StudyResult
from sweeper.schema import Inline, StudySettings
from sweeper.study import MetricNames, RunParts, RunPath
from sweeper.task import file_digest
from sweeper.trial import Role, Slot, TrialSpec, by_value, canonical, fingerprint

LAST_WORDS_S, LEAST_GRACE_S = 2.0, 1.0


class Program(Protocol):
    """What is run in a study of somebody's program: a Hydra app, or any command line."""

    cwd: Path

    def config_at(self, overrides: Sequence[str]) -> dict[str, Any]:
        """What the program is given at these overrides, JSON. Raises UserError where that cannot be."""

    def run(self, overrides: Sequence[str], seed: int, number: int, folder: RunFolder) -> ProgramSpec:
        """One run with these overrides."""

    def by_hand(self, overrides: Sequence[str]) -> tuple[str, ...]:
        """The command line of one run outside of a study, the seed among its overrides."""

    def seeded(self, seed: int) -> tuple[str, ...]:
        """How the seed is told to a run; nothing where runs are plain repetitions."""

    def code(self) -> str:
        """A hash of the program's own code."""

    @property
    def announced(self) -> tuple[str, ...]:
        """What is to be said when a study begins."""


class ProgramSpecs:
    """Follows `study.SpecFactory`."""

    def __init__(self, program: Program, sweep: AppSweep) -> None:
        self._program, self._sweep = program, sweep
        self._settings, self._name = sweep.settings, sweep.settings.task.name
        self._code = program.code()
        self._data = digests_of(sweep.app.data_files, program.cwd, sweep.settings)

    def baseline(self, number: int) -> TrialSpec:
        """The reference trial: what is fixed, with `study.baseline` applied."""
        return self.spec(number, "baseline", "baseline", {}, self._settings.study.baseline)

    def spec(
        self, number: int, name: str, role: Role, params: Mapping[str, JsonValue], overrides: Sequence[str]
    ) -> TrialSpec:
        """The trial at these overrides. Raises UserError where they do not make a configuration."""
        config = self._program.config_at(overrides)
        known_by: dict[str, Any] = {"config": by_value(config), "program": self._name}
        if self._sweep.app.code:
            known_by["code"] = self._code
        return TrialSpec(
            number=number,
            name=name,
            role=role,
            prunable=role == "candidate",
            params=dict(params),
            overrides=tuple(overrides),
            config=config,
            fingerprint=fingerprint(known_by, canonical(self._data)),
            max_steps=self._sweep.total_steps,
        )

    def adopt(self, trial: TrialSpec) -> None:
        """A trial of an earlier command needs nothing but its overrides."""

    def run_parts(self, trial: TrialSpec, seed: int, folder: RunFolder) -> RunParts:
        """A run is a process of the program's own."""
        spec = self._program.run(trial.overrides, seed, trial.number, folder)
        config: dict[str, JsonValue] = {"program": spec.model_dump(mode="json")}
        return RunParts(config, self._program.cwd, "program", (*trial.overrides, *self._program.seeded(seed)))

    def run_path(self, trial: TrialSpec) -> RunPath:
        """Empty: where a program's runs part, nobody knows but itself."""
        return RunPath()

    def faults(self, trial: TrialSpec) -> list[Fault]:
        """None: what a program refuses it says when it runs."""
        return []

    def metric_names(self, trial: TrialSpec) -> MetricNames | None:
        """None: what a program measures is known when it has."""
        return None

    def announced(self, trials: Sequence[TrialSpec]) -> tuple[str, ...]:
        """What is run, and how it is judged."""
        return self._program.announced

    def warnings(self, trials: Sequence[TrialSpec]) -> list[str]:
        """That the code has changed, where a study of the same name but for the code is there."""
        name, results = self.study_name(), Path(self._settings.study.results_dir)
        is_told = (results / name).is_dir()  # when that study began
        if self._settings.study.name is not None or not self._sweep.app.code or is_told:
            return []
        others = results.glob(f"{name.rpartition('-')[0]}-????") if results.is_dir() else ()
        if not (older := sorted(path.name for path in others if path.name != name)):
            return []
        return [
            f"the code of {self._name} has changed since {older[-1]} was made: this is another "
            f"study, {name}, and trains all its runs. One that is begun with hydra.sweeper.app.code=false "
            "goes on whatever the code"
        ]

    def data(self) -> dict[str, Any]:
        """The digests of the files that are named; of others nothing is known."""
        digest = digest_of(canonical(self._data)) if self._data else "unknown"
        return {"name": "the program's own", "digest": digest, "real": None, **self._data}

    def fixed(self) -> dict[str, Any]:
        """All that the trials share: the configuration but for what is swept, the code, the data."""
        study = self._settings.study
        config = self._program.config_at(())
        for key in self._sweep.swept_keys:
            drop_key(config, key.lstrip("+").partition("@")[0].replace("/", ".").split("."))
        objectives = study.metrics or (f"{self._settings.task.metric}:{self._settings.task.direction}",)
        return {
            "task": [self._name, None],
            "config": config,
            **({"code": self._code} if self._sweep.app.code else {}),
            "study": {
                "baseline": list(study.baseline),
                "objectives": list(objectives),
                "data digest": self.data()["digest"],
                "swept": sorted(self._sweep.swept_keys),
            },
        }

    def study_name(self) -> str:
        """`study_name`, or the program's name, a hash of all that is fixed, and one of the code."""
        fixed = self.fixed()
        code = fixed.pop("code", None)
        mark = digest_of(canonical(fixed)).removeprefix("sha256:")[:8]
        return self._settings.study.name or "-".join(filter(None, [self._name, mark, code and str(code)[:4]]))

    @property
    def eval_every(self) -> int:
        """Steps from one report to the next."""
        return self._sweep.app.report_every

    def n_train(self, trial: TrialSpec) -> int:
        """0: nobody knows."""
        return 0

    def workload(self, trial: TrialSpec, slot: Slot) -> str:
        """Runs of one program take about the same time."""
        return f"{self._name}|{self._code}|{slot.device}|{slot.n_threads} threads"

    def code_hash(self) -> str:
        """A hash of the program's own code."""
        return self._code

    @property
    def repository(self) -> Path:
        """Where the program is started."""
        return self._program.cwd

    def command(self) -> str:
        """The command line that started this process, passwords blanked."""
        python, *words = sys.orig_argv
        return redact(shlex.join([Path(python).name, *words]))

    def command_again(self, trial: TrialSpec, seed: int) -> str | None:
        """The command that runs a trial once, by hand."""
        return redact(shlex.join(self._program.by_hand((*trial.overrides, *self._program.seeded(seed)))))

    def conditional_keys(self, overrides: Sequence[str]) -> dict[str, set[str]]:
        """None that we know of."""
        return {}

    def by_key(self, overrides: Sequence[str]) -> dict[str, str]:
        """The overrides by what they set."""
        return self._sweep.by_key(overrides)

    def feels_scale(self, trial: TrialSpec) -> bool:
        """False: a program's loss cannot be multiplied from outside."""
        return False

    def added(self, result: StudyResult, judgement: Judgement) -> Added:
        """Nothing."""
        return Added()

    def data_folder(self, trial: TrialSpec) -> Path:
        """Where the program is started."""
        return self._program.cwd


def refuse_what_is_not_for_programs(settings: StudySettings) -> None:
    """Raises UserError for settings that only our own trainer can follow."""
    faults = []
    if settings.study.ensemble_top_k is not None:
        problem = (
            f"got {settings.study.ensemble_top_k}; a program's models are its own, and cannot be averaged"
        )
        faults.append(Fault("study.ensemble_top_k", problem, "Use null"))
    if isinstance(settings.executor, Inline):
        problem = "got inline; a program runs in a process of its own"
        faults.append(Fault("executor.name", problem, "Use local"))
    if faults:
        raise UserError(faults)


def plain(value: Any) -> Any:
    """The same as JSON takes it."""
    found = OmegaConf.to_container(value, resolve=False) if OmegaConf.is_config(value) else value
    if isinstance(found, dict):
        return {str(key): plain(one) for key, one in found.items()}
    if isinstance(found, list | tuple):
        return [plain(one) for one in found]
    if isinstance(found, float) and not math.isfinite(found):  # JSON has no word for it
        return str(found)
    return found if found is None or isinstance(found, bool | int | float | str) else str(found)


def facts_of(sweep: AppSweep, cwd: Path) -> dict[str, Any]:
    """What all runs of a program share of their `ProgramSpec`."""
    study, executor, test = sweep.settings.study, sweep.settings.executor, sweep.app.test_metric
    return {
        "cwd": str(cwd),
        "objectives": sweep.judged_by,
        "test_figure": None if test is None else figure_name(test),
        "total_steps": sweep.total_steps,
        # less than the worker has, which tells how the program ended
        "grace_s": max(study.grace_s - LAST_WORDS_S, LEAST_GRACE_S),
        "silence_s": None if isinstance(executor, Inline) else executor.silence_s,
    }


def config_at(sweep: AppSweep, overrides: Sequence[str]) -> dict[str, Any]:
    """The configuration of an app at these overrides, unresolved, JSON. Raises UserError."""
    tree, faults = sweep.composer.unresolved(overrides)
    if faults:
        raise UserError(faults)
    found: dict[str, Any] = plain(tree)
    return found


def digests_of(files: Iterable[str], folder: Path, settings: StudySettings) -> dict[str, str]:
    """The digests of files by their paths from `folder`. Raises UserError where one is not there."""
    cache = Path(settings.study.results_dir) / "cache"
    found, faults = {}, []
    for text in files:
        path = folder / text
        if path.is_file():
            found[text] = file_digest(path, cache)
        else:
            problem = f"got '{text}', but there is no file {path}"
            faults.append(Fault("hydra.sweeper.app.data_files", problem, "Name files, by paths from here"))
    if faults:
        raise UserError(faults)
    return found
