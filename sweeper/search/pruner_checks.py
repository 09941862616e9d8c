"""Pruners that cannot do what their user wants of them: faults before anything runs, or warnings."""

from collections.abc import Iterable

from sweeper.errors import Fault, UserError
from sweeper.schema import (
    Asha,
    Hyperband,
    Median,
    NoPruner,
    Patient,
    Percentile,
    Pruner,
    StudySettings,
    Threshold,
    Wilcoxon,
)

FAR = 10**15
"""No run has so many steps, and no message needs their digits."""


def acts_on_evaluations(pruner: Pruner) -> bool:
    """Whether the pruner looks at the evaluations of a trial's first seed."""
    return not isinstance(pruner, (NoPruner, Wilcoxon))


def check_pruner(settings: StudySettings, max_steps: int | None, eval_every: int) -> None:
    """Raises UserError for a pruner that cannot work in this study.

    `max_steps`: steps of a full run, None where not known yet, 0 where nobody knows; `eval_every`: steps
    from one evaluation to the next.
    """
    faults = list(_faults(settings, max_steps, eval_every))
    if faults:
        raise UserError(faults)


def pruner_warnings(
    settings: StudySettings, n_evaluations: int | None, n_seeds: int, n_candidates: int
) -> list[str]:
    """What is legal, but keeps the pruner from ever ending a run of this study.

    `n_evaluations`: of a full run, None where nobody knows.
    """
    pruner = settings.pruner
    limits = (
        *_too_few_seeds(pruner, n_seeds),
        *(() if n_evaluations is None else _too_few_evaluations(pruner, n_evaluations)),
        *_too_few_trials(pruner, n_candidates),
    )
    return [f"{limit}, so that nothing will be pruned. {advice}" for limit, advice in limits]


def seeds_needed(pruner: Wilcoxon) -> int:
    """With fewer seeds no trial can be given up: one must be left to save, and n pairs give p >= 1 / 2^n."""
    n_pairs = pruner.n_startup_seeds
    while 0.5**n_pairs >= pruner.p_threshold:
        n_pairs += 1
    return n_pairs + 1


def _faults(settings: StudySettings, max_steps: int | None, eval_every: int) -> Iterable[Fault]:
    pruner, metrics = settings.pruner, settings.study.metrics or (settings.task.metric,)
    if not isinstance(pruner, NoPruner) and len(metrics) > 1:
        problem = f"got {pruner.name} with {len(metrics)} objectives ({', '.join(metrics)}); expected one"
        why = "Optuna's pruners compare trials by one value, its trials of several objectives report none"
        yield Fault("pruner", f"{problem}. {why}", "Use pruner=none, or name one metric in study.metrics")
    for where, inner in _with_wrapped(pruner):
        yield from _bad_steps(where, inner, eval_every, max_steps)


def _bad_steps(where: str, pruner: Pruner, eval_every: int, max_steps: int | None) -> Iterable[Fault]:
    first_value = min(eval_every, max_steps or eval_every)
    key, first = _first_step(pruner, first_value)
    if max_steps and first > max_steps:
        at = f"step {first}" if first < FAR else "a step beyond counting"
        problem = f"got a first check at {at}; expected one within the {max_steps} steps of a run"
        yield Fault(f"{where}.{key}", problem, "Choose a smaller value")
    if isinstance(pruner, Hyperband) and pruner.max_steps is None and max_steps == 0:
        problem = "missing; nobody knows how many steps a run has, on which the rungs depend"
        yield Fault(f"{where}.max_steps", problem, "Say so: hydra.sweeper.app.total_steps=...")
    if isinstance(pruner, Hyperband) and pruner.max_steps and pruner.max_steps < first_value:
        problem = f"got {pruner.max_steps}; expected at least {first_value}, the step of the first evaluation"
        yield Fault(f"{where}.max_steps", problem, "Choose a larger value, or a smaller trainer.eval_every")


def _with_wrapped(pruner: Pruner) -> Iterable[tuple[str, Pruner]]:
    yield "pruner", pruner
    if isinstance(pruner, Patient):
        yield "pruner.wrapped", pruner.wrapped


def _first_step(pruner: Pruner, first_value: int) -> tuple[str, int]:
    """The option by which the user put off the first check, and the step that it was put off to."""
    if isinstance(pruner, (Median, Percentile, Threshold)):
        return "n_warmup_steps", pruner.n_warmup_steps
    if isinstance(pruner, Asha):
        rate, min_steps = pruner.min_early_stopping_rate, pruner.min_steps or first_value
        key = "min_early_stopping_rate" if rate else "min_steps"
        return key, min_steps * pruner.reduction_factor ** min(rate, FAR.bit_length())
    return "min_steps", (pruner.min_steps or 0) if isinstance(pruner, Hyperband) else 0


def _too_few_seeds(pruner: Pruner, n_seeds: int) -> Iterable[tuple[str, str]]:
    if isinstance(pruner, Wilcoxon) and n_seeds < (needed := seeds_needed(pruner)):
        given = f"pruner.p_threshold: got {pruner.p_threshold:g} with {n_seeds} seeds"
        yield (
            f"{given}; n seeds cannot give a p-value below 1 / 2^n, and one must be left to save",
            f"Use study.n_seeds={needed} or more, or a larger threshold",
        )


def _too_few_evaluations(pruner: Pruner, n_evaluations: int) -> Iterable[tuple[str, str]]:
    if isinstance(pruner, Patient) and n_evaluations < pruner.patience + 2:
        yield (
            f"pruner.patience: got {pruner.patience}, but a run has {n_evaluations} evaluations",
            "Choose a smaller one, or a smaller trainer.eval_every",
        )


def _too_few_trials(pruner: Pruner, n_candidates: int) -> Iterable[tuple[str, str]]:
    for where, inner in _with_wrapped(pruner):
        if isinstance(inner, (Median, Percentile)) and inner.n_startup_trials >= n_candidates:
            given = f"{where}.n_startup_trials: got {inner.n_startup_trials}"
            yield f"{given}, but the study has {n_candidates} candidates", "Choose a smaller one"
