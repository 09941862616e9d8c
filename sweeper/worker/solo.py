"""The reference training loop: one run, for every task.

From the last checkpoint, or from what another run has left, or from the seed;
until max_steps, patience or max_seconds, or told to leave:
    one optimizer step;
    every eval_every steps, and after the last one:
        evaluate on train and val -> metrics.jsonl, a checkpoint where the last is old,
        report -> continue, prune or stop.
The best model again: evaluate on test -> records.npz, best.pt, the result.
"""

import math
from typing import Literal

from sweeper.messages import Alive, Finished, Reply, Reported, Started, Stopped
from sweeper.task import Evaluation
from sweeper.worker.answers import Answers, heard
from sweeper.worker.checkpoint import (
    Checkpoints,
    Content,
    environment,
    environment_notes,
    write_checkpoint,
)
from sweeper.worker.figures import by_split, metrics_of, objective_of, write_records
from sweeper.worker.lifeline import Lifeline
from sweeper.worker.prefix import Prefix, Prefixes
from sweeper.worker.reporter import Reporter
from sweeper.worker.stopwatch import Stopwatch
from sweeper.worker.training import MisfitError, Training

SAVED = ("training", "steps_inherited", "seconds", "environment")
"""What a checkpoint of a run holds beside its identity."""
CHECKPOINT_AGE_S = 2.0
"""Evaluations that come sooner after a checkpoint write none: what a kill then costs is not worth a write."""
Ending = Literal["max_steps", "patience", "max_seconds", "stop_at", "told"]


