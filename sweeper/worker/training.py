"""A model on its way: what one optimizer step does, and everything that must survive an interruption."""

import copy
from typing import Any

import torch
from torch import Tensor

from sweeper.results import Objective
from sweeper.schema import RunSettings
from sweeper.task import Evaluation, Task
from sweeper.worker.amp import Precision
from sweeper.worker.batches import EpochIndices
from sweeper.worker.failures import needs_fresh_worker
from sweeper.worker.gradient_norms import GradientNorms
from sweeper.worker.loss_watch import LossWatch
from sweeper.worker.optimizers import build_optimizer
from sweeper.worker.progress import Plateau, Progress
from sweeper.worker.randomness import random_state, restore_random_state, seed_everything
from sweeper.worker.schedules import LearningRate

MAX_WORDS = 300
"""Characters of an error that are told: torch names every parameter."""


class MisfitError(Exception):
    """A state that other code has written; how that shows."""


class Training:
    """The state of one run between two optimizer steps.

    The seed decides the initial model and, with the step, the batches; runs that share it differ only by
    their configuration. `step` counts optimizer steps done, and is the number of the next one, as the loss
    sees it.
    """

    def __init__(
        self, task: Task, settings: RunSettings, seed: int, device: torch.device, nan_advice: str = ""
    ) -> None:
        trainer = settings.trainer
        seed_everything(seed)
        self.task, self.trainer, self.device = task, trainer, device
        self.objective = Objective(settings.task.metric, settings.task.direction)
        self.coefficients = task.coefficients()
        self.model = task.build_model().train()
        self.parameters = list(self.model.parameters())
        self.optimizer = build_optimizer(settings.optimizer, self.parameters, device)
        self.base_lr = settings.optimizer.lr
        self.batches = EpochIndices(task.n_train, trainer.batch_size, seed, device)
        self.total_steps = trainer.total_steps(task.n_train)
        self.learning_rate = LearningRate(
            trainer.schedule, self.total_steps, self.objective.sign, trainer.min_delta
        )
        self.precision = Precision(trainer.precision, device)
        self.watch = LossWatch(nan_advice)
        self.gradients = GradientNorms(device, is_on=settings.feels_scale)
        self.progress = Progress(self.objective.sign, Plateau(trainer.min_delta))
        self.best: dict[str, Tensor] | None = None
        self.step = 0

    @property
    def epoch(self) -> int:
        """Whole passes over the training split done."""
        return self.step // self.batches.n_batches

    @property
    def lr(self) -> float:
        """The learning rate of the optimizer's last step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def advance(self) -> None:
        """One optimizer step."""
        self.optimizer.param_groups[0]["lr"] = self.base_lr * self.learning_rate.at(self.step)
        batch = self.task.train_batch(self.batches.at(self.step))
        with self.precision.forward():
            outputs = self.model(batch)
            loss, _ = self.task.loss(outputs, batch, self.coefficients, self._as_tensor(self.step))
        norm = self.precision.descend(
            loss if self.trainer.loss_scale == 1 else loss * self.trainer.loss_scale,
            self.optimizer,
            self.parameters,
            self.trainer.grad_clip_norm,
            measures=self.gradients.is_on,
        )
        self.gradients.see(norm)
        self.watch.see(loss.detach(), self.step)
        self.step += 1

    def evaluate(self, split: str, step: int) -> Evaluation:
        """The task's evaluation of the model as it is, the loss as of `step`; always in full precision."""
        try:
            return self.task.evaluate(self.model, split, self.coefficients, self._as_tensor(step))
        finally:
            self.model.train()

    def observe(self, objective: float) -> None:
        """Let the objective on validation act on the learning rate, early stopping and the best model."""
        self.learning_rate.observe(objective)
        if self.progress.observe(objective, self.step) and self.trainer.restore_best:
            self.best = self._copy_of_model()

    def keep(self) -> int:
        """Turn the model into the one to be kept, the best or the last; the step that it is of."""
        if self.best is None:
            return self.step
        self.model.load_state_dict(self.best)
        return self.progress.best_step

    def state_dict(self) -> dict[str, Any]:
        """All that the steps to come depend on. The best model is left out where it is the present one."""
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "learning_rate": self.learning_rate.state_dict(),
            "scaler": self.precision.scaler.state_dict(),
            "progress": self.progress.state_dict(),
            "gradients": self.gradients.state_dict(),
            "best": None if self.progress.best_step == self.step else self.best,
            "random": random_state(self.device),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`: the same bits on the same device, thread count and CPU capability.

        Raises MisfitError where the state is that of other code; the training is then as it was before.
        """
        before = copy.deepcopy(self.state_dict())
        try:
            self._load(state)
        except Exception as error:
            if needs_fresh_worker(error):
                raise  # the device's fault, not the state's
            self._load(before)
            said = " ".join(str(error).split())[:MAX_WORDS]
            raise MisfitError(f"does not fit the present code ({type(error).__name__}: {said})") from error

    def _load(self, state: dict[str, Any]) -> None:
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.learning_rate.load_state_dict(state["learning_rate"])
        self.precision.scaler.load_state_dict(state["scaler"])
        self.progress.load_state_dict(state["progress"])
        self.gradients.load_state_dict(state.get("gradients"))
        self.best = state["best"]
        is_best = self.progress.best_step == self.step > 0
        if self.best is None and self.trainer.restore_best and is_best:
            self.best = self._copy_of_model()
        restore_random_state(state["random"], self.device)

    def _as_tensor(self, step: int) -> Tensor:
        # filled on the device: copying a number there would wait for it
        return torch.full((), step, dtype=torch.int64, device=self.device)

    def _copy_of_model(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.model.state_dict().items()}
