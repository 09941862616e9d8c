"""What a study asks of the problem that it is about: a task that our trainer trains, or a program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import JsonValue

from sweeper.errors import Fault
from sweeper.layout import RunFolder
from sweeper.reports import Added
from sweeper.results import Judgement, StudyResult
from sweeper.study.prefix_tree import RunPath
from sweeper.trial import Role, Runner, Slot, TrialSpec

MetricNames = Mapping[str, frozenset[str]]
"""The names of a trial's metrics by split."""


@dataclass(frozen=True)
class RunParts:
    """What one run of a trial adds to its job: the configuration of its member, the data, who runs it.

    `overrides`: what the run's files call it by, the seed among them.
    """

    config: dict[str, JsonValue]
    prepared: Path
    runner: Runner
    overrides: tuple[str, ...]


class SpecFactory(Protocol):
    """Makes the trials of one sweep, and knows what they train on and are called by."""

    def baseline(self, number: int) -> TrialSpec:
        """The reference trial: the fixed configuration with `study.baseline` applied."""

    def spec(
        self, number: int, name: str, role: Role, params: Mapping[str, JsonValue], overrides: Sequence[str]
    ) -> TrialSpec:
        """The trial at these overrides. Raises UserError where they do not make a valid configuration."""

    def adopt(self, trial: TrialSpec) -> None:
        """Take over a trial of an earlier command. Raises UserError where that cannot be trained now."""

    def run_parts(self, trial: TrialSpec, seed: int, folder: RunFolder) -> RunParts:
        """What a trial's run on `seed` is made of, its files being in `folder`."""

    def run_path(self, trial: TrialSpec) -> RunPath:
        """What decides the training of a trial's runs, segment by segment; empty where that is not known."""

    def faults(self, trial: TrialSpec) -> list[Fault]:
        """What keeps a trial of this factory from training on its data."""

    def metric_names(self, trial: TrialSpec) -> MetricNames | None:
        """What the runs of a trial of this factory measure; None where nobody knows before they did."""

    def announced(self, trials: Sequence[TrialSpec]) -> tuple[str, ...]:
        """What is to be said when a study of these trials begins, in lines."""

    def warnings(self, trials: Sequence[TrialSpec]) -> list[str]:
        """What is to be warned of in these trials and their data, each warning once."""

    def data(self) -> dict[str, Any]:
        """What a report says of the data of the fixed configuration: `name`, `digest`, `real` and facts."""

    def fixed(self) -> dict[str, Any]:
        """All that the trials of this study share: what its name stands for."""

    def study_name(self) -> str:
        """`study.name`, or a name and a hash of all that is fixed and of the names of what is swept."""

    @property
    def eval_every(self) -> int:
        """Steps from one evaluation to the next, 1 where nobody knows."""

    def n_train(self, trial: TrialSpec) -> int:
        """Examples in the training split, 0 where nobody knows."""

    def workload(self, trial: TrialSpec, slot: Slot) -> str:
        """Runs of one workload take about the same time a step."""

    def code_hash(self) -> str:
        """A hash of the source that decides what a run computes."""

    @property
    def repository(self) -> Path | None:
        """A folder of the repository of the code, None for our own."""

    def command(self) -> str:
        """The command line that started this process, passwords blanked."""

    def command_again(self, trial: TrialSpec, seed: int) -> str | None:
        """The command that trains a trial once, by hand; None where our own does."""

    def conditional_keys(self, overrides: Sequence[str]) -> dict[str, set[str]]:
        """By key, the keys without some values of which it means nothing, at these overrides."""

    def by_key(self, overrides: Sequence[str]) -> dict[str, str]:
        """The overrides by what they set."""

    def feels_scale(self, trial: TrialSpec) -> bool:
        """Whether training would go another way if the loss were multiplied by a number."""

    def added(self, result: StudyResult, judgement: Judgement) -> Added:
        """The tables and plots that the problem's own code adds to a report."""

    def data_folder(self, trial: TrialSpec) -> Path:
        """The folder of the prepared data that a trial of this factory trains on."""