class Solo:
    """Trains one run to its end, or until it is told to leave.

    `prefixes` say what it begins with where it has no checkpoint of its own, and what it leaves for others;
    at `stop_at` the run leaves with a checkpoint, interrupted. Steps and seconds add up over interruptions.
    """

    def __init__(
        self,
        training: Training,
        checkpoints: Checkpoints,
        reporter: Reporter,
        prefixes: Prefixes | None = None,
        stop_at: int | None = None,
        lifeline: Lifeline | None = None,
    ) -> None:
        self._training, self._checkpoints, self._reporter = training, checkpoints, reporter
        self._lifeline = lifeline or Lifeline()
        self._prefixes, self._stop_at = prefixes or Prefixes(), stop_at
        self._trainer = training.trainer
        self._steps_inherited = 0
        self._answers: dict[int, dict[str, Answers]] = {}
        self._stopwatch = Stopwatch()
        self._marked_step, self._marked_seconds = 0, 0.0
        self._saved_step: int | None = None
        self._saved_seconds = 0.0

    @property
    def n_parameters(self) -> int:
        """Of the model."""
        return sum(parameter.numel() for parameter in self._training.parameters)

    def train(self, notes: tuple[str, ...] = ()) -> None:
        """The whole run; `notes` go into the log and to the parent."""
        prefix = self._begin(notes)
        if prefix is not None and (told := self._retell(prefix)) is not None:
            return self._leave(*told)
        if self._training.step < self._training.total_steps:
            self._leave_prefixes()
        while (ending := self._ending()) is None:
            self._training.advance()
            self._stopwatch.tick()
            self._lifeline.step = self._training.step
            if (reply := self._after_step()) != "continue":
                self._save()
                return self._leave(why_left(reply))
        if ending in ("stop_at", "told"):
            self._save()
            return self._leave("interrupted")
        return self._finish(ending)

    def _after_step(self) -> Reply:
        """Others that begin alike evaluate every `eval_every` steps, too; the last evaluation is its own."""
        reply: Reply = "continue"
        is_of_all = self._training.step % self._trainer.eval_every == 0
        if not is_of_all:
            self._leave_prefixes()
        if self._is_evaluation_due():
            reply = self._evaluate()
        if is_of_all:
            self._leave_prefixes()
        return reply

    def _leave_prefixes(self) -> None:
        step = self._training.step
        wanted = self._prefixes.wanted_at(step)
        answers = self._answers.pop(step, {})
        for order in wanted:
            try:
                self._prefixes.write(order, self._training, self._reporter.metrics.rows(), answers)
            except OSError as error:  # others train these steps, too
                self._reporter.log(f"left nothing for others at step {step}: {error}")
        if wanted:
            self._reporter.send(Alive, step=step)

    def _begin(self, notes: tuple[str, ...]) -> Prefix | None:
        content, skipped = self._checkpoints.newest(self._load)
        prefix = None
        if content is None:
            prefix, said = self._prefixes.begin(self._training, lambda *what: self._measure(*what)[0])
            self._steps_inherited, notes = prefix.step if prefix else 0, (*notes, *said)
        now = environment(self._training.device)
        incidents = (
            skipped if content is None else (*skipped, *environment_notes(content["environment"], now))
        )
        if skipped and content is None:
            incidents = (*incidents, "no usable checkpoint is left: starts again at step 0")
        if content is not None:
            notes = (*notes, f"resumed from the checkpoint of step {self._training.step}")
        step, total_steps = self._training.step, self._training.total_steps
        self._reporter.metrics.drop_after(step if prefix is None else 0)
        self._mark()
        self._reporter.log("\n  ".join((f"starts at step {step} of {total_steps}", *notes, *incidents)))
        self._reporter.send(
            Started,
            resumed_step=step,
            total_steps=total_steps,
            device=str(self._training.device),
            steps_inherited=self._steps_inherited,
            notes=notes,
            incidents=incidents,
        )
        return prefix

    def _retell(self, prefix: Prefix) -> tuple[Literal["pruned", "interrupted"], int] | None:
        """Report the inherited evaluations as the run's own; why it leaves at one of them, and which."""
        reported = 0
        for reported, rows in prefix.by_step():
            self._reporter.metrics.append(rows)
            metrics = by_split({row["split"]: metrics_of(row) for row in rows})
            reply = self._reporter.send(
                Reported, step=reported, metrics=metrics, steps_per_s=0.0, is_inherited=True
            )
            if reply != "continue":
                return why_left(reply), reported
        is_trained = prefix.step >= self._training.total_steps
        if is_trained and reported < prefix.step:  # the last evaluation is this run's own
            reply = self._evaluate()
            return None if reply == "continue" else (why_left(reply), prefix.step)
        self._mark()
        return None

    def _load(self, content: Content) -> None:
        """Go on from there. Raises MisfitError, changing nothing, where other code has written it."""
        if missing := [key for key in SAVED if key not in content]:
            raise MisfitError(f"does not fit the present code (it lacks {', '.join(missing)})")
        self._training.load_state_dict(content["training"])
        self._steps_inherited = content["steps_inherited"]
        self._stopwatch = Stopwatch(content["seconds"])

    def _is_checkpoint_due(self) -> bool:
        age_s = self._stopwatch.tick() - self._saved_seconds
        return self._saved_step is None or age_s >= CHECKPOINT_AGE_S

    def _save(self) -> None:
        """A checkpoint of this step, unless there is one."""
        if self._saved_step == self._training.step:
            return
        self._training.watch.check()
        content = {
            "training": self._training.state_dict(),
            "steps_inherited": self._steps_inherited,
            "seconds": self._stopwatch.seconds,
            "environment": environment(self._training.device),
        }
        self._checkpoints.write(content)
        self._saved_step, self._saved_seconds = self._training.step, self._stopwatch.tick()

    def _ending(self) -> Ending | None:
        training = self._training
        if training.step >= training.total_steps:
            return "max_steps"
        if training.progress.is_exhausted(self._trainer.patience):
            return "patience"
        if self._is_out_of_time():
            return "max_seconds"
        if self._lifeline.must_leave:
            return "told"
        return "stop_at" if self._stop_at is not None and training.step >= self._stop_at else None

    def _is_out_of_time(self) -> bool:
        return self._trainer.max_seconds is not None and self._stopwatch.seconds >= self._trainer.max_seconds

    def _is_evaluation_due(self) -> bool:
        step = self._training.step
        is_last = step >= self._training.total_steps or self._is_out_of_time()
        return is_last or step % self._trainer.eval_every == 0

    def _evaluate(self) -> Reply:
        training, step = self._training, self._training.step
        training.watch.check()  # waits for the device, so that the speed below is of steps done
        speed = self._steps_per_s()
        metrics = {split: self._measure_for_others(split, step) for split in ("train", "val")}
        training.observe(objective_of(metrics["val"], training.objective.metric, "val", step))
        self._reporter.metrics.append(
            {"epoch": training.epoch, "split": split, "global_step": step, **found, "lr": training.lr}
            for split, found in metrics.items()
        )
        if self._is_checkpoint_due():
            self._save()
        reply = self._reporter.send(Reported, step=step, metrics=by_split(metrics), steps_per_s=speed)
        self._mark()
        return reply

    def _measure(self, split: str, step: int) -> tuple[dict[str, float], Evaluation]:
        evaluation = self._training.evaluate(split, step)
        metrics = {name: float(value) for name, value in evaluation.metrics.items()}
        undefined = sorted(name for name, value in metrics.items() if not math.isfinite(value))
        if undefined:
            self._reporter.log(f"left out at step {step}, not finite on {split}: {', '.join(undefined)}")
        return {name: value for name, value in metrics.items() if name not in undefined}, evaluation

    def _measure_for_others(self, split: str, step: int) -> dict[str, float]:
        """Keeps what the model answers, where runs that begin alike will ask for it."""
        if not self._prefixes.asks_for_model(step):
            return self._measure(split, step)[0]
        with heard(self._training.model) as answers:
            metrics, _ = self._measure(split, step)
        self._answers.setdefault(step, {})[split] = answers
        return metrics

    def _measured(self, step: int) -> list[dict[str, float]]:
        """What the evaluation after this step found on train and val, which is not repeated."""
        rows = {row["split"]: row for row in self._reporter.metrics.rows() if row["global_step"] == step}
        splits = ("train", "val")
        return [metrics_of(rows[s]) if s in rows else self._measure(s, step)[0] for s in splits]

    def _finish(self, ended_by: Ending) -> None:
        kept = self._training.keep()
        train, val = self._measured(kept)
        test, evaluation = self._measure("test", kept)
        objective_of(test, self._training.objective.metric, "test", kept)
        write_records(self._reporter.folder.records, evaluation)
        if (norm := self._training.gradients.mean) is not None:
            train["grad_norm"] = norm
        model = self._training.model.state_dict()
        content = {"identity": self._checkpoints.identity, "step": kept, "model": model}
        write_checkpoint(self._reporter.folder.best, content)
        self._checkpoints.remove()
        self._reporter.log(f"{ended_by} at step {self._training.step}; kept the model of step {kept}")
        self._reporter.send(
            Finished,
            metrics=by_split({"train": train, "val": val, "test": test}),
            best_step=kept,
            steps_trained=self._training.step - self._steps_inherited,
            steps_inherited=self._steps_inherited,
            seconds=self._stopwatch.tick(),
            ended_by=ended_by,
        )

    def _leave(self, why: Literal["pruned", "interrupted"], at: int | None = None) -> None:
        """`at`: an inherited evaluation, where the run has not come any further than that."""
        step = self._training.step if at is None else at
        self._reporter.log(f"{why} at step {step}")
        inherited = min(self._steps_inherited, step)
        self._reporter.send(
            Stopped,
            why=why,
            step=step,
            steps_trained=step - inherited,
            seconds=self._stopwatch.tick(),
            steps_inherited=inherited,
        )

    def _mark(self) -> None:
        self._marked_step, self._marked_seconds = self._training.step, self._stopwatch.tick()

    def _steps_per_s(self) -> float:
        seconds = self._stopwatch.tick() - self._marked_seconds
        return (self._training.step - self._marked_step) / max(seconds, 1e-9)


def why_left(reply: Reply) -> Literal["pruned", "interrupted"]:
    """Why a run leaves at this answer to a report."""
    return "pruned" if reply == "prune" else "interrupted"
