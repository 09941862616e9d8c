"""The trials that tell which of the winner's differences made the difference, and when they are wanted.

Winner and baseline are two lists of overrides. What they differ in falls into groups of keys that only make
sense together (`sweeper.search.groups_of`), and a trial of the attribution has the winner's overrides of some
groups, the baseline's of the others. Which combinations are trained, and what follows from them, is
`sweeper.verdict`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sweeper.errors import Fault, UserError, did_you_mean, in_a_line
from sweeper.results import Group, Mix, Policy, Runs
from sweeper.search import Draft, Sweep, groups_of, is_of_loss, merged
from sweeper.study.spec_factory import SpecFactory
from sweeper.study.specs import differences
from sweeper.trial import TrialSpec
from sweeper.verdict import MAX_GROUPS, design
from sweeper.wording import plural

Row = tuple[bool, ...]
KEY = "study.attribution_groups"
GRADIENTS = "train/grad_norm"
"""What runs that feel the scale of their loss report beside the task's metrics."""
UNTRAINED = ("seed", "study", "sampler", "pruner", "executor", "tracking", "monitor", "plan", "hydra")
"""Sections that change nothing in how a trial is trained."""


@dataclass(frozen=True)
class Words:
    """The overrides of two trials by their keys, in order; those that both have are `common`."""

    common: tuple[str, ...]
    baseline: Mapping[str, str]
    winner: Mapping[str, str]

    @property
    def keys(self) -> list[str]:
        """Those in which the two differ, the winner's first."""
        keys = dict.fromkeys([*self.winner, *self.baseline])
        return [key for key in keys if key.partition(".")[0] not in UNTRAINED]

    def mixed(self, winners: Iterable[str]) -> tuple[str, ...]:
        """The overrides with the winner's for these keys, and the baseline's for the others."""
        chosen = set(winners)
        ours = (line for key, line in self.winner.items() if key in chosen)
        theirs = (line for key, line in self.baseline.items() if key not in chosen)
        return (*self.common, *theirs, *ours)


@dataclass(frozen=True)
class Division:
    """What differs between winner and baseline, in groups, and the trials that tell them apart.

    `drafts` has one for each combination but the baseline and the winner themselves. `control`: the baseline
    whose loss is multiplied by `scale`. Without drafts there is nothing to tell apart, or nothing that can
    be trained: `notes` say why.
    """

    groups: tuple[Group, ...] = ()
    drafts: Mapping[Row, Draft] | None = None
    control: Draft | None = None
    scale: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def all_drafts(self) -> list[Draft]:
        """All trials to add."""
        return [*(self.drafts or {}).values(), *([self.control] if self.control else [])]

    def numbered(self, trials: Iterable[TrialSpec], baseline: int, winner: int, seeds: Sequence[int]) -> Mix:
        """The same, on these seeds, with the numbers of the trials that its drafts have become."""
        numbers = {trial.fingerprint: trial.number for trial in trials if trial.role == "attribution"}
        if not self.drafts:
            return Mix(self.groups, notes=self.notes)
        n = len(self.groups)
        rows = {row: numbers[draft.fingerprint] for row, draft in self.drafts.items()}
        ends = {(False,) * n: baseline, (True,) * n: winner}
        control = numbers[self.control.fingerprint] if self.control else None
        return Mix(self.groups, ends | rows, control, self.scale, self.notes, tuple(seeds))


def division(sweep: Sweep, factory: SpecFactory, baseline: TrialSpec, winner: TrialSpec) -> Division:
    """How the differences between the two are told apart; nothing is raised for what cannot be."""
    words = words_of(factory, baseline.overrides, winner.overrides)
    try:
        groups, notes = _groups(sweep, factory, words)
        if len(groups) < 2:
            return Division(groups, notes=notes)
        drafts = {
            row: _draft(factory, words, groups, row)
            for row in design(len(groups))
            if any(row) and not all(row)
        }
    except UserError as error:
        why = f"{in_a_line(error)}. Name keys that only make sense together in {KEY}"
        note = f"a combination of the winner's and the baseline's keys cannot be trained: {why}"
        return Division(notes=(note,))
    return Division(groups, drafts, notes=notes)


def with_control(
    divided: Division, factory: SpecFactory, baseline: TrialSpec, winner: TrialSpec, runs: Runs
) -> Division:
    """The same with the baseline whose gradients are as large as the winner's, where their size acts.

    It acts under stochastic gradient descent, and where gradients are clipped. The scale has three digits, so
    that a resumed study means the same trial.
    """
    is_loss = any(is_of_loss(key) for group in divided.groups for key in group.keys)
    if not divided.drafts or not is_loss or not factory.feels_scale(baseline):
        return divided
    ours, theirs = (_mean_norm(trial, runs) for trial in (winner, baseline))
    if not ours or not theirs:
        note = (
            "no control for the scale of the loss: runs of an earlier version did not measure their gradients"
        )
        return replace(divided, notes=(*divided.notes, note))
    scale = float(f"{ours / theirs:.3g}")
    if scale == 1:
        return divided
    line = f"++trainer.loss_scale={scale:g}"
    draft = factory.spec(-1, f"baseline, loss x {scale:g}", "attribution", {}, (*baseline.overrides, line))
    return replace(divided, control=draft, scale=scale)


def most_trials(sweep: Sweep, factory: SpecFactory, drafts: Sequence[Draft]) -> int:
    """The most trials that an attribution adds, whichever of these drafts wins; a sampler's by its keys."""
    baseline = sweep.settings.study.baseline
    if sweep.is_adaptive:
        lists = [tuple(f"{key}=?" for key in sweep.space.keys)]
    else:
        lists = [draft.overrides for draft in drafts if draft.role == "candidate"]
    sizes = {len(groups_of(words_of(factory, baseline, lines).keys, _named(sweep))) for lines in lists}
    largest = max(sizes, default=0)
    return len(design(min(largest, MAX_GROUPS))) - 2 if largest > 1 else 0


