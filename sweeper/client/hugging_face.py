"""Curves and pruning for Hugging Face's `Trainer`, with one line in the app.

`Trainer(..., callbacks=[StudyCallback()])`, from `sweeper.client.hugging_face`.
"""

from typing import Any

from transformers import TrainerCallback

from sweeper.client.reporting import report

NO_FIGURES = ("_runtime", "_per_second", "_compilation_time", "_preparation_time", "_timing")
"""How names end that tell how long an evaluation took."""


class StudyCallback(TrainerCallback):
    """Reports every evaluation; one of a run that is given up raises Pruned, and so does `train()`.

    `eval_accuracy` is `val/accuracy`; `evaluate(test_set, metric_key_prefix="test")`
    and `predict` tell of `test/`.
    """

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        """Report what was measured."""
        if state.is_world_process_zero and metrics:
            report(state.global_step, measured(metrics))

    def on_predict(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        """Report what was measured on the test split."""
        self.on_evaluate(args, state, control, metrics)


def measured(metrics: dict[str, Any]) -> dict[str, Any]:
    """The figures among what the Trainer hands out: numbers, without durations and the epoch."""
    return {
        name: value
        for name, value in metrics.items()
        if isinstance(value, int | float) and name != "epoch" and not name.endswith(NO_FIGURES)
    }
