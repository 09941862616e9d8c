"""Optuna's pruners, and what they are shown of a study."""

import warnings
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import assert_never

import optuna
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    ThresholdPruner,
    WilcoxonPruner,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeper.models import Direction
from sweeper.schema import (
    Asha,
    Hyperband,
    Median,
    NoPruner,
    Patient,
    Percentile,
    Threshold,
    Wilcoxon,
    Wrapped,
)
from sweeper.storage import study_seen_as

SCREENED = "screened"
"""The attribute of a trial whose first seed is complete."""


def pruner_of(config: Wrapped | Patient, eval_every: int, max_steps: int) -> BasePruner:
    """The Optuna pruner for trials of `max_steps` optimizer steps, evaluated every `eval_every`.

    Rungs depend on both, so that trials of different lengths have pruners of their own; what pruners know of
    each other's trials is in the study, not in them. `max_steps` is 0 where nobody knows it.
    """
    first = min(eval_every, max_steps or eval_every)
    match config:
        case NoPruner():
            return NopPruner()
        case Median():
            return MedianPruner(*_checks(config), n_min_trials=config.n_min_trials)
        case Percentile():
            return PercentilePruner(config.percentile, *_checks(config), n_min_trials=config.n_min_trials)
        case Asha():
            return SuccessiveHalvingPruner(
                config.min_steps or first,
                config.reduction_factor,
                config.min_early_stopping_rate,
                config.bootstrap_count,
            )
        case Hyperband():
            return HyperbandPruner(
                config.min_steps or first,
                config.max_steps or max_steps,
                config.reduction_factor,
                config.bootstrap_count,
            )
        case Threshold():
            return ThresholdPruner(config.lower, config.upper, config.n_warmup_steps, config.interval_steps)
        case Patient():
            is_alone = isinstance(config.wrapped, NoPruner)
            wrapped = None if is_alone else pruner_of(config.wrapped, eval_every, max_steps)
            with _experimental():
                return PatientPruner(wrapped, config.patience, config.min_delta)
    assert_never(config)


class FirstSeeds(optuna.Study):
    """A study as pruners of evaluations see it: a trial is complete once its first seed is.

    To Optuna a trial is complete when all its seeds are. In a grid, where the first seeds of all trials come
    first, there would be nothing to compare a run with until all of them are over.
    """

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The trials in these states."""
        trials = super().get_trials(deepcopy)
        return [trial for trial in trials if states is None or _state(trial) in states]


def first_seeds(study: optuna.Study, pruner: BasePruner) -> optuna.Study:
    """The view on `study` in which `pruner` judges; its trials' reports end up in the study itself."""
    return study_seen_as(FirstSeeds, study, pruner)


def is_surely_worse(
    own: Sequence[float], best: Sequence[float], direction: Direction, config: Wilcoxon
) -> bool:
    """Whether Optuna's WilcoxonPruner would end a trial with these values, seed by seed beside the best's."""
    with _experimental():
        pruner = WilcoxonPruner(p_threshold=config.p_threshold, n_startup_steps=config.n_startup_seeds)
    study = optuna.create_study(direction=direction, pruner=pruner)
    mean = sum(best) / len(best)
    study.add_trial(create_trial(value=mean, intermediate_values=dict(enumerate(best))))
    return pruner.prune(
        study, create_trial(state=TrialState.RUNNING, intermediate_values=dict(enumerate(own)))
    )


def _checks(config: Median | Percentile) -> tuple[int, int, int]:
    return config.n_startup_trials, config.n_warmup_steps, config.interval_steps


@contextmanager
def _experimental() -> Iterator[None]:
    """Optuna warns of classes whose interface may change; ours would have to follow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def _state(trial: FrozenTrial) -> TrialState:
    return TrialState.COMPLETE if SCREENED in trial.user_attrs else trial.state