def attribution_faults(
    sweep: Sweep, factory: SpecFactory, policy: Policy, drafts: Sequence[Draft]
) -> list[Fault]:
    """What keeps an attribution from being possible, or its groups from meaning anything."""
    study = sweep.settings.study
    named = [key for names in study.attribution_groups for key in names]
    faults = []
    if study.attribution and len(policy.objectives) > 1:
        problem = (
            f"got true with {len(policy.objectives)} objectives; expected one: a front has no one winner"
        )
        faults.append(Fault("study.attribution", problem, "Name one of study.metrics"))
    elif study.attribution and len(policy.confirm_seeds) < 2:
        n = len(policy.confirm_seeds)
        problem = (
            f"got true with {plural(n, 'confirmation seed')}; expected 2 or more, on which it is decided"
        )
        faults.append(Fault("study.attribution", problem, "Give study.confirm_seeds=3"))
    known = _keys_that_differ(sweep, factory, drafts)
    for key in dict.fromkeys(named):
        inside = [other for other in named if key.startswith(f"{other}.")]
        if inside:
            problem = f"got '{key}' beside '{inside[0]}', which holds it; expected each key in one group"
            faults.append(Fault(KEY, problem, ""))
        elif named.count(key) > 1:
            faults.append(Fault(KEY, f"got '{key}' more than once; expected each key in one group", ""))
        elif not sweep.is_adaptive and not any(k == key or k.startswith(f"{key}.") for k in known):
            problem = f"got '{key}'; expected a key in which a candidate differs from the baseline"
            faults.append(Fault(KEY, problem, f"These are {', '.join(known)}{did_you_mean(key, known)}"))
    return faults


def words_of(factory: SpecFactory, baseline: Sequence[str], winner: Sequence[str]) -> Words:
    """The overrides of two trials by what they set."""
    ours, theirs = factory.by_key(winner), factory.by_key(baseline)
    same = {key for key in ours.keys() & theirs.keys() if ours[key] == theirs[key]}
    return Words(
        tuple(ours[key] for key in ours if key in same),
        {key: line for key, line in theirs.items() if key not in same},
        {key: line for key, line in ours.items() if key not in same},
    )


def _keys_that_differ(sweep: Sweep, factory: SpecFactory, drafts: Sequence[Draft]) -> list[str]:
    baseline = sweep.settings.study.baseline
    found = (
        words_of(factory, baseline, draft.overrides).keys for draft in drafts if draft.role == "candidate"
    )
    return list(dict.fromkeys(key for keys in found for key in keys))


def _named(sweep: Sweep) -> tuple[tuple[str, ...], ...]:
    return sweep.settings.study.attribution_groups


def _groups(sweep: Sweep, factory: SpecFactory, words: Words) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    """The groups that change what is trained, no more than can be told apart, and what to say of that."""
    conditional: dict[str, set[str]] = {}
    for lines in (words.mixed(()), words.mixed(words.winner)):
        conditional |= factory.conditional_keys(lines)
    every = groups_of(words.keys, _named(sweep), conditional)
    acting = [group for group in every if _acts(factory, words, group)]
    idle = [group.name for group in every if group not in acting]
    notes = [f"changes nothing, and is left out: {', '.join(idle)}"] if idle else []
    if len(acting) > MAX_GROUPS:
        sizes = {group.name: _n_changes(factory, words, group) for group in acting}
        found = merged(acting, MAX_GROUPS, sizes)
        notes.append(
            f"{plural(len(acting), 'group')} differ, of which {MAX_GROUPS} can be told apart: those that "
            f"change the fewest keys are taken together ({found[-1].name})"
        )
        acting = list(found)
    return tuple(acting), tuple(notes)


def _acts(factory: SpecFactory, words: Words, group: Group) -> bool:
    """Whether the group changes what is trained, at the baseline or at the winner."""
    others = [key for key in words.keys if key not in group.keys]
    pairs = ((words.mixed(()), words.mixed(group.keys)), (words.mixed(others), words.mixed(words.keys)))
    return any(_mark(factory, one) != _mark(factory, other) for one, other in pairs)


def _mark(factory: SpecFactory, lines: Sequence[str]) -> str:
    return factory.spec(-1, "", "attribution", {}, lines).fingerprint


def _n_changes(factory: SpecFactory, words: Words, group: Group) -> int:
    before, after = (
        factory.spec(-1, "", "attribution", {}, words.mixed(keys)).config for keys in ((), group.keys)
    )
    return len(differences(before, after))


def _draft(factory: SpecFactory, words: Words, groups: Sequence[Group], row: Row) -> Draft:
    """Raises UserError where the combination is no configuration, or cannot be trained on the data."""
    changed = [group for group, is_changed in zip(groups, row, strict=True) if is_changed]
    name = f"with {' + '.join(group.name for group in changed)}"
    lines = words.mixed(key for group in changed for key in group.keys)
    draft = factory.spec(-1, name, "attribution", {}, lines)
    if faults := factory.faults(draft):
        raise UserError(faults)
    return draft


def _mean_norm(trial: TrialSpec, runs: Runs) -> float | None:
    norms = [
        run.metrics[GRADIENTS]
        for (number, _), run in sorted(runs.items())
        if number == trial.number and GRADIENTS in run.metrics
    ]
    return sum(norms) / len(norms) if norms else None
