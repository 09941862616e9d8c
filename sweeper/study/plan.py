"""What a command asks of a study, checked: the part of a session that changes nothing.

`plan` raises everything that can be wrong with a command before a database or a folder of a study is touched;
the one thing that it writes is the cache of prepared data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.errors import UserError
from sweeper.executors import Arrangement, arrange
from sweeper.layout import StudyFolder, check_study_name
from sweeper.monitor import Compiled, compiled
from sweeper.results import Policy
from sweeper.schema import Inline, Remote, StudySettings
from sweeper.search import RACE, Draft, Sweep, check_pruner, pruner_warnings
from sweeper.study.division import attribution_faults
from sweeper.study.health import never_asked, stopped_by
from sweeper.study.loop import Limits
from sweeper.study.objectives import guards_in_words
from sweeper.study.proposals import drafts_of, policy_of, reopened
from sweeper.study.sampled import rehearse
from sweeper.study.spec_factory import SpecFactory
from sweeper.watch import check_tracking


@dataclass(frozen=True)
class Plan:
    """A study that can be opened.

    `drafts`: the baseline, then all points of a grid. `factory` makes the trials that a sampler adds.
    `notices`: what to warn of beside `sweep.warnings`. `announced`: what the task says of the data. `rules`:
    those of the monitor.
    """

    sweep: Sweep
    factory: SpecFactory
    study: str
    policy: Policy
    drafts: tuple[Draft, ...]
    arrangement: Arrangement
    notices: tuple[str, ...]
    rules: tuple[Compiled, ...]
    announced: tuple[str, ...]

    @property
    def settings(self) -> StudySettings:
        """The sweeper's own configuration."""
        return self.sweep.settings

    @property
    def folder(self) -> StudyFolder:
        """Where the study's files are."""
        return StudyFolder.of(self.settings.study.results_dir, self.study)

    @property
    def reopened(self) -> frozenset[str]:
        """The states in which a run of an earlier command is tried again by this one."""
        return reopened(self.settings)

    def split(self) -> str:
        """What the looks at the test split are kept under."""
        return str(self.factory.data()["digest"])

    def is_kept(self, result: Mapping[str, Any]) -> bool:
        """Whether a run of an earlier command, by its stored result, was ended by a rule that still holds.

        Or was spared by a race that still goes on.
        """
        rule = stopped_by(result.get("reason"))
        is_asked = self.settings.study.retry in ("pruned", "all")
        is_out = self.policy.is_race and str(result.get("reason") or "").startswith(RACE)
        is_stopped = any(one.name == rule and one.rule.then == "stop" for one in self.rules)
        return not is_asked and (is_out or is_stopped)

    @property
    def limits(self) -> Limits:
        """How long jobs may take to leave, how often lost runs are tried again, when time is up."""
        executor, study = self.settings.executor, self.settings.study
        n_retries = 0 if isinstance(executor, Inline) else executor.retries
        wait_s = executor.wait_s if isinstance(executor, Remote) else 0.0
        return Limits(study.grace_s, n_retries, study.timeout_s, study.idle_s, wait_s)


def plan(sweep: Sweep, factory: SpecFactory) -> Plan:
    """What the study of `sweep` would do. Raises UserError with what cannot be."""
    policy = policy_of(sweep)
    name = factory.study_name()
    check_study_name(name)
    arrangement = arrange(sweep.settings.executor)
    drafts = drafts_of(sweep, factory)
    if faults := attribution_faults(sweep, factory, policy, drafts):
        raise UserError(faults)
    rules = compiled(sweep.settings.monitor)
    max_steps = drafts[0].max_steps
    check_pruner(sweep.settings, max_steps, factory.eval_every)
    rehearse(sweep, factory)
    check_tracking(sweep.settings.tracking)
    n_evaluations = -(-max_steps // factory.eval_every) if max_steps else None
    about_pruner = pruner_warnings(sweep.settings, n_evaluations, len(policy.seeds), policy.n_candidates)
    return Plan(
        sweep=sweep,
        factory=factory,
        study=name,
        policy=policy,
        drafts=tuple(drafts),
        arrangement=arrangement,
        notices=(
            *factory.warnings(drafts),
            *about_pruner,
            *never_asked(rules, drafts[0], factory.n_train(drafts[0]), factory.eval_every),
            *arrangement.warnings,
        ),
        rules=rules,
        announced=(*factory.announced(drafts), *guards_in_words(sweep)),
    )
